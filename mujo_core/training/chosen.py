"""Which of a data set's recordings, people and labels are trained on; what it lacks is refused."""

from __future__ import annotations

from collections.abc import Collection

from mujo_core.datasets.registry import get_dataset
from mujo_core.training.config import DataSettings


def split_of(data: DataSettings) -> str:
    """Return the split that is trained on: the one asked for, `train` where there is one, or `all`.

    Raises:
        ValueError: the data set has no split of this name.
    """
    splits = get_dataset(data.dataset).all_splits(data.root)
    if not data.split:
        return 'train' if 'train' in splits else 'all'
    if data.split not in (*splits, 'all'):
        raise ValueError(
            f'expected --data.split out of {", ".join([*splits, "all"])} of {data.dataset}, '
            f'{data.split!r} came; all of it is --data.split all'
        )
    return data.split


def check_subjects(setting: str, asked: Collection[str], there: Collection[str]) -> None:
    """Refuse subjects that a data set does not have, by name."""
    if strangers := sorted(set(asked) - set(there)):
        raise ValueError(
            f'expected --data.{setting} as some of the subjects {", ".join(sorted(there))}; '
            f'{", ".join(strangers)} came'
        )


def check_somebody_left(data: DataSettings, chosen: Collection[str]) -> None:
    """Refuse to hold out everybody of those chosen to train on."""
    if set(chosen) <= set(data.validation):
        raise ValueError(
            'expected --data.validation to leave somebody to train on out of '
            f'{", ".join(sorted(chosen))}; all of them came'
        )


def check_without(data: DataSettings, there: Collection[str]) -> None:
    """Raise ValueError for a label that is left out and not among those there."""
    if missing := set(data.without) - set(there):
        raise ValueError(
            f'expected --data.without as some of {", ".join(sorted(there))}; '
            f'{", ".join(sorted(missing))} came'
        )
