"""Leaving data sets out: none of a set is in what it is judged by, and what is done stays done."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mujo_core.cli.main import main
from mujo_core.datasets.export import write_folder
from mujo_core.model.checkpoint import load_checkpoint
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.training.calibration import HeldOut, calibrate
from mujo_core.training.config import DataSettings, OtherSettings, make_config
from mujo_core.training.leave_set_out import (
    SetFold,
    fit_calibration_of_sets,
    sets_left_out,
    train_without_set,
)
from mujo_core.training.mixture.mixture import read_library
from mujo_core.training.set_tables import set_table

TINY = [
    '--model.size', '16', '--model.width', '8', '--fit.steps', '2', '--fit.batch_size', '8',
    '--fit.workers', '0',
]  # fmt: skip


@pytest.fixture(scope='module')
def folders(tmp_path_factory, utd):
    """A folder of data sets by name: UTD-MHAD, and six people with a device."""
    root = tmp_path_factory.mktemp('sets')
    (root / 'utd_mhad').symlink_to(utd)
    t = np.arange(0.0, 3.0, 0.02)
    recordings = []
    for person in range(6):
        rng = np.random.default_rng(person)
        for label in ('walk', 'squat', 'drink'):
            for take in range(2):
                values = rng.normal(size=(len(t), 6)).astype(np.float32)
                values[:, 2] += 9.8
                streams = {'imu/right_wrist': Stream(t, values)}
                segments = [Segment(label, 0.0, float(t[-1]))]
                name = f'{person}_{label}_{take}'
                recordings.append(Recording(name, 'x', str(person), streams, segments))
    write_folder(recordings, root / 'folder')
    return root


@pytest.fixture
def config(folders):
    data = DataSettings(folders=[str(folders)], split='all', also={'folder': OtherSettings()})
    tiny = {'model': {'size': 16, 'width': 8}, 'fit': {'steps': 2, 'batch_size': 8, 'workers': 0}}
    return replace(make_config([tiny]), data=data)


def test_a_model_knows_nothing_of_the_set_it_is_judged_on(config, tmp_path):
    library = read_library(config.data)
    fold = train_without_set(library, 'folder', 0, config, tmp_path)
    checkpoint = load_checkpoint(tmp_path / 'folder' / 'seed0')
    assert set(checkpoint.people) == {'utd_mhad'} and 'drink' not in checkpoint.labels
    # Windows of what it knows from others alone.
    known = {list(checkpoint.labels).index(label) for label in ('walk', 'squat')}
    assert set(fold.live) == {'imu'} and set(fold.live['imu'].truth) == known
    first = train_without_set(library, 'utd_mhad', 0, config, tmp_path)
    checkpoint = load_checkpoint(tmp_path / 'utd_mhad' / 'seed0')
    assert set(checkpoint.people) == {'folder'} and set(checkpoint.labels) == {
        'walk',
        'squat',
        'drink',
    }
    assert set(first.live) == {'imu'}
    # What is done is not done again, also where the data have moved.
    model = tmp_path / 'folder' / 'seed0' / 'model.safetensors'
    written = model.stat().st_mtime_ns
    moved = replace(config, data=replace(config.data, folders=['/elsewhere']))
    again = train_without_set(library, 'folder', 0, moved, tmp_path)
    assert model.stat().st_mtime_ns == written
    assert np.array_equal(again.live['imu'].logits, fold.live['imu'].logits)
    other = replace(config, fit=replace(config.fit, steps=3))
    train_without_set(library, 'folder', 0, other, tmp_path)
    assert model.stat().st_mtime_ns > written


def test_sets_of_few_labels_are_left_out_only_where_they_are_named(config):
    library = read_library(config.data)
    with pytest.raises(ValueError, match='of 5 labels or more, utd_mhad, folder came with fewer'):
        sets_left_out(library, config.data)
    assert sets_left_out(library, config.data, ['folder']) == ['folder']
    with pytest.raises(ValueError, match='out of utd_mhad, folder, motionsense came'):
        sets_left_out(library, config.data, ['motionsense'])
    alone = replace(config.data, also={})
    with pytest.raises(ValueError, match='two data sets or more'):
        sets_left_out(read_library(alone), alone)


def held_out(seed: int, labels: int, scale: float = 4.0) -> HeldOut:
    rng = np.random.default_rng(seed)
    truth = rng.integers(labels, size=200)
    logits = rng.normal(size=(200, labels))
    logits[np.arange(200), truth] += 2.0
    return HeldOut(scale * logits, truth)


def test_thresholds_come_of_models_with_other_labels():
    parts = [held_out(0, 4), held_out(1, 9)]
    folds = [SetFold(str(i), 0, {'imu': part}, {}) for i, part in enumerate(parts)]
    (both,) = fit_calibration_of_sets(folds).values()
    each = [calibrate(part).temperature for part in parts]
    assert min(each) <= both.temperature <= max(each)
    assert fit_calibration_of_sets([]) == {}


def test_the_verb_writes_what_training_takes(folders, tmp_path, capsys):
    here = ['--data.folders', f'[{folders}]', '--data.split', 'all', '--data.also.folder.share',
            '0.2', *TINY]  # fmt: skip
    output = tmp_path / 'out'
    asked = ['cross_validate', '--leave', 'data_set', '--sets', 'utd_mhad', 'folder', '--seeds',
             '0', '--output', str(output), *here]  # fmt: skip
    assert main(asked) == 0
    said = capsys.readouterr().out
    assert 'packed 2 data sets: 54 recordings' in said and 'without folder, seed 0' in said
    utd, folder = json.loads((output / 'leave_data_set_out.json').read_text())
    assert folder['labels'] == ['drink', 'squat', 'walk']
    assert folder['known'] == utd['known'] == ['squat', 'walk']
    assert set(folder['subsets']['imu']['by_text']['per_class']) == {'squat', 'walk'}
    own = folder['subsets']['imu']['own_labels']
    assert own['met']['n'] == 24 and own['never_met']['n'] == 12
    # The thresholds are of the windows of the other set.
    assert 0.0 <= own['met']['none'] <= 1.0
    assert 0.0 <= folder['subsets']['imu']['taught'] <= 1.0
    table = (output / 'leave_data_set_out.md').read_text()
    assert '| folder | imu | 2 of 3 |' in table and 'mean over device sets' in table
    figures = output / 'folder' / 'seed0' / 'figures.json'
    written = figures.stat().st_mtime_ns
    assert main(asked) == 0
    assert figures.stat().st_mtime_ns == written
    trained = ['train', '--output', str(tmp_path / 'model'), '--cross-validation', str(output)]
    assert main([*trained, *here]) == 0
    checkpoint = load_checkpoint(tmp_path / 'model')
    assert checkpoint.calibration['imu'].unknown
    assert 'Leave one data set out over data sets utd_mhad, folder' in checkpoint.card


def test_means_are_over_sets_of_a_kind():
    def fold(dataset, seed, **subsets):
        return {
            'dataset': dataset, 'seed': seed, 'labels': ['a', 'b'], 'known': ['a', 'b'],
            'subsets': {
                name: {'by_text': {'macro_f1': value}, 'own_labels': {}, 'taught': None}
                for name, value in subsets.items()
            },
        }  # fmt: skip

    folds = [fold('one', 0, pose=0.2, imu=0.9), fold('one', 1, pose=0.4, imu=0.7),
             fold('two', 0, pose=0.7), fold('three', 0, imu=0.2)]  # fmt: skip
    rows = {tuple(row[:2]): row[3] for row in set_table(folds).rows}
    assert rows['one', 'pose'] == '0.300 ± 0.100' and rows['two', 'pose'] == '0.700'
    assert rows['mean over skeleton sets', 'pose'] == '0.500'
    assert rows['mean over device sets', 'imu'] == '0.500'
