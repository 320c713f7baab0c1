"""The taxonomy of activities: labels, descriptions, synonyms and prompts, read from a data file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mujo_core.yaml_file import read_yaml

UNKNOWN = 'unknown'
"""What is said when the window shows none of the labels; never a label itself."""


@dataclass(frozen=True)
class Label:
    """An activity: its short name, and the words for it.

    Attributes:
        description, synonyms, prompts: what a text encoder is told of it.
        aliases: words that data files use for it but that explain nothing (such as ``dws``).
        background: whether it is no activity.
        parents: wider labels that hold wherever this one does: a kick to the side is a kick.
        distractor: whether a model was shown it only so that it says no other label of it: its
            score counts as that of `UNKNOWN`, unless it is asked for by name.
        alarm: the score from which on it is said though another label has more, 0..1; 0: never.
            What must not be missed is not to wait until it is the likeliest.
    """

    name: str
    description: str
    synonyms: tuple[str, ...] = field(default_factory=tuple)
    prompts: tuple[str, ...] = field(default_factory=tuple)
    background: bool = False
    aliases: tuple[str, ...] = field(default_factory=tuple)
    parents: tuple[str, ...] = field(default_factory=tuple)
    distractor: bool = False
    alarm: float = 0.0

    @property
    def sentences(self) -> list[str]:
        """Every sentence that stands for the label, the most telling first.

        A label that brings no prompts gets them from the packaged templates.
        """
        words = [self.name.replace('_', ' '), *self.synonyms]
        made = [t.format(w) for w in words for t in prompt_templates()] if not self.prompts else []
        return [self.description, *self.prompts, *words, *made]

    def to_dict(self) -> dict[str, Any]:
        """Return what a labels file holds of it."""
        return {
            **({'background': True} if self.background else {}),
            **({'distractor': True} if self.distractor else {}),
            **({'alarm': self.alarm} if self.alarm else {}),
            **({'parents': list(self.parents)} if self.parents else {}),
            'description': self.description,
            'synonyms': list(self.synonyms),
            'prompts': list(self.prompts),
            **({'aliases': list(self.aliases)} if self.aliases else {}),
        }


def identifier(text: str) -> str:
    """Return words as a label's name: lower case, ``_`` for everything between the words.

    Letters lose their accents; what has no letters of a to z stands for nothing.
    """
    plain = unicodedata.normalize('NFKD', text.casefold())
    plain = ''.join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r'[^a-z0-9]+', '_', plain).strip('_')


def parse_labels(data: Any, source: str) -> dict[str, Label]:
    """Read labels from the mapping of a labels file; ValueError says what is wrong and where."""
    if not isinstance(data, dict) or not data:
        raise ValueError(f'{source}: expected a mapping of label to description, came {type(data)}')
    labels = {}
    for name, entry in data.items():
        entry = {'description': entry} if isinstance(entry, str) else (entry or {})
        if not isinstance(name, str) or identifier(name) != name or name == UNKNOWN:
            raise ValueError(
                f'{source}: a label is lower case with _ for spaces and not {UNKNOWN!r}, '
                f'{name!r} came; rename it'
            )
        if not isinstance(entry, dict) or not set(entry) <= {
            'description', 'synonyms', 'prompts', 'background', 'aliases', 'parents', 'distractor',
            'alarm',
        }:  # fmt: skip
            raise ValueError(
                f'{source}: label {name!r} takes description, synonyms, prompts, background, '
                f'aliases, parents, distractor and alarm, {entry!r} came'
            )
        for key in ('synonyms', 'prompts', 'aliases', 'parents'):
            if not isinstance(entry.get(key) or [], list):
                raise ValueError(
                    f'{source}: {key} of label {name!r} are a list such as [one, two], '
                    f'{entry[key]!r} came'
                )
        for key in ('background', 'distractor'):
            if not isinstance(entry.get(key, False), bool):
                raise ValueError(
                    f'{source}: {key} of label {name!r} is true or false, {entry[key]!r} came'
                )
        alarm = entry.get('alarm', 0.0)
        if isinstance(alarm, bool) or not isinstance(alarm, int | float) or not 0 <= alarm <= 1:
            raise ValueError(
                f'{source}: expected alarm of label {name!r} as a score from 0 to 1, got '
                f'{alarm!r}; change it'
            )
        labels[name] = Label(
            name=name,
            description=str(entry.get('description') or name.replace('_', ' ')),
            synonyms=tuple(map(str, entry.get('synonyms') or ())),
            prompts=tuple(map(str, entry.get('prompts') or ())),
            background=bool(entry.get('background', False)),
            aliases=tuple(map(str, entry.get('aliases') or ())),
            parents=tuple(map(str, entry.get('parents') or ())),
            distractor=bool(entry.get('distractor', False)),
            alarm=float(alarm),
        )
    return labels


def load_labels(path: str | Path) -> dict[str, Label]:
    """Read a labels file (YAML); OSError or ValueError with one line where it cannot be."""
    return parse_labels(read_yaml(Path(path).read_bytes(), str(path)), str(path))


def dump_labels(labels: dict[str, Label], path: str | Path) -> None:
    """Write a labels file."""
    data = {name: label.to_dict() for name, label in labels.items()}
    Path(path).write_text(yaml.safe_dump(data, sort_keys=False, width=100), encoding='utf-8')


@cache
def taxonomy() -> dict[str, Label]:
    """Return the packaged labels, in their fixed order."""
    text = resources.files('mujo_core').joinpath('data/labels.yaml').read_text(encoding='utf-8')
    return parse_labels(yaml.safe_load(text), 'mujo_core/data/labels.yaml')


@cache
def prompt_templates() -> tuple[str, ...]:
    """Return sentences with ``{}`` in place of an activity's words."""
    text = resources.files('mujo_core').joinpath('data/prompts.yaml').read_text(encoding='utf-8')
    return tuple(yaml.safe_load(text))


