"""The protocol `robustness`: broken sensors through the timeline, and others beside ours."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mujo_core.cli.main import main
from mujo_core.corruptions import corrupt, make_corruption
from mujo_core.evaluation.baselines import baseline
from mujo_core.evaluation.baselines.minirocket import channels
from mujo_core.evaluation.baselines.synchronizer import QUEUE_SIZE, SLOP, matched
from mujo_core.evaluation.corrupted import NO_ANSWER, figures, make_pieces, pool_ticks, ticks_of
from mujo_core.evaluation.distinct import DistinctEncoder
from mujo_core.evaluation.embedding import embed_windows
from mujo_core.evaluation.registry import Task, get_protocol
from mujo_core.evaluation.report import rounded, write_report
from mujo_core.evaluation.robustness_benchmark import made_up_clips, measure_robustness
from mujo_core.evaluation.runs import join_runs
from mujo_core.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mujo_core.recognition.playback import live_windows
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.window import Window, WindowSpec

DATA = Path(__file__).parents[1] / 'data'
SPEC = WindowSpec()


@pytest.fixture(scope='module')
def held_out() -> Checkpoint:
    return load_checkpoint(DATA / 'without_subject_7')


@pytest.fixture(scope='module')
def clips() -> list[Recording]:
    """Four clips of a person whom the checkpoint has not seen."""
    found = []
    for label in ('boxing', 'jog', 'squat', 'wave'):
        (path,) = DATA.glob(f'utd_mhad_*_{label}.npz')
        with np.load(path) as file:
            imu = next(k.rpartition('/')[0] for k in file if k.startswith('imu/'))
            samples = np.concatenate([file[f'{imu}/acc'], file[f'{imu}/gyro']], axis=1)
            streams = {
                'pose': Stream(
                    file['skeleton/t'], file['skeleton/xyz'].astype(np.float32), 'kinect20'
                ),
                imu: Stream(file[f'{imu}/t'], samples.astype(np.float32)),
            }
        whole = Recording(label, 'utd_mhad', '7', streams)
        segment = Segment(label, whole.start, whole.end)
        found.append(Recording(label, 'utd_mhad', '7', streams, [segment]))
    return found


def task_of(checkpoint, tested, *corruptions, **more) -> Task:
    labels = tuple(checkpoint.labels)[:27]
    return Task(
        checkpoint, 'held out', 'utd_mhad', 'subjects', tested,
        labels=labels, corruptions=corruptions, **more,
    )  # fmt: skip


def by_case(result) -> dict:
    return {case['case']: case for case in result.data['cases']}


@pytest.fixture(scope='module')
def result(held_out, clips):
    task = task_of(
        held_out, clips, 'shift', 'missing', 'gap', 'imu_turned', 'skeleton_mirrored',
        baselines=('synchronizer',),
    )  # fmt: skip
    return get_protocol('robustness')(task)


def test_every_case_is_scored_in_every_subset_it_changes(result):
    cases = by_case(result)
    assert next(iter(cases)) == 'clean' and len(cases) == 1 + 4 + 3 + 2 + 2 + 1
    assert set(cases['clean']['subsets']) == {'pose', 'imu', 'pose+imu'}
    assert set(cases['imu_turned any']['subsets']) == {'imu', 'pose+imu'}
    assert set(cases['skeleton_mirrored']['subsets']) == {'pose', 'pose+imu'}
    assert set(cases['missing pose']['subsets']) == {'pose+imu'}
    for name in ('clean', 'shift 4 steps of 128', 'missing pose', 'missing imu'):
        best = cases[name]['subsets']['pose+imu']
        assert best['answered'] == best['ticks_answered'] == 1.0, name
        # Without the skeleton one of these four is beyond the wrist alone.
        assert best['accuracy'] >= (0.75 if name == 'missing pose' else 1.0), name
    low, high = cases['clean']['subsets']['pose+imu']['accuracy_wilson_95']
    assert (low, high) == (pytest.approx(0.5101, abs=1e-3), 1.0)


def test_with_nothing_there_none_is_the_only_right_answer(result):
    nothing = by_case(result)['missing all']
    assert nothing['category'] == 'nothing there'
    figures = nothing['subsets']['pose+imu']
    assert figures['accuracy'] == 1.0
    assert figures['answered'] == figures['ticks_answered'] == 0.0
    missing = [by_case(result)[f'missing {m}']['subsets']['pose+imu'] for m in ('pose', 'imu')]
    mean = np.mean([m['accuracy'] for m in missing])
    assert result.data['categories']['missing']['accuracy'] == mean


def test_a_subset_is_judged_on_the_recordings_that_hold_all_of_it(held_out, clips, result):
    """Clips without a device are no mistakes of the IMU's, nor of both together."""
    baseline('always', 'the commonest label')(Always)
    poses = [replace(c.only(['pose']), name=f'{c.name} again') for c in clips[:3]]
    task = task_of(held_out, [*clips, *poses], 'shift', 'missing', 'gap', 'imu_turned',
                   baselines=('always',), training=lambda: clips)  # fmt: skip
    mixed = get_protocol('robustness')(task)
    cases, alone = by_case(mixed), by_case(result)
    assert mixed.data['pieces'] == 7
    for name in ('clean', 'gap 1 s', 'imu_turned any', 'missing pose', 'missing imu'):
        assert {s: f['n'] for s, f in cases[name]['subsets'].items()} == {
            s: 7 if s == 'pose' else 4 for s in alone[name]['subsets']
        }, name
        assert cases[name]['baselines']['always']['n'] == 4
    # The same four clips, whatever stands beside them; noise and gaps are drawn by the name.
    for name in ('clean', 'gap 1 s', 'imu_turned any', 'missing pose', 'missing all'):
        for subset in set(alone[name]['subsets']) - {'pose'}:
            assert cases[name]['subsets'][subset] == alone[name]['subsets'][subset], (name, subset)
    gap = mixed.data['ours_minus_baseline']['always']['missing']
    missing = mixed.data['categories']['missing']
    assert gap['accuracy'] == pytest.approx(missing['accuracy'] - 0.25, abs=1e-4)
    for table in mixed.tables[:2]:
        assert table.rows[-1][:2] == ['n', 4] and 7 in table.rows[-1]
    assert any('hold all of its modalities' in n and '--protocol full' in n for n in mixed.notes)


