"""Data sets by name: what each tells of itself, and how recordings are chosen."""

import shutil
from pathlib import Path

import pytest

from mujo_core.datasets import registry
from mujo_core.datasets.registry import DATASETS, get_dataset, load_recordings
from mujo_core.labels import taxonomy


@pytest.mark.parametrize('name', DATASETS)
def test_every_data_set_describes_itself(name):
    dataset = get_dataset(name)
    assert dataset.name == name and dataset.title
    assert set(dataset.labels) <= set(taxonomy())
    if name not in ('folder', 'bag'):
        assert dataset.citation
    for subjects in dataset.splits.values():
        assert subjects == dataset.subjects(
            next(s for s, w in dataset.splits.items() if w == subjects)
        )


def test_every_file_of_a_data_set_is_registered():
    """Files that begin with an underscore, and these, serve the others."""
    folder = Path(registry.__file__).parent
    helpers = {'registry', 'dataset', 'export', 'summary'}
    files = {path.stem for path in folder.glob('[a-z]*.py')} - helpers
    assert files == set(DATASETS)


def test_no_split_has_a_subject_of_another():
    for name in DATASETS:
        subjects = [s for split in get_dataset(name).splits.values() for s in split]
        assert len(subjects) == len(set(subjects)), name


def test_an_unknown_name_and_split_list_what_there_is(tmp_path):
    with pytest.raises(ValueError, match='utd_mhad, motionsense'):
        get_dataset('utd')
    with pytest.raises(ValueError, match='train, test, all'):
        load_recordings('utd_mhad', tmp_path, split='odd')
    with pytest.raises(ValueError, match='by subject'):
        get_dataset('mm_fit').subjects('train')
    with pytest.raises(ValueError, match='--root DIR'):
        load_recordings('mhealth', '')


def test_a_split_is_its_subjects_recordings(utd, tmp_path):
    assert {r.subject for r in load_recordings('utd_mhad', utd, subjects=['3'])} == {'3'}
    assert {r.subject for r in load_recordings('utd_mhad', utd, split='test')} == {'2'}
    shutil.copytree(utd, tmp_path, ignore=shutil.ignore_patterns('*_s2_*'), dirs_exist_ok=True)
    with pytest.raises(ValueError, match='there are subjects 1, 3;'):
        load_recordings('utd_mhad', tmp_path, split='test')
