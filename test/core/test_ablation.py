"""A grid of settings: what is refused, what is run once, and what its tables say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mujo_core
from mujo_core.recognition import Recognizer
from mujo_core.training import corrupted_folds, judges
from mujo_core.training.ablation import read_grid, run_grid
from mujo_core.training.cross_validation import run_fold
from mujo_core.training.fit import fit_model
from mujo_core.training.judges import JudgeSettings, make_judge, paired_gains
from mujo_core.training.mixture.mixture import Material, mix, read_library

SHIPPED = Path(mujo_core.__file__).parents[1] / 'config' / 'ablation'
GRID = """
data: {split: all}
model: {size: 16, width: 8}
fit: {steps: 2, batch_size: 8, workers: 0}
sampler: {as_stream: 0.0}
rows:
  both: {}
  imu: {data: {modalities: [imu]}}
columns:
  fixed: {objectives: {strategy: fixed}}
  uncertainty: {objectives: {strategy: uncertainty}}
skip: [[imu, uncertainty]]
"""


@pytest.fixture
def grid(tmp_path):
    (tmp_path / 'grid.yaml').write_text(GRID)
    return read_grid(tmp_path / 'grid.yaml')


@pytest.mark.parametrize('path', sorted(SHIPPED.glob('*.yaml')), ids=lambda path: path.stem)
def test_the_shipped_grids_are_read(path):
    assert len(list(read_grid(path).cells())) > 1


def test_cells_are_rows_by_columns_without_those_skipped(grid):
    assert list(grid.cells()) == [('both', 'fixed'), ('both', 'uncertainty'), ('imu', 'fixed')]
    config = grid.config('both', 'uncertainty', ['--fit.steps', '5'])
    assert config.objectives.strategy == 'uncertainty'
    assert config.fit.steps == 5 and config.model.size == 16
    assert grid.config('imu', 'fixed').data.modalities == ['imu']


@pytest.mark.parametrize(
    ('changed', 'said'),
    [
        (('rows:', 'lines:'), 'rows'),
        (('  both: {}', '  both: [1]'), 'names with settings'),
        (('[[imu, uncertainty]]', '[[imu, gradnorm]]'), 'gradnorm'),
        (('[[imu, uncertainty]]', '[imu]'), 'pairs of row and column'),
        (('strategy: uncertainty', 'strategy: luck'), 'luck'),
        (('modalities: [imu]', 'modes: [imu]'), 'modes'),
    ],
)
def test_a_grid_that_cannot_be_run_is_refused_before_any_cell_is(tmp_path, changed, said):
    (tmp_path / 'grid.yaml').write_text(GRID.replace(*changed))
    with pytest.raises(ValueError, match=said) as caught:
        read_grid(tmp_path / 'grid.yaml')
    assert '\n' not in str(caught.value)


def test_a_cell_that_is_done_is_not_run_again_until_its_settings_change(
    grid, utd, tmp_path, monkeypatch
):
    run: list[tuple[str, int]] = []

    def in_this_process(library, seeds, config, choices, report, jobs, subjects):
        folds = [
            run_fold(library, subject, seed, config, choices)
            for seed in seeds
            for subject in ('1', '2')
        ]
        run.append((config.objectives.strategy, len(folds)))
        return folds

    monkeypatch.setattr(judges, 'cross_validate', in_this_process)
    here = ['--data.root', str(utd)]
    asked = (tmp_path / 'out', [0, 1], ['swipe_left', 'walk', 'squat'])
    found = run_grid(grid, *asked, here)
    assert run == [('fixed', 4), ('uncertainty', 4), ('fixed', 4)]
    assert set(found['imu', 'fixed']['subsets']) == {'imu'}
    assert set(found['both', 'fixed']['subsets']) == {'pose', 'imu', 'pose+imu'}
    assert run_grid(grid, *asked, here) == found and len(run) == 3
    weighed = [*here, '--objectives.terms.classification', '2.0']
    run_grid(replace(grid, columns={'fixed': grid.columns['fixed']}, skip=frozenset()), *asked,
             weighed)  # fmt: skip
    assert len(run) == 5

    judge = make_judge(grid.judge)
    (imu,) = [
        t for t in judge.tables(found, list(grid.rows), list(grid.columns), {})
        if t.title.startswith('imu:')
    ]  # fmt: skip
    assert imu.columns == ['', 'fixed', 'uncertainty'] and '±' in imu.rows[0][1]
    assert [row[0] for row in imu.rows] == ['both', 'imu'] and imu.rows[1][2] == '-'
    gains = paired_gains(found['imu', 'fixed'], found['both', 'fixed'], judge.figure)
    assert set(gains) == {'imu'}
    of = [found[row, 'fixed']['subsets']['imu']['macro_f1']['mean'] for row in ('imu', 'both')]
    assert gains['imu'][0] == pytest.approx(of[0] - of[1], abs=1e-4)


ROBUST = """
data: {split: all}
model: {size: 16, width: 8}
fit: {steps: 2, batch_size: 8, workers: 0}
corruptions: {names: [noise, gap, composite], modality_dropout: 0.1}
judge: {protocol: robustness, subjects: ['2'], corruptions: [noise, missing]}
rows:
  none: {corruptions: {names: [], modality_dropout: 0}}
  all: {}
  without noise: {corruptions: {left_out: [noise]}}