def test_modalities_that_never_occur_together_are_refused(held_out, clips):
    apart = [clips[0].only(['pose']), clips[1].only(['imu'])]
    with pytest.raises(ValueError, match=r'pose and imu together.*--modalities'):
        get_protocol('robustness')(task_of(held_out, apart, 'gap'))


def test_a_mirrored_skeleton_is_found_and_no_other(result):
    found = {n: c['found_mirrored'] for n, c in by_case(result).items() if 'found_mirrored' in c}
    assert found.pop('skeleton_mirrored') == 1.0
    assert found and not any(found.values())


def test_a_synchronizer_says_nothing_of_what_has_no_partner(result):
    cases = by_case(result)
    assert cases['clean']['baselines']['synchronizer']['ticks_answered'] == 1.0
    for name in ('missing pose', 'missing imu', 'missing all'):
        assert cases[name]['baselines']['synchronizer']['ticks_answered'] == 0.0
    gap = result.data['ours_minus_baseline']['synchronizer']['missing']
    assert gap['accuracy'] == pytest.approx(result.data['categories']['missing']['accuracy'])
    low, high = gap['accuracy_bootstrap_95']
    assert 0.5 <= low <= gap['accuracy'] <= high == 1.0
    right = [round(4 * cases[f'missing {m}']['subsets']['pose+imu']['accuracy'])
             for m in ('pose', 'imu')]  # fmt: skip
    assert gap['mcnemar_p'] == [0.5 ** (count - 1) for count in right]
    assert 'nothing there' not in result.data['ours_minus_baseline']['synchronizer']


