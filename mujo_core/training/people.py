"""Whose movements a checkpoint has seen: figures of these people say nothing of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mujo_core.training.mixture.store import AnyClip

People = dict[str, tuple[str, ...]]
"""Name of a data set to its subjects, in order."""
_MOST = 1000


def people_of(clips: Sequence[AnyClip]) -> People:
    """Return who clips are of, where their recordings say it.

    Nobody is listed of a set of more than `_MOST`: a build of videos has any number of them.
    """
    found: dict[str, set[str]] = {}
    for clip in clips:
        # Where several sets are learned from, those of the others carry its name.
        if subject := clip.subject.removeprefix(f'{clip.dataset}/'):
            found.setdefault(clip.dataset, set()).add(subject)
    return _sorted({name: people for name, people in found.items() if len(people) <= _MOST})


def together(some: Mapping[str, Sequence[str]], others: Mapping[str, Sequence[str]]) -> People:
    """Return the people of both."""
    names = {*some, *others}
    return _sorted({name: {*some.get(name, ()), *others.get(name, ())} for name in names})


def _sorted(found: Mapping[str, set[str]]) -> People:
    return {
        dataset: tuple(sorted(found[dataset], key=lambda who: (len(who), who)))
        for dataset in sorted(found)
    }
