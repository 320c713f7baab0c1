"""Labels as a user gives them at run time: names, descriptions, files."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from mujo_core.labels import UNKNOWN, Label, identifier, load_labels, merge, taxonomy

ALL = '+'
"""Stands for every label that is known."""
_SUFFIXES = ('.yaml', '.yml')
_ALIKE = 0.75


def read_labels(entries: Sequence[str], known: Mapping[str, Label]) -> dict[str, Label]:
    """Return the labels of a list, in its order.

    An entry is one of: the name (or a synonym) of a label; ``name: description`` for one of one's
    own; a labels file (YAML; see `mujo_core.labels`), all of whose labels are meant; ``+`` for all
    known ones, so that ``['+', 'drink water']`` adds and ``['walk', 'drink water']`` replaces.

    Args:
        entries: empty for all known ones.
        known: labels by name, of the checkpoint and of what was taught.

    Raises:
        ValueError: an entry that names no activity, or is nearly the name of a known one.
        OSError: a labels file cannot be read.
    """
    labels: dict[str, Label] = {}
    for entry in [entry.strip() for entry in entries] or [ALL]:
        if entry == ALL:
            labels |= {name: labels.get(name, label) for name, label in known.items()}
        elif entry.endswith(_SUFFIXES):
            labels |= load_labels(Path(entry).expanduser())
        else:
            label = _label(entry, known)
            labels[label.name] = label
    return labels


def _label(entry: str, known: Mapping[str, Label]) -> Label:
    words, colon, description = (part.strip() for part in entry.partition(':'))
    name = identifier(words)
    if not name or name == UNKNOWN or (colon and not description):
        raise ValueError(
            'expected a label such as walk, "drink water", "wipe: a person wipes a table", a '
            f'labels file (.yaml) or {ALL} for all known ones, {entry!r} came'
        )
    if colon:
        return Label(name, description)
    for meant in (name, merge(name)):
        if meant in known:
            return known[meant]
        if meant in taxonomy():
            return taxonomy()[meant]
    close = difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)
    if close:
        raise ValueError(
            f'expected labels, got {words!r}, which is none: did you mean {close[0]!r}? '
            f'If it is another activity, describe it: "{name}: ..."'
        )
    return Label(name, ' '.join(words.split()))