def test_the_same_seed_gives_the_same_figures_and_a_report(held_out, clips, result, tmp_path):
    pytest.importorskip('matplotlib')
    again = get_protocol('robustness')(task_of(held_out, clips[:2], 'gap', 'imu_turned'))
    first = get_protocol('robustness')(task_of(held_out, clips[:2], 'gap', 'imu_turned'))
    assert again.data == first.data
    write_report(result, 'robustness', tmp_path)
    data = json.loads((tmp_path / 'report.json').read_text())
    assert data['categories'] == rounded(result.data['categories'])
    assert set(data['cpu_seconds']) >= {'corrupt', 'windows', 'model'}
    assert (tmp_path / 'robustness.png').read_bytes().startswith(b'\x89PNG')
    joined = join_runs([again, first])
    assert joined.data['over_checkpoints']['categories']['gaps']['accuracy']['std'] == 0.0
    assert any('mean and std of 2 checkpoints' in table.title for table in joined.tables)


def test_distinct_windows_are_encoded_once_and_like_all_others(held_out, clips, monkeypatch):
    pieces = make_pieces(clips, SPEC, list(held_out.labels), (), None, None)
    ticks = ticks_of(pieces, clips, clips, SPEC)
    windows = [e.window for e in ticks.examples]
    encode = DistinctEncoder(held_out)
    found = encode(windows, keep=True)
    expected = embed_windows(held_out, windows)
    for modality in ('pose', 'imu'):
        np.testing.assert_allclose(found.vectors[modality], expected.vectors[modality], atol=1e-4)
    turned = [corrupt(c, make_corruption('imu_turned', 'any')) for c in clips]
    asked = []
    monkeypatch.setattr(
        'mujo_core.evaluation.distinct.embed_windows',
        lambda checkpoint, new: asked.append(len(new)) or embed_windows(checkpoint, new),
    )
    changed = ticks_of(pieces, turned, turned, SPEC)
    other = encode([e.window for e in changed.examples])
    assert asked == [len(windows)]  # the IMU's alone
    np.testing.assert_array_equal(other.vectors['pose'], found.vectors['pose'])
    assert (other.vectors['imu'] - found.vectors['imu']).abs().max() > 0.1
    assert encode([None, windows[0]]).present['pose'].tolist() == [False, True]


def test_a_node_looks_at_what_has_arrived():
    t = np.arange(0, 6, 0.02)
    imu = Stream(t, np.ones((len(t), 6), np.float32))
    pose_t = np.arange(0, 4, 0.04)
    pose = Stream(pose_t, np.random.default_rng(0).normal(size=(len(pose_t), 16, 3)))
    take = Recording('take', 'd', '1', {'imu/waist': imu, 'pose': pose})
    seen = list(live_windows(take, SPEC, [-1.0, 2.0, 4.1, 5.0, 9.0]))
    assert seen[0] == (np.inf, None)
    windows = [window for _, window in seen[1:]]
    ends = [window.end - 1000.0 for window in windows]
    # It waits 0.25 s for the skeleton, then goes on without.
    assert ends == pytest.approx([2.0, 3.96, 5.0, 5.98])
    assert [w.coverage['pose'] for w in windows] == pytest.approx([51 / 75, 1.0, 49 / 75, 25 / 75],
                                                                  abs=0.02)  # fmt: skip
    assert [age for age, _ in seen[1:]] == pytest.approx([0.0, 0.0, 0.0, 3.02], abs=1e-6)