@cache
def _by_words() -> dict[str, str]:
    # The background gives way: `rest` has the words for standing until an activity claims them.
    labels = sorted(taxonomy().values(), key=lambda label: not label.background)
    words = {
        identifier(phrase): label.name
        for label in labels
        for phrase in (*label.synonyms, *label.aliases)
    }
    return words | {name: name for name in taxonomy()}


def merge(name: str) -> str:
    """Return the taxonomy's label for a name, synonym or alias, or the name's identifier itself."""
    return _by_words().get(identifier(name), identifier(name))


def ancestors(name: str, known: Mapping[str, Label] | None = None) -> frozenset[str]:
    """Return every wider label that holds wherever `name` does.

    Args:
        known: labels of one's own, which stand before the taxonomy's of the same name.
    """
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        label = (known or {}).get(current) or taxonomy().get(current)
        new = set(label.parents if label else ()) - found
        found |= new
        waiting += new
    return frozenset(found - {name})


def related(one: str, other: str, known: Mapping[str, Label] | None = None) -> bool:
    """Say whether two labels can hold at once: the same, or one is wider than the other."""
    return one == other or one in ancestors(other, known) or other in ancestors(one, known)


def quiet_labels(labels: Mapping[str, Label]) -> list[str]:
    """Return names that are no activity, or narrower than one such: who rests sits or stands."""
    none = {name for name, label in {**taxonomy(), **labels}.items() if label.background}
    return [name for name in labels if name in none or none & ancestors(name, labels)]


def distractor_places(labels: Mapping[str, Label]) -> list[int]:
    """Return the places of the labels whose score counts as that of `UNKNOWN`."""
    return [place for place, label in enumerate(labels.values()) if label.distractor]


def wider_labels(labels: Mapping[str, Label], apart: Sequence[int] = ()) -> np.ndarray:
    """Return (L, L) bool: is the label of the column wider than that of the row?

    Args:
        apart: places of labels that are not said for others (`never_for_others`).
    """
    places = {name: place for place, name in enumerate(labels)}
    found = np.zeros((len(labels), len(labels)), dtype=bool)
    for name, place in places.items():
        found[place, [places[a] for a in ancestors(name, labels) if a in places]] = True
    found[:, list(apart)] = False
    return found


def alarms(labels: Mapping[str, Label]) -> dict[int, float]:
    """Return the places of labels with an alarm, each with the score from which on it is said."""
    return {place: label.alarm for place, label in enumerate(labels.values()) if label.alarm}


def never_for_others(labels: Mapping[str, Label]) -> list[int]:
    """Return the places of labels that are never said for what is narrower: distractors, and those
    that are no activity, since `rest` answers nothing where somebody sits or stands."""
    return [p for p, label in enumerate(labels.values()) if label.distractor or label.background]


def select_labels(
    names: Iterable[str], known: Mapping[str, Label] | None = None
) -> dict[str, Label]:
    """Return the labels of these names: the taxonomy's in its order, then the others as they come.

    Args:
        known: labels of one's own, which stand before the taxonomy's of the same name; a name
            that is in neither is described by itself.
    """
    known = known or {}
    wanted = dict.fromkeys(names)
    ordered = [name for name in taxonomy() if name in wanted]
    ordered += [name for name in wanted if name not in taxonomy()]
    return {
        name: known.get(name) or taxonomy().get(name) or Label(name, name.replace('_', ' '))
        for name in ordered
    }
