"""A checkpoint folder: the same model comes back; what is wrong with one is said in one line."""

import pickle
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import mujo_core
from mujo_core.model.batch import batch_windows
from mujo_core.model.checkpoint import (
    Calibration,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)

FILES = (
    'config.yaml', 'model.safetensors', 'labels.yaml', 'text.safetensors', 'calibration.yaml',
    'README.md',
)  # fmt: skip


@pytest.fixture(scope='module')
def saved(tiny_checkpoint, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('checkpoint') / 'deep' / 'down'
    people = {'motionsense': ('1', '24'), 'utd_mhad': ('1', '3')}
    save_checkpoint(replace(tiny_checkpoint, people=people), folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(saved, tmp_path / 'copy'))


def refusal(folder: Path) -> str:
    """The one line with which a folder is refused."""
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder)
    message = str(caught.value)
    assert '\n' not in message
    assert len(message) < 600
    return message


def test_a_folder_holds_the_files_of_the_design(saved):
    assert sorted(path.name for path in saved.iterdir()) == sorted(FILES)
    config = yaml.safe_load((saved / 'config.yaml').read_text())
    assert config['format'] == 2
    assert config['window']['seconds'] == 3.0


def test_the_same_model_comes_back(tiny_checkpoint, saved, make_window):
    again = load_checkpoint(saved)
    windows = [make_window(0, imu=['right_wrist']), make_window(1), make_window(2, imu=['head'])]
    batch = batch_windows(windows, again.window)
    with torch.inference_mode():
        assert torch.equal(again.model(batch), tiny_checkpoint.model(batch))
    assert torch.equal(again.label_vectors(), tiny_checkpoint.label_vectors())
    assert not again.model.training
    assert again.window == tiny_checkpoint.window
    assert again.labels == tiny_checkpoint.labels
    assert list(again.labels) == list(tiny_checkpoint.labels)
    assert again.calibration == tiny_checkpoint.calibration
    assert again.card == tiny_checkpoint.card
    assert again.modalities == tiny_checkpoint.modalities
    assert again.people == {'motionsense': ('1', '24'), 'utd_mhad': ('1', '3')}
    np.testing.assert_array_equal(again.sentences, tiny_checkpoint.sentences)


def test_the_usual_familiarity_is_kept_where_it_counts(tiny_checkpoint, tmp_path):
    counted = {'imu': Calibration(1.5, 0.5, {0.05: 3.25}, 0.008125), 'pose': Calibration()}
    save_checkpoint(replace(tiny_checkpoint, calibration=counted), tmp_path)
    assert load_checkpoint(tmp_path).calibration == counted
    path = tmp_path / 'calibration.yaml'
    assert path.read_text().count('familiarity') == 1
    # What checkpoints without clusters say; a vector of the usual length is as familiar as usual.
    path.write_text(path.read_text().replace('familiarity: 0.008125', 'length: 16.0'))
    assert load_checkpoint(tmp_path).calibration['imu'].familiarity == 8.0


def test_the_order_of_labels_is_the_configs(folder):
    path = folder / 'labels.yaml'
    backwards = dict(reversed(yaml.safe_load(path.read_text()).items()))
    names = list(load_checkpoint(folder).labels)
    path.write_text(yaml.safe_dump(backwards, sort_keys=False))
    assert list(load_checkpoint(folder).labels) == names


@pytest.mark.parametrize('version', [0, 1, 'new', None])
def test_another_format_is_refused_with_both_versions_and_what_to_do(folder, version):
    path = folder / 'config.yaml'
    config = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**config, 'format': version}))
    message = refusal(folder)
    assert f'format {version} came' in message
    assert 'of format 2' in message
    assert 'install' in message and 'train again' in message