def test_long_recordings_are_scored_window_by_window(held_out):
    (clip,) = made_up_clips(['walk'], 1)
    t = np.arange(0, 12, 0.02)
    samples = np.random.default_rng(0).normal(size=(len(t), 6)) + np.eye(6)[2] * 9.8
    long = Recording(
        'long', 'made_up', '1', {'imu/right_wrist': Stream(t, samples.astype(np.float32))},
        [Segment('walk', 0.0, 11.98)],
    )  # fmt: skip
    pieces = make_pieces([long, clip], SPEC, list(held_out.labels), (), 'window', None)
    assert [p.source for p in pieces.pieces] == ['long'] * 7 + ['0'] * 2
    ticks = ticks_of(pieces, [p.stretch for p in pieces.pieces], [p.stretch for p in pieces.pieces],
                     SPEC)  # fmt: skip
    assert ticks.groups.tolist() == list(range(9))
    assert all(e.window.coverage['imu/right_wrist'] > 0.99 for e in ticks.examples)


def test_pieces_without_an_answer_count_as_wrong():
    nan = [np.nan] * 3
    rows = np.array([[0.6, 0.3, 0.1], nan, nan, nan, [0.1, 0.2, 0.7], [0.1, 0.6, 0.3]])
    answers = pool_ticks(rows, np.array([0, 0, 1, 1, 2, 2]), 3)
    assert answers.said.tolist() == [0, NO_ANSWER, 2]
    assert answers.ticks.tolist() == [0, NO_ANSWER, NO_ANSWER, NO_ANSWER, 2, 1]
    found = figures(answers, np.array([0, 1, 2]), 3)
    assert found['accuracy'] == found['answered'] == pytest.approx(2 / 3, abs=1e-5)
    assert found['macro_f1'] == pytest.approx(2 / 3, abs=1e-5)
    assert found['ticks_answered'] == 0.5
    # Of six ticks: label 0 has one hit of two, 1 none of two (and one alarm), 2 one of two.
    assert found['ticks_macro_f1'] == pytest.approx((2 / 3 + 0 + 2 / 3) / 3, abs=1e-5)


def test_the_synchronizer_matches_like_message_filters():
    exact = {'a': np.arange(5) * 0.1, 'b': np.arange(5) * 0.1}
    assert matched(exact) == [{'a': i, 'b': i} for i in range(5)]
    assert matched({'a': np.arange(5) * 0.1, 'b': np.empty(0)}) == []
    # A fast topic with a slow one: each slow message takes the nearest one before it.
    fast, slow = np.arange(0, 100) * 0.02, 0.005 + np.arange(0, 20) * 0.1
    found = matched({'imu': fast, 'pose': slow})
    assert [s['pose'] for s in found] == list(range(20))
    assert [s['imu'] for s in found] == list(range(0, 100, 5))
    # Apart by the slop or more there is no set, however many wait.
    assert matched({'a': np.arange(3) * 1.0, 'b': np.arange(3) * 1.0 + SLOP + 0.01}) == []
    assert len(matched({'a': np.arange(3) * 1.0, 'b': np.arange(3) * 1.0 + SLOP - 0.01})) == 3
    # What waits longer than the queue is long is lost.
    burst = np.arange(QUEUE_SIZE + 5) * 1e-3
    late = np.full(1, burst[-1] + 0.05)
    assert matched({'a': burst, 'b': late}) == [{'a': len(burst) - 1, 'b': 0}]
    assert matched({'a': burst, 'b': late}, queue_size=1, slop=0.01) == []


@pytest.mark.parametrize('there', [(), ('pose',), ('imu',), ('pose', 'imu')])
def test_minirocket_sees_as_many_channels_whatever_is_missing(clips, there):
    (clip,) = [c for c in clips if c.name == 'wave']
    window = (
        next(w for _, w in live_windows(clip.only(there), SPEC, [3.0]))
        if there
        else Window(0.0, 3.0, 3.0)
    )
    found = channels(window, ('pose', 'imu'), devices=2, steps=150)
    assert found.shape == (48 + 12, 150)
    assert np.abs(found[:48]).any() == ('pose' in there)
    assert np.abs(found[48:54]).any() == ('imu' in there)
    assert not found[54:].any()


