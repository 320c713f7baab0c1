"""Every data set by its name.

A new one is a file in this folder that ends in ``DATASET = DataSet(...)``, and its name here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from importlib import import_module
from pathlib import Path

from mujo_core.datasets.dataset import DataSet
from mujo_core.recording import Recording

DATASETS = (
    'utd_mhad', 'motionsense', 'mm_fit', 'mhealth', 'myogym', 'spar_watch', 'cmu_mocap',
    'kard', 'florence3d', 'cad60', 'msrc12', 'kinder_gator', 'precog16',
    'umafall', 'sisfall', 'dsads', 'wisdm', 'assist_iot', 'animated',
    'fimad', 'folder', 'bag',
)  # fmt: skip
"""Names of the data sets; each is imported when it is asked for."""


def _unseen(_: Recording) -> None:
    pass


def get_dataset(name: str) -> DataSet:
    """Return a data set by name; ValueError lists the names."""
    if name not in DATASETS:
        raise ValueError(f'expected a data set out of {", ".join(DATASETS)}; {name!r} came')
    dataset: DataSet = import_module(f'mujo_core.datasets.{name}').DATASET
    return dataset


def iter_recordings(
    name: str,
    root: str | Path,
    subjects: Collection[str] | None = None,
    split: str | None = None,
    see: Callable[[Recording], None] = _unseen,
) -> Iterator[Recording]:
    """Yield the recordings of a data set one at a time, of some subjects or of a split.

    Args:
        see: is shown every recording of the data set, those that are not asked for too.

    Raises:
        ValueError: an unknown data set or split, or no folder where one is needed.
    """
    dataset = get_dataset(name)
    if dataset.needs_root and not str(root):
        raise ValueError(f'data set {name} is read from a folder: give it as --root DIR')
    wanted = None if subjects is None else set(subjects)
    belongs = dataset.chooser(split, root)
    for recording in dataset.load(root):
        see(recording)
        if belongs(recording) and (wanted is None or recording.subject in wanted):
            yield recording


def load_recordings(
    name: str,
    root: str | Path,
    subjects: Collection[str] | None = None,
    split: str | None = None,
    see: Callable[[Recording], None] = _unseen,
) -> list[Recording]:
    """Return the recordings of a data set, of some subjects or of a split alone where given.

    Args:
        see: is shown every recording of the data set, those that are not asked for too.

    Raises:
        ValueError: an unknown data set or split, a subject that is not there, or no recording that
            was asked for.
    """
    recordings = list(iter_recordings(name, root, subjects, split, see))
    strangers = sorted(set(subjects or ()) - {r.subject for r in recordings})
    nothing = not recordings and (subjects is not None or split not in (None, 'all'))
    if strangers or nothing:
        there = sorted({r.subject for r in iter_recordings(name, root)})
        asked = f'subjects {", ".join(strangers)}' if subjects is not None else f'split {split}'
        raise ValueError(
            f'expected recordings of {asked} under {root}; '
            f'there are subjects {", ".join(there) or "none"}; choose of these, or another split'
        )
    return recordings
