"""What turns a model's logits into honest scores, and its file ``calibration.yaml``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mujo_core.model.joint_space import LENGTH_COUNTS
from mujo_core.yaml_file import read_yaml

CALIBRATION = 'calibration.yaml'


@dataclass(frozen=True)
class Calibration:
    """What turns the logits of one modality subset into honest scores.

    Attributes:
        temperature: logits are divided by it.
        spread: width of the logistic that turns the strength of the best logit into the
            probability that it is none of the labels.
        unknown: rate of false alarms to the strength at which that probability is one half; with
            it, that share of windows that do show one of the labels is said to be unknown.
        familiarity: the usual one of a window (`JointSpace.familiarity`): a strength counts less
            where a window has less; 0 where it does not count.
        strength: the usual one of the best label, whatever the familiarity; 0 where not known.
    """

    temperature: float = 1.0
    spread: float = 1.0
    unknown: dict[float, float] = field(default_factory=dict)
    familiarity: float = 0.0
    strength: float = 0.0

    def unknown_strength(self, rate: float) -> float:
        """Return the strength for a rate of false alarms (interpolated); -inf without any."""
        if not self.unknown:
            return -np.inf
        rates = sorted(self.unknown)
        return float(np.interp(rate, rates, [self.unknown[r] for r in rates]))


def write_calibration(calibration: Mapping[str, Calibration], path: Path) -> None:
    """Write the calibration of each modality subset."""
    entries = {
        name: {
            'temperature': round(float(c.temperature), 4),
            'spread': round(float(c.spread), 4),
            'unknown': {float(rate): round(float(u), 4) for rate, u in c.unknown.items()},
            **({'familiarity': float(f'{c.familiarity:.5g}')} if c.familiarity else {}),
            **({'strength': round(float(c.strength), 4)} if c.strength else {}),
        }
        for name, c in calibration.items()
    }
    path.write_text(yaml.safe_dump(entries, sort_keys=False))


def read_calibration(path: Path) -> dict[str, Calibration]:
    """Read what `write_calibration` wrote.

    Raises:
        OSError: it cannot be read.
        ValueError, TypeError, AttributeError: it holds anything else; figures that make no scores
            are named by subset and key.
    """
    entries = read_yaml(path.read_bytes(), 'it') or {}
    return {name: _calibration(name, entry) for name, entry in entries.items()}


def _calibration(name: str, entry: Mapping[str, Any]) -> Calibration:
    entry = dict(entry)
    # Older checkpoints have the usual length of a vector, of which familiarity is a power.
    if 'length' in entry:
        length = entry.pop('length')
        if not (_is_number(length) and length >= 0.0):
            raise ValueError(f'{name}: expected length of 0 or more, {length!r} came')
        entry['familiarity'] = length**LENGTH_COUNTS
    found = Calibration(**entry)
    for key, fits, expected in (
        ('temperature', _is_number(found.temperature) and found.temperature > 0.0, 'above 0'),
        ('spread', _is_number(found.spread) and found.spread > 0.0, 'above 0'),
        ('familiarity', _is_number(found.familiarity) and found.familiarity >= 0.0, 'of 0 or more'),
        ('strength', _is_number(found.strength) and found.strength >= 0.0, 'of 0 or more'),
    ):
        # A model divides by them: of another figure every answer would be the same label.
        if not fits:
            raise ValueError(f'{name}: expected {key} {expected}, {getattr(found, key)!r} came')
    rates = found.unknown
    if not isinstance(rates, Mapping) or not all(map(_is_number, [*rates, *rates.values()])):
        raise ValueError(
            f'{name}: expected unknown as rates of false alarms, a number each; {rates!r} came'
        )
    return found


def _is_number(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value)