class Always:
    """A baseline that says the same of everything."""

    modalities = ('pose', 'imu')

    def __init__(self, subset, spec, classes, seed) -> None:
        self.classes = classes

    def fit(self, examples, truth) -> None:
        self.said = int(np.bincount(truth).argmax())

    def probabilities(self, examples):
        return np.tile(np.eye(self.classes)[self.said], (len(examples), 1))


def test_several_baselines_are_asked_on_the_same_streams(held_out, clips):
    baseline('always', 'the commonest label')(Always)
    others = [clips[2], Recording('more', 'utd_mhad', '9', clips[2].streams, clips[2].segments)]
    task = task_of(
        held_out, clips, 'missing', baselines=('always', 'synchronizer'), training=lambda: others
    )
    data = get_protocol('robustness')(task).data
    assert data['noise_measured_on'] == 'other people'
    for case in data['cases']:
        assert set(case['baselines']) == {'always', 'synchronizer'}
    assert data['cases'][1]['baselines']['always']['accuracy'] == 0.25
    assert data['ours_minus_baseline']['always']['clean']['accuracy'] == 0.75


def test_another_checkpoint_is_put_beside_ours(held_out, clips, tmp_path):
    task = task_of(held_out, clips, 'gap', 'missing', baselines=(str(DATA / 'without_subject_7'),))
    data = get_protocol('robustness')(task).data
    # The same model must say the same of everything.
    for case in data['cases']:
        assert case['baselines']['without_subject_7'] == case['subsets']['pose+imu'], case['case']
    gap = data['ours_minus_baseline']['without_subject_7']['gaps']
    assert gap['accuracy'] == 0.0 and gap['mcnemar_p'] == [1.0, 1.0]
    few = replace(held_out, labels={n: held_out.labels[n] for n in list(held_out.labels)[:3]})
    few = replace(few, sentences=held_out.sentences[:3])
    save_checkpoint(few, tmp_path / 'few')
    with pytest.raises(ValueError, match='few lacks'):
        get_protocol('robustness')(replace(task, baselines=(str(tmp_path / 'few'),)))


def test_two_networks_trained_apart_are_averaged(held_out, clips):
    pytest.importorskip('lightning')
    few = ('--fit.steps', '2', '--fit.batch_size', '4', '--fit.workers', '0', '--fit.average', '0')
    task = task_of(
        held_out, clips[:2], 'missing', baselines=('late_fusion',), training=lambda: clips,
        settings=(None, few),
    )  # fmt: skip
    cases = by_case(get_protocol('robustness')(task))
    assert cases['clean']['baselines']['late_fusion']['ticks_answered'] == 1.0
    assert cases['missing all']['baselines']['late_fusion']['ticks_answered'] == 0.0


def test_bench_says_where_the_time_goes(held_out):
    report = measure_robustness(held_out, made_up_clips(['walk', 'jog'], 2), 'made-up')
    assert report['clips'] == 2 and report['cases'] > 40
    assert sum(report['steps'].values()) == pytest.approx(report['cpu_seconds'], rel=0.2)
    assert report['steps']['model'] > report['steps']['corrupt'] > 0


@pytest.mark.parametrize(
    ('more', 'line'),
    [
        (['--baseline', 'minirocket', 'nonsense'], 'nonsense'),
        (['--protocol', 'robustness', '--corruptions', 'nonsense'], 'imu_turned'),
        (['--corruptions', 'shift'], '--protocol robustness'),
        (['--protocol', 'retrieval', '--baseline', 'minirocket'], 'full or robustness'),
    ],
)
def test_bad_use_ends_in_one_line(more, line, capsys):
    assert main(['evaluate', '--dataset', 'utd_mhad', '--root', 'nowhere', *more]) == 2
    error = capsys.readouterr().err
    assert line in error and error.count('\n') == 1