"""


def test_a_grid_is_judged_by_corruptions_that_a_row_left_out(utd, tmp_path, monkeypatch):
    (tmp_path / 'grid.yaml').write_text(ROBUST)
    grid = read_grid(tmp_path / 'grid.yaml')
    assert grid.config('without noise', '').corruptions.drawn == ['gap']
    run: list[tuple[str, int]] = []

    def in_this_process(fold, arguments, subjects, seeds, jobs):
        run.extend((subject, seed) for subject in subjects for seed in seeds)
        return [fold(*arguments(subject, seed)) for subject in subjects for seed in seeds]

    monkeypatch.setattr(corrupted_folds, 'run_folds', in_this_process)
    here = ['--data.root', str(utd)]
    asked = (tmp_path / 'out', [0], ['swipe_left', 'walk', 'squat'], here)
    found = run_grid(grid, *asked)
    assert run == [('2', 0)] * 3
    assert run_grid(grid, *asked) == found and len(run) == 3
    noisy = found['all', '']['categories']['noise']
    assert set(noisy) == {'pose+imu', 'pose', 'imu'} and 0.0 <= noisy['imu']['mean'] <= 1.0
    assert found['all', '']['categories']['nothing there']['pose+imu']['mean'] == 1.0

    judge = make_judge(grid.judge)
    configs = {at: grid.config(*at, here) for at in grid.cells()}
    left_out, *each = judge.tables(found, list(grid.rows), [''], configs)
    assert [row[:2] for row in left_out.rows] == [
        ['noise', 'pose+imu'], ['noise', 'pose'], ['noise', 'imu'],
    ]  # fmt: skip
    shown = dict(zip(left_out.columns, left_out.rows[2], strict=True))
    means = {row: found[row, '']['categories']['noise']['imu']['mean'] for row, _ in found}
    # Of one seed, without a spread.
    assert shown['trained with none'] == f'{means["none"]:.3f}'
    assert shown['with all but it'] == f'{means["without noise"]:.3f}'
    assert shown['gained with it'] == f'{means["all"] - means["none"]:+.3f}'
    assert left_out.title.endswith(' 1 seed')
    assert [row[0] for row in each[0].rows] == ['none', 'all', 'without noise']
    with pytest.raises(ValueError, match='nobody came'):
        judge_of_a_stranger = make_judge(JudgeSettings('robustness', ['nobody']))
        judge_of_a_stranger.judge(Material([], [], np.ones(0), []), [0], configs['all', ''], [], 1)


@pytest.mark.parametrize(
    ('changed', 'said'),
    [
        (('protocol: robustness', 'protocol: luck'), 'full, robustness'),
        (('corruptions: [noise, missing]', 'corruptions: [smell]'), 'smell'),
        (('subjects:', 'people:'), 'people'),
        (('left_out: [noise]', 'left_out: [smell]'), 'left_out out of shift, loss'),
        (('names: [noise, gap', 'names: [smell, gap'), 'smell'),
        (('modality_dropout: 0.1', 'modality_dropout: 2'), '0..1'),
    ],
)
def test_a_judge_that_cannot_be_is_refused_in_one_line(tmp_path, changed, said):
    (tmp_path / 'grid.yaml').write_text(ROBUST.replace(*changed))
    with pytest.raises(ValueError, match=said) as caught:
        read_grid(tmp_path / 'grid.yaml')
    assert '\n' not in str(caught.value)


def test_a_model_taught_one_modality_never_answers_from_another(grid, utd):
    config = grid.config('imu', 'fixed', ['--data.root', str(utd)])
    clips, weights = mix(read_library(config.data).clips, config.data)
    assert all(
        set(clip.outline.streams) <= {'imu/right_wrist', 'imu/right_thigh'} for clip in clips
    )
    assert any(clip.outline.virtual for clip in clips) and len(clips) == len(weights)
    checkpoint = fit_model(clips, weights, config, progress=False)
    assert checkpoint.modalities == ('imu',)
    recognizer = Recognizer(checkpoint)
    body = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    for step in range(90):
        recognizer.add_pose(5.0 + step / 25, body, 'kinect20')
    assert recognizer.recognize() is None
    for step in range(180):
        recognizer.add_imu('right_wrist', 5.0 + step / 50, np.array([0, 0, 9.8, 0, 0, 0.1]))
    activity = recognizer.recognize()
    assert activity is not None and activity.modalities == ['imu']


def test_modalities_that_nothing_holds_are_named(grid, utd):
    config = grid.config('imu', 'fixed', ['--data.root', str(utd)])
    clips = read_library(config.data).clips
    with pytest.raises(ValueError, match='recordings of video'):
        mix(clips, replace(config.data, modalities=['video']))
    with pytest.raises(ValueError, match='smell'):
        mix(clips, replace(config.data, modalities=['smell']))
