"""Are the messages of a bag the ones that are meant? A bag brings definitions of its own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any


def check_definition(kind: str, definitions: Mapping[str, Any]) -> None:
    """Look for every field of a standard message, and of the messages in it.

    Fields beyond those are no harm: a later distribution may add some.

    Args:
        kind: type of the message; one that is no standard message passes.
        definitions: type to rosbags' definition of it, of an open bag.

    Raises:
        ValueError: a field is not there, or is of another type.
    """
    standard = _standard()
    left, seen = [kind], set()
    while left:
        name = left.pop()
        if name in seen or name not in standard:
            continue
        seen.add(name)
        there = dict(definitions[name][1]) if name in definitions else {}
        for field, is_of in standard[name][1]:
            if there.get(field) != is_of:
                raise ValueError(f'its definition of {name} has no {field} as ROS 2 defines it')
            left.append(_named(is_of))


def _named(is_of: Any) -> str:
    """Return the message that a field holds, or an array of; '' for none."""
    of = is_of[1]
    if isinstance(of, str):
        return of
    return _named(of[0]) if isinstance(of[0], tuple) else ''


@cache
def _standard() -> dict[str, Any]:
    from rosbags.typesys import Stores, get_typestore

    return dict(get_typestore(Stores.ROS2_HUMBLE).fielddefs)
