"""Virtual samples made to be distributed like those of a real device.

What a skeleton gives is smoother and weaker than what is worn. A few real recordings of a placement
say how strong its samples are: each quantile of the virtual ones is moved to the same quantile of
the real ones. Either the sizes of both vectors are moved, which keeps directions and needs no
knowledge of how the real device sat; or each of the six axes by itself, which also takes over the
attitude in which it was worn on the whole, at some loss where the two sit differently.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mujo_core.cache import write_atomically
from mujo_core.recording import Stream

KINDS = {'size': ('acc', 'gyro'), 'axes': ('ax', 'ay', 'az', 'gx', 'gy', 'gz')}
"""What is moved, by kind."""
FORMAT = 1
LEAST_SAMPLES = 250
"""Of each, virtual and real: 5 s at 50 Hz."""
_LEVELS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class Likeness:
    """How virtual samples are moved.

    Attributes:
        kind: a key of `KINDS`.
        knots: placement to (channels, 2, levels): quantiles of the virtual and the real samples.
    """

    kind: str
    knots: Mapping[str, np.ndarray]

    def apply(self, stream: Stream, placement: str) -> Stream:
        """Return a virtual device's stream moved; as it is where its placement was not fitted."""
        if placement not in self.knots or not len(stream):
            return stream
        values = np.asarray(stream.values, dtype=np.float64)
        before = _channels(values, self.kind)
        rows = zip(before.T, self.knots[placement], strict=True)
        after = np.stack([_moved(row, *knots) for row, knots in rows], axis=1)
        if self.kind == 'size':
            grown = np.maximum(after, 0.0) / np.maximum(before, 1e-6)
            after = values * np.repeat(grown, 3, axis=1)
        return replace(stream, values=after.astype(np.float32))


def fit_likeness(
    virtual: Mapping[str, np.ndarray], real: Mapping[str, np.ndarray], kind: str = 'size'
) -> Likeness:
    """Fit a mapping for each placement of which both kinds of samples are there.

    Args:
        virtual, real: placement to samples (N, 6), m/s^2 and rad/s, of much the same activities;
            they need not be of the same moments.
        kind: ``'size'`` or ``'axes'``.

    Raises:
        ValueError: no such kind, or no placement with enough of both.
    """
    if kind not in KINDS:
        raise ValueError(f'expected a kind out of {", ".join(KINDS)}, {kind!r} came')
    knots = {}
    for placement in sorted(set(virtual) & set(real)):
        both = [_channels(np.asarray(of[placement], float), kind) for of in (virtual, real)]
        if min(len(samples) for samples in both) >= LEAST_SAMPLES:
            knots[placement] = np.stack([np.quantile(s, _LEVELS, axis=0).T for s in both], axis=1)
    if not knots:
        raise ValueError(
            f'expected {LEAST_SAMPLES} samples or more of a real and of a virtual device at the '
            f'same placement; real ones of {_counts(real)} and virtual ones of {_counts(virtual)} '
            'came'
        )
    return Likeness(kind, knots)


def _counts(samples: Mapping[str, np.ndarray]) -> str:
    return ', '.join(f'{name} ({len(rows)})' for name, rows in samples.items()) or 'none'


def write_likeness(likeness: Likeness, path: str | Path) -> None:
    """Write a mapping as JSON that a person can read."""
    placements = {
        placement: {
            channel: {'virtual': _digits(rows[0]), 'real': _digits(rows[1])}
            for channel, rows in zip(KINDS[likeness.kind], knots, strict=True)
        }
        for placement, knots in likeness.knots.items()
    }
    content = {'format': FORMAT, 'kind': likeness.kind, 'placements': placements}
    text = json.dumps(content, indent=1).replace(',\n     ', ', ')
    write_atomically(Path(path), (text + '\n').encode())


def read_likeness(path: str | Path) -> Likeness:
    """Read a mapping.

    Raises:
        OSError: it is not there.
        ValueError: it is no mapping, or of another format.
    """
    content = Path(path).read_bytes()
    try:
        data = json.loads(content)
        if data['format'] != FORMAT:
            raise ValueError(f'format {FORMAT} expected, {data["format"]!r} came')
        channels = KINDS[data['kind']]
        knots = {
            str(placement): np.array(
                [[rows[c]['virtual'], rows[c]['real']] for c in channels], dtype=np.float64
            )
            for placement, rows in data['placements'].items()
        }
        for placement, rows in knots.items():
            whole = rows.shape == (len(channels), 2, len(_LEVELS)) and np.isfinite(rows).all()
            if not whole or (np.diff(rows, axis=2) < 0).any():
                raise ValueError(f'{placement}: {len(_LEVELS)} quantiles that rise expected')
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f'{path}: expected what `mujo data --likeness` writes ({str(error)[:100]}); '
            'fit it again'
        ) from error
    return Likeness(data['kind'], knots)


def _digits(row: np.ndarray) -> list[float]:
    return [round(float(value), 5) for value in row]


def _channels(values: np.ndarray, kind: str) -> np.ndarray:
    if kind == 'axes':
        return values
    return np.linalg.norm(values.reshape(len(values), 2, 3), axis=2)


def _moved(row: np.ndarray, virtual: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Move values between the knots linearly, and those beyond them as far as the last one."""
    inside = np.clip(row, virtual[0], virtual[-1])
    return np.asarray(np.interp(inside, virtual, real) + (row - inside))