@pytest.mark.parametrize('name', FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert name in refusal(folder)


@pytest.mark.parametrize('name', FILES)
def test_a_file_that_is_no_text_and_no_tensors_is_named(folder, name):
    (folder / name).write_bytes(b'\x80\x04\x95\xff\xfe' * 40)
    assert name in refusal(folder)


@pytest.mark.parametrize('name', ['model.safetensors', 'text.safetensors', 'labels.yaml'])
def test_a_file_cut_in_the_middle_is_named(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    assert name in refusal(folder)


@pytest.mark.parametrize('name', FILES[:-1])
def test_an_empty_file_is_refused(folder, name):
    (folder / name).write_bytes(b'')
    if name == 'calibration.yaml':
        assert load_checkpoint(folder).calibration == {}
    else:
        refusal(folder)


@pytest.mark.parametrize(
    ('name', 'text', 'what'),
    [
        ('config.yaml', '- a\n- list\n', 'format None'),
        ('config.yaml', 'format: [', 'config.yaml'),
        ('labels.yaml', 'walk: a person walks\n', 'labels.yaml'),
        ('labels.yaml', '[a, b]\n', 'labels.yaml'),
        ('calibration.yaml', '[a, b]\n', 'calibration.yaml'),
        ('calibration.yaml', 'pose: 3\n', 'calibration.yaml'),
        ('calibration.yaml', 'pose: {heat: 3}\n', 'calibration.yaml'),
    ],
)
def test_another_content_is_refused(folder, name, text, what):
    (folder / name).write_text(text)
    assert what in refusal(folder)


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        *((key, '0.0') for key in ('temperature', 'spread')),
        *(
            (key, value)
            for key in ('temperature', 'spread', 'length', 'familiarity')
            for value in ('hot', 'yes', '-1.5', '.nan', '.inf', '~')
        ),
        *(('unknown', value) for value in ('0.5', '{0.05: low}', '{0.05: .nan}', '{rare: 1.0}')),
    ],
)
def test_a_calibration_that_makes_no_scores_is_refused_by_file_and_key(folder, key, value):
    (folder / 'calibration.yaml').write_text(f'pose: {{}}\nimu: {{{key}: {value}}}\n')
    message = refusal(folder)
    assert 'calibration.yaml' in message and f'imu: expected {key} ' in message


def test_a_label_of_the_weights_that_is_nowhere_described_is_named(folder):
    path = folder / 'labels.yaml'
    words = yaml.safe_load(path.read_text())
    gone, *rest = words
    path.write_text(yaml.safe_dump({name: words[name] for name in rest}))
    message = refusal(folder)
    assert f'labels.yaml lacks {gone}, which config.yaml lists' in message
    assert 'copy labels.yaml again' in message


@pytest.mark.parametrize(
    ('section', 'value', 'what'),
    [
        ('model', None, 'ModelSettings'),
        ('model', {'size': 16, 'layers': 3}, 'layers'),
        ('model', {'size': 'large'}, 'large'),
        ('window', {'seconds': 'three'}, 'three'),
        ('window', ['seconds'], 'WindowSpec'),
        ('labels', 5, 'config.yaml'),
        ('labels', ['walk'], 'labels'),
        ('people', ['anna'], 'config.yaml'),
        ('people', {'utd_mhad': 5}, 'config.yaml'),
    ],
)
def test_a_config_that_does_not_fit_is_refused(folder, section, value, what):
    path = folder / 'config.yaml'
    config = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**config, section: value}))
    assert what in refusal(folder)


def test_weights_of_another_size_are_refused(folder):
    path = folder / 'config.yaml'
    config = yaml.safe_load(path.read_text())
    config['model']['width'] = 12
    path.write_text(yaml.safe_dump(config))
    assert 'model.safetensors' in refusal(folder)


def test_a_folder_that_is_none_is_refused(tmp_path):
    assert str(tmp_path / 'nowhere') in refusal(tmp_path / 'nowhere')
    assert 'config.yaml' in refusal(tmp_path)


class _Bomb:
    def __reduce__(self):
        return (pytest.fail, ('a pickle was loaded',))


@pytest.mark.parametrize('name', FILES)
def test_a_pickle_in_any_place_is_refused_unopened(folder, name):
    (folder / name).write_bytes(pickle.dumps(_Bomb()))
    refusal(folder)


def test_a_yaml_that_builds_objects_is_refused_unbuilt(folder):
    (folder / 'calibration.yaml').write_text('!!python/object/apply:sys.exit [3]\n')
    assert 'calibration.yaml' in refusal(folder)


def test_no_pickle_in_the_package():
    sources = Path(mujo_core.__file__).parent.rglob('*.py')
    # A snapshot of a run is read as tensors and plain values alone.
    words = r'import pickle|torch\.save\(|allow_pickle=True|yaml\.load\('
    words += r'|torch\.load\((?!.*weights_only=True)'
    assert not [p.name for p in sources if re.search(words, p.read_text())]


def test_saving_over_an_older_checkpoint_replaces_it(tiny_checkpoint, folder):
    save_checkpoint(replace(tiny_checkpoint, calibration={}, card='# Another\n'), folder)
    again = load_checkpoint(folder)
    assert again.calibration == {}
    assert again.card == '# Another\n'


def test_the_threshold_of_unknown_is_interpolated():
    calibration = Calibration(unknown={0.2: 4.0, 0.1: 2.0})
    assert calibration.unknown_strength(0.15) == pytest.approx(3.0)
    assert calibration.unknown_strength(0.01) == pytest.approx(2.0)
    assert Calibration().unknown_strength(0.1) == -np.inf
