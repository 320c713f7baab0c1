"""Every protocol from recordings to figures, on few clips and small models."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mujo_core.datasets.utd_mhad import load_utd_mhad
from mujo_core.evaluation.baselines import baseline, baselines, get_baseline
from mujo_core.evaluation.full import evaluate_full
from mujo_core.evaluation.registry import Result, Task, get_protocol, protocol, protocols
from mujo_core.evaluation.report import write_report
from mujo_core.evaluation.runs import join_runs
from mujo_core.evaluation.unknown import auroc
from mujo_core.labels import taxonomy
from mujo_core.model.checkpoint import Calibration, Checkpoint, load_checkpoint
from mujo_core.model.joint_space import JointSpace, ModelSettings
from mujo_core.model.text import embed_labels
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.training.clip import make_clip
from mujo_core.training.config import read_config
from mujo_core.training.fit import fit_model
from mujo_core.window import WindowSpec

DATA = Path(__file__).parents[1] / 'data'
UTD = Path(__file__).parents[3] / 'shared' / 'data' / 'utd_mhad'
TURNS = {'walk': 1.0, 'jog': 2.5, 'squat': 0.3}
"""Hz of the made-up motion of each label."""


def made_up(label: str, subject: str, trial: int, seconds: float = 6.0) -> Recording:
    """A wrist and a skeleton that swing at the label's frequency."""
    rng = np.random.default_rng([ord(c) for c in f'{label}{subject}{trial}'])
    turn = 2 * np.pi * TURNS[label] * rng.uniform(0.9, 1.1)

    def swing(rate: float, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        t = np.arange(round(seconds * rate) + 1) / rate
        wave = np.sin(turn * t + rng.uniform(0, 6)).reshape(-1, *[1] * len(shape))
        return t, (wave * rng.uniform(0.8, 1.2) + rng.normal(size=(len(t), *shape)) * 0.05)

    imu_t, imu = swing(50.0, (6,))
    pose_t, pose = swing(25.0, (16, 3))
    body = (
        np.random.default_rng(1).normal(size=(16, 3)) + pose * np.linspace(-0.3, 0.3, 16)[:, None]
    )
    streams = {
        'imu/right_wrist': Stream(imu_t, (3 * imu + (0, 0, 9.8, 0, 0, 0)).astype(np.float32)),
        'pose': Stream(pose_t, body.astype(np.float32), 'canonical16', (0.0, 0.0, 1.0)),
    }
    name = f'{label}_{subject}_{trial}'
    return Recording(name, 'made_up', subject, streams, [Segment(label, 0.0, seconds)])


def people(*subjects: str, trials: int = 2) -> list[Recording]:
    return [made_up(w, s, t) for s in subjects for w in TURNS for t in range(trials)]


@pytest.fixture(scope='module')
def small() -> Checkpoint:
    """A small model with random weights that knows the labels by name."""
    torch.manual_seed(7)
    labels = {name: taxonomy()[name] for name in (*TURNS, 'rest')}
    model = JointSpace(ModelSettings(size=16, width=16)).eval()
    return Checkpoint(model, WindowSpec(), labels, embed_labels(labels))


def task_of(checkpoint: Checkpoint, tested: Sequence[Recording], **more) -> Task:
    return Task(checkpoint, 'small', 'made_up', 'subjects', tested, **more)


@pytest.fixture(scope='module')
def clips() -> list[Recording]:
    """Four clips of a person whom `test/data/without_subject_7` has not seen."""
    found = []
    for path in sorted(DATA.glob('utd_mhad_*.npz')):
        if path.stem.endswith('depth'):
            continue
        file = np.load(path)
        streams = {
            'pose': Stream(file['skeleton/t'], file['skeleton/xyz'], str(file['skeleton/layout']))
        }
        for key in file.files:
            if key.startswith('imu/') and key.endswith('/acc'):
                stem = key.removesuffix('/acc')
                values = np.concatenate([file[key], file[f'{stem}/gyro']], axis=1)
                streams[stem] = Stream(file[f'{stem}/t'], values.astype(np.float32))
        label = path.stem.split('_', 5)[-1]
        end = max(float(s.stamps[-1]) for s in streams.values())
        found.append(Recording(path.stem, 'utd_mhad', '7', streams, [Segment(label, 0.0, end)]))
    return found


@pytest.fixture(scope='module')
def held_out() -> Checkpoint:
    return load_checkpoint(DATA / 'without_subject_7')


def test_full_knows_the_clips_of_a_person_unseen(held_out, clips):
    result = get_protocol('full')(task_of(held_out, clips, labels=tuple(held_out.labels)[:27]))
    assert list(result.data) == [
        'dataset', 'split', 'subjects', 'recordings', 'checkpoint',
        'subjects_trained_on', 'subsets', 'unit', 'answers',
    ]  # fmt: skip
    assert result.data['subjects'] == [7]
    assert list(result.data['subsets']) == ['pose', 'imu', 'pose+imu']
    assert result.data['subsets']['pose+imu']['accuracy'] == 1.0
    spread = result.details['spread']['pose+imu']
    assert spread['accuracy_wilson_95'] == pytest.approx([0.5101, 1.0], abs=1e-3)
    assert spread['subjects'] == {'7': {'accuracy': 1.0, 'macro_f1': 1.0, 'n': 4}}
    assert result.data['unit'] == 'recording'


@pytest.mark.skipif(not UTD.is_dir(), reason='needs UTD-MHAD in ../shared/data/utd_mhad')
def test_the_held_out_fold_reaches_its_card(held_out):
    actions = range(1, 28)
    tested = [r for r in load_utd_mhad(UTD, ['7']) if int(r.name[1:].split('_')[0]) in actions]
    scores = evaluate_full(held_out, tested)
    assert scores['pose+imu'].n == 108
    assert scores['pose+imu'].macro_f1 > 0.97
    assert scores['pose+imu'].macro_f1 >= scores['imu'].macro_f1


def test_retrieval_finds_clips_by_text_and_text_by_clips(held_out, clips):
    data = get_protocol('retrieval')(task_of(held_out, clips)).data
    assert set(data['pairs']) == {
        f'{a} to {b}' for a in ('pose', 'imu', 'text') for b in ('pose', 'imu', 'text') if a != b
    }
    for name, pair in data['pairs'].items():
        assert (pair['queries'], pair['gallery']) == (4, 4)
        assert pair['chance']['r_at_1'] == 0.25
        assert pair['r_at_1'] >= 0.75, name
        assert pair['r_at_5'] == 1.0


def test_a_text_finds_any_clip_of_its_label(held_out, clips):
    twice = [*clips, replace(clips[0], name='again')]
    pair = get_protocol('retrieval')(task_of(held_out, twice)).data['pairs']['text to pose']
    assert (pair['queries'], pair['gallery']) == (4, 5)
    assert pair['r_at_1'] == 1.0
    assert pair['chance']['r_at_1'] == pytest.approx((3 * 0.2 + 0.4) / 4)


def without(checkpoint: Checkpoint, label: str) -> Checkpoint:
    """The checkpoint as if it had never been told of a label."""
    rows = [place for place, name in enumerate(checkpoint.labels) if name != label]
    return replace(
        checkpoint,
        labels={n: known for n, known in checkpoint.labels.items() if n != label},
        sentences=checkpoint.sentences[rows],
    )


def test_zero_shot_reads_texts_and_states_chance(held_out, clips):
    # Never unknown by its threshold: it says the one label that it has, which is no activity.
    never = {name: Calibration(unknown={0.05: -1e9}) for name in held_out.calibration}
    unnamed = replace(held_out, labels={'rest': held_out.labels['rest']}, calibration=never)
    unnamed.sentences = held_out.sentences[-1:]
    data = get_protocol('zero_shot')(task_of(unnamed, clips)).data
    assert data['labels_trained_on'] == []
    assert sorted(data['labels']) == sorted({r.label for r in clips})
    assert data['subsets']['pose+imu']['accuracy'] == 1.0
    assert data['subsets']['pose+imu']['chance']['accuracy'] == 0.25
    assert data['subsets']['pose+imu']['macro_f1_trained_on'] is None
    said = data['subsets']['pose+imu']['own_labels']
    assert set(said) == {'never_met'} and said['never_met']['n'] == len(clips)
    assert said['never_met']['none'] == 1.0 and said['never_met']['wrong'] == 0.0


def test_zero_shot_tells_activities_that_were_met_from_those_that_were_not(held_out, clips):
    """A squat by another name is one; of a lacking label whatever is said is wrong or none."""
    lacking = without(held_out, 'boxing')
    words = {'squat': 'squats'}
    renamed = [
        replace(r, segments=[replace(s, label=words.get(s.label, s.label)) for s in r.segments])
        for r in clips
    ]
    data = get_protocol('zero_shot')(task_of(lacking, renamed)).data
    assert 'squats' in data['labels_trained_on'] and 'boxing' not in data['labels_trained_on']
    figures = data['subsets']['pose+imu']
    own = figures['own_labels']
    assert own['met']['n'] + own['never_met']['n'] == len(clips)
    assert own['met']['right'] > 0.5 and own['met']['wrong'] == own['never_met']['right'] == 0.0
    for said in own.values():
        assert said['right'] + said['none'] + said['wrong'] == pytest.approx(1.0, abs=1e-4)
        assert said['sure'] <= said['wrong']
    known = [figures['per_class'][label] for label in data['labels_trained_on']]
    assert figures['macro_f1_trained_on'] == pytest.approx(np.mean(known), abs=1e-4)


def test_a_sensor_that_fails_costs_no_more_than_its_absence(held_out, clips):
    result = get_protocol('missing_modality')(task_of(held_out, clips))
    outages = result.data['outages']
    assert set(outages) == {'pose', 'imu'}
    other = {'pose': 'imu', 'imu': 'pose'}
    for modality, cases in outages.items():
        by_name = {case['outage']: case for case in cases}
        assert len(by_name) == 7
        assert by_name['never lost']['accuracy'] == 1.0
        assert by_name['silent from 25 to 75 %, then back']['n'] == 4
        alone = result.data['subsets'][other[modality]]
        assert by_name['never there']['accuracy'] == alone['accuracy']


class Loudness:
    """A baseline: whoever shakes the wrist alike does the same."""

    modalities = ('imu',)

    def __init__(self, subset, spec, classes, seed) -> None:
        self.classes = classes

    def fit(self, examples, truth) -> None:
        loud = self._loudness(examples)
        self.means = np.array([loud[truth == c].mean() for c in range(self.classes)])

    def probabilities(self, examples):
        nearest = np.abs(self._loudness(examples)[:, None] - self.means).argmin(axis=1)
        return np.eye(self.classes)[nearest]

    @staticmethod
    def _loudness(examples):
        turns = [np.diff(e.window.imu['right_wrist'][:, 0], axis=0).std() for e in examples]
        return np.array(turns)


def test_a_baseline_is_one_class_and_is_fitted_on_other_people(small):
    baseline('loudness', 'how much the wrist moves')(Loudness)
    assert 'loudness' in baselines()
    seen = []

    def training() -> list[Recording]:
        seen.append(1)
        return people('2', '3')

    task = task_of(small, people('1'), training=training, baselines=('loudness',))
    result = get_protocol('full')(task)
    beside = result.data['baseline']
    assert seen
    assert beside['trained_on_subjects'] == ['2', '3']
    assert list(beside['subsets']) == ['imu']
    figures = beside['subsets']['imu']
    assert figures['accuracy'] == 1.0
    assert figures['n'] == result.data['subsets']['imu']['n'] == 6
    gap = figures['ours_minus_baseline']['accuracy']
    assert gap == pytest.approx(result.data['subsets']['imu']['accuracy'] - 1.0, abs=1e-5)
    assert 'ece' not in figures


def test_a_baseline_beside_several_checkpoints_is_in_their_tables(small, tmp_path):
    pytest.importorskip('matplotlib')
    baseline('loudness', 'how much the wrist moves')(Loudness)
    for name in ('full', 'robustness'):
        task = task_of(small, people('1'), training=lambda: people('2', '3'),
                       baselines=('loudness',), corruptions=('shift',))  # fmt: skip
        one = get_protocol(name)(replace(task, tested=[r.only(['imu']) for r in task.tested]))
        joined = join_runs([one, one])
        (table,) = [t for t in joined.tables if 'beside loudness' in t.title]
        assert table.columns[1:4] == ['ours', 'loudness', 'difference']
        assert table.rows[0][0] in ('imu', 'clean')
        assert table.rows[0][2] == '1.0000 ± 0.0000'
        write_report(joined, name, tmp_path)
        assert table.title in (tmp_path / 'report.md').read_text()


@pytest.mark.slow
def test_minirocket_learns_what_is_easy(small):
    pytest.importorskip('aeon')
    task = task_of(small, people('1'), training=lambda: people('2', '3'), baselines=('minirocket',))
    figures = get_protocol('full')(task).data['baseline']['subsets']
    assert list(figures) == ['pose', 'imu', 'pose+imu']
    assert all(f['accuracy'] == 1.0 for f in figures.values()), figures


@pytest.mark.parametrize(
    ('get', 'what'), [(get_protocol, 'retrieval'), (get_baseline, 'minirocket')]
)
def test_an_unknown_name_is_answered_with_the_known_ones(get, what):
    with pytest.raises(ValueError, match=what):
        get('nonsense')


def test_a_protocol_is_one_function(small):
    @protocol('count', 'how many recordings there are')
    def count(task: Task) -> Result:
        return Result({**task.header(), 'count': len(task.tested)}, [])

    assert protocols()['count'] == 'how many recordings there are'
    assert get_protocol('count')(task_of(small, people('1'))).data['count'] == 6


FEW_STEPS = [
    '--fit.steps', '30', '--fit.batch_size', '16', '--fit.workers', '0', '--fit.average', '0',
]  # fmt: skip


def test_low_label_compares_three_answers_on_people_unseen(small):
    told: list[str] = []
    task = task_of(
        small, [r.only(['imu']) for r in people('1')], seeds=(0, 1), amounts=('1/class', '100%'),
        training=lambda: [r.only(['imu']) for r in people('2', '3')],
        settings=(None, FEW_STEPS), say=told.append,
    )  # fmt: skip
    result = get_protocol('low_label')(task)
    few, every = result.data['curve']
    assert (few['amount'], few['windows'], few['classes']) == ('1/class', 3, 3)
    # Two windows of 3 s in each of 12 recordings.
    assert (every['amount'], every['windows']) == ('100%', result.data['training_windows'])
    assert result.data['training_windows'] == 24
    assert result.data['trained_on_subjects'] == ['2', '3']
    assert result.data['budget']['steps'] == 30
    for point in (few, every):
        for figures in point['methods'].values():
            values = figures['macro_f1']['values']
            assert len(values) == 2
            assert figures['macro_f1']['mean'] == pytest.approx(np.mean(values), abs=1e-4)
    assert every['methods']['scratch']['accuracy']['mean'] > 0.6
    assert every['methods']['linear_probe']['accuracy']['mean'] > 0.6
    assert len(told) == 4 and '1/class, seed 1' in told[1]


def test_low_label_puts_a_baseline_beside_them_that_learns_from_the_same_windows(
    small, monkeypatch
):
    learned = []

    class Counting:
        modalities = ('imu',)

        def __init__(self, subset, spec, classes, seed):
            self.classes = classes

        def fit(self, examples, truth):
            learned.append((len(examples), len(set(truth))))

        def probabilities(self, examples):
            rows = np.zeros((len(examples), self.classes))
            rows[:, 0] = 1.0
            return rows

    monkeypatch.setattr(
        'mujo_core.evaluation.low_label.make_baseline',
        lambda name, task, subset, labels: Counting(subset, None, len(labels), 0),
    )
    task = task_of(
        small, [r.only(['imu']) for r in people('1')], seeds=(0,), amounts=('1/class', '100%'),
        training=lambda: [r.only(['imu']) for r in people('2', '3')], baselines=('counting',),
        settings=(None, [*FEW_STEPS, '--fit.steps', '1']),
    )  # fmt: skip
    result = get_protocol('low_label')(task)
    assert learned == [(3, 3), (24, 3)]
    for point in result.data['curve']:
        assert point['methods']['counting']['accuracy']['mean'] == pytest.approx(1 / 3)
    assert result.tables[0].columns[-1] == 'counting'


def test_training_begins_with_the_weights_it_is_given(small):
    config = read_config(
        None, [*FEW_STEPS, '--fit.steps', '1', '--fit.learning_rate', '1e-12',
               '--model.size', '16', '--model.width', '16'],
    )  # fmt: skip
    made = [make_clip(r, str(r.label), rests=False) for r in people('2')]
    found = fit_model(made, np.ones(len(made)), config, False, start=small.model)
    for name, weight in found.model.named_parameters():
        torch.testing.assert_close(weight, small.model.state_dict()[name])
    other = fit_model(made, np.ones(len(made)), config, False)
    assert not torch.allclose(other.model.imu.trunk.head.weight, small.model.imu.trunk.head.weight)


@pytest.mark.parametrize(
    'name', ['full', 'missing_modality', 'zero_shot', 'retrieval', 'low_label']
)
def test_every_protocol_writes_a_report(small, tmp_path, name):
    pytest.importorskip('matplotlib')
    pytest.importorskip('sklearn')
    task = task_of(
        small, people('1', '4', trials=1), training=lambda: people('2', trials=1), seeds=(0,),
        amounts=('100%',), settings=(None, [*FEW_STEPS, '--fit.steps', '2']),
    )  # fmt: skip
    result = get_protocol(name)(task)
    write_report(result, name, tmp_path / 'deep' / 'report')
    folder = tmp_path / 'deep' / 'report'
    data = json.loads((folder / 'report.json').read_text())
    assert data['protocol'] == name
    assert set(result.data) <= set(data)
    text = (folder / 'report.md').read_text()
    assert result.plots
    for plot in result.plots:
        assert f'({plot.name}.png)' in text
        assert (folder / f'{plot.name}.png').read_bytes().startswith(b'\x89PNG')
    for table in result.tables:
        assert table.title in text


def test_auroc_of_unknown_by_hand():
    strength = np.array([3.0, 2.0, 1.0, 2.5])
    assert auroc(strength, np.array([False, False, True, True])) == pytest.approx(0.75)


def test_unknown_a_label_the_model_lacks_is_a_stranger(held_out, clips):
    lacking = without(held_out, 'squat')
    result = get_protocol('unknown')(task_of(lacking, clips))
    assert result.data['trained_without'] and result.data['strangers'] == [['squat']]
    assert not result.notes
    for figures in result.data['subsets'].values():
        assert figures['auroc']['mean'] > 0.8
        assert figures['false_0.01']['mean'] <= figures['false_0.1']['mean']
        # By a threshold of the windows themselves strangers are caught without any calibration.
        assert figures['caught_own_0.05']['mean'] > 0.0


def test_unknown_labels_are_drawn_where_all_are_known(held_out, clips):
    result = get_protocol('unknown')(task_of(held_out, clips, seeds=(0, 1)))
    assert not result.data['trained_without'] and len(result.data['strangers']) == 2
    assert 'were trained on' in result.notes[0]
    assert set(result.data['subsets']) == {'pose', 'imu', 'pose+imu'}


@pytest.mark.parametrize('name', ['unknown', 'zero_shot'])
def test_without_a_threshold_no_figure_of_unknown_is_told(held_out, clips, name):
    """A share of 0 would say that nothing strange was caught, where nothing was asked."""
    calibration = {k: v for k, v in held_out.calibration.items() if k != 'imu'}
    bare = replace(held_out, calibration=calibration)
    result = get_protocol(name)(task_of(bare, clips, seeds=(0, 1)))
    (note,) = [n for n in result.notes if 'no threshold of unknown for imu (no ' in n]
    assert note
    imu, pose = (result.data['subsets'][subset] for subset in ('imu', 'pose'))
    rows = {row[0]: row for row in result.tables[-1].rows}
    columns = result.tables[-1].columns
    if name == 'unknown':
        assert imu['caught_0.05'] is None and imu['false_0.1'] is None
        assert imu['auroc']['mean'] > 0.5 and pose['false_0.05']['mean'] >= 0.0
        left_out = ['caught at 5 %', 'false alarms at 5 %']
    else:
        assert imu['own_labels']['met']['none'] is None
        assert pose['own_labels']['met']['none'] is not None
        left_out = ['unknown or none']
    assert [c for c, v in zip(columns, rows['imu'], strict=True) if v == '-'] == left_out
    assert '-' not in rows['pose']
    assert not any('no threshold' in n for n in get_protocol(name)(task_of(held_out, clips)).notes)
    other = get_protocol(name)(task_of(held_out, clips, seeds=(0, 1)))
    joined = join_runs([result, other])
    assert joined.tables and note in joined.notes
    assert 'imu' in joined.data['over_checkpoints']['subsets']
