"""Labels as a user gives them at run time: names, descriptions, files."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from mujo_core.labels import UNKNOWN, Label, identifier, load_labels, merge, taxonomy

ALL = '+'
"""Stands for every label that is known."""
_SUFFIXES = ('.yaml', '.yml')
_ALIKE = 0.75


def is_file(entry: str) -> bool:
    """Say whether an entry of a list of labels is a labels file."""
    return entry.strip().endswith(_SUFFIXES)


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
    said: dict[str, str] = {}
    for entry in [entry.strip() for entry in entries] or [ALL]:
        if entry == ALL:
            labels |= {name: labels.get(name, label) for name, label in known.items()}
        elif is_file(entry):
            own = load_labels(Path(entry).expanduser())
            labels |= {name: _with_words(label, known) for name, label in own.items()}
        else:
            label = _label(entry, known)
            if label.name in said and labels[label.name] != label:
                raise ValueError(
                    f'expected one entry a label, {said[label.name]!r} and {entry!r} came, which '
                    f'are both {label.name}: leave one out, or name it otherwise'
                )
            said[label.name] = entry
            labels[label.name] = label
    return labels


def _with_words(label: Label, known: Mapping[str, Label]) -> Label:
    """Return a label of a file; one that brings only its name has the words it has elsewhere."""
    if label != Label(label.name, label.name.replace('_', ' ')):
        return label
    return known.get(label.name) or taxonomy().get(label.name) or label


def _label(entry: str, known: Mapping[str, Label]) -> Label:
    words, colon, description = (part.strip() for part in entry.partition(':'))
    name = identifier(words)
    if not name or name == UNKNOWN or (colon and not description):
        raise ValueError(
            'expected a label such as walk, "drink water", "wipe: a person wipes a table" (letters '
            f'of a to z), a labels file (.yaml) or {ALL} for all known ones, {entry!r} came'
        )
    if colon:
        return Label(name, description)
    for meant in (name, merge(name)):
        if meant in known:
            return known[meant]
        if meant in taxonomy():
            return taxonomy()[meant]
    refuse_slip(words, known)
    return Label(name, ' '.join(words.split()))


def refuse_slip(words: str, known: Collection[str]) -> None:
    """Raise ValueError for what is nearly a known label's name, and so most likely meant it."""
    name = identifier(words)
    if close := difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE):
        raise ValueError(
            f'expected labels, got {words!r}, which is none: did you mean {close[0]!r}? '
            f'If it is another activity, describe it: "{name}: ..." (mujo teach: --description)'
        )
