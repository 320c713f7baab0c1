"""From samples to activities: timeline, joint space and decision together."""

from importlib import import_module
from typing import Any

__all__ = ['Activity', 'Recognizer']
_LAZY = {'Activity': 'activity', 'Recognizer': 'recognizer'}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_LAZY[name]}'), name)
