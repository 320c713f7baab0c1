"""Numbers of settings that make no sense, refused before anything is read or trained."""

from __future__ import annotations

from math import inf


def check_shares(section: str, settings: object, *names: str) -> None:
    """Refuse, by its name on the command line, a setting outside of 0..1 (or no number)."""
    for name in names:
        value = getattr(settings, name)
        if not 0.0 <= value <= 1.0:
            raise ValueError(f'expected --{section}.{name} as a share, 0..1; {value} came')


def check_least(section: str, settings: object, least: float, *names: str) -> None:
    """Refuse a setting below `least`, infinite, or no number."""
    for name in names:
        value = getattr(settings, name)
        if not least <= value < inf:
            raise ValueError(f'expected --{section}.{name} as {least:g} or more, {value} came')


def check_positive(section: str, settings: object, *names: str) -> None:
    """Refuse a setting that is not above 0, infinite, or no number."""
    for name in names:
        value = getattr(settings, name)
        if not 0.0 < value < inf:
            raise ValueError(f'expected --{section}.{name} above 0, {value} came')
