"""From logits to honest scores, and from scores to events."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

if TYPE_CHECKING:
    from mujo_core.model.checkpoint import Calibration


@dataclass(frozen=True)
class DecisionSettings:
    """How scores become an answer; may be replaced while a recognizer is at work.

    Attributes:
        top_k: how many scores an activity lists.
        false_alarm_rate: share of known activities that may be said to be unknown.
        labels: the only ones that may be said; empty: all of the checkpoint's.
        smoothing: time constant of the running mean over the scores, seconds; 0: none.
    """

    top_k: int = 5
    false_alarm_rate: float = 0.05
    labels: tuple[str, ...] = ()
    smoothing: float = 0.0


def columns_of(chosen: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """Return where in `known` each chosen label stands; all of them where none is chosen.

    Raises:
        ValueError: a label that is not known, with the one that comes closest.
    """
    place = {name: column for column, name in enumerate(known)}
    for name in chosen:
        if name not in place:
            close = difflib.get_close_matches(name, known, n=1)
            advice = f'did you mean {close[0]!r}?' if close else f'it has {", ".join(known)}'
            raise ValueError(
                f'expected labels of the checkpoint, got {name!r}, which is none of its '
                f'{len(known)}: {advice}'
            )
    columns = sorted({place[name] for name in chosen}) or range(len(known))
    return np.asarray(columns, dtype=int)


def calibrated_scores(
    logits: np.ndarray, calibration: Calibration, false_alarm_rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels' probabilities (..., L) and that of none of them (...); they sum to 1.

    Args:
        logits: (..., L) of a modality subset.
        calibration: of that subset.
        false_alarm_rate: share of known activities that may be said to be unknown.
    """
    scaled = np.asarray(logits, dtype=float) / calibration.temperature
    strength = scaled.max(axis=-1)
    scores = np.exp(scaled - strength[..., None])
    scores /= scores.sum(axis=-1, keepdims=True)
    threshold = calibration.unknown_strength(false_alarm_rate)
    # Where the best label is weak it is probably none of them.
    unknown = expit((threshold - strength) / calibration.spread)
    return scores * (1.0 - unknown)[..., None], unknown


class RunningMean:
    """Exponential mean over header time, whatever the rate of the answers."""

    def __init__(self) -> None:
        self._stamp = -math.inf
        self._mean: np.ndarray | None = None

    def __call__(self, stamp: float, values: np.ndarray, time_constant: float) -> np.ndarray:
        """Take in the values of `stamp` and return the mean; of 0 s: the values."""
        if self._mean is None or time_constant <= 0.0:
            self._mean = values
        else:
            keep = math.exp(-max(stamp - self._stamp, 0.0) / time_constant)
            self._mean = keep * self._mean + (1.0 - keep) * values
        self._stamp = stamp
        return self._mean

    def reset(self) -> None:
        """Forget all values."""
        self._mean = None


@dataclass(frozen=True)
class Decision:
    """Settings made ready for the labels of a checkpoint.

    Attributes:
        settings: what was asked for.
        columns: of the logits of the labels that may be said.
        mean: of the scores; only among the same labels.
    """

    settings: DecisionSettings
    columns: np.ndarray
    mean: RunningMean = field(default_factory=RunningMean)

    def __call__(
        self, stamp: float, logits: np.ndarray, calibration: Calibration
    ) -> tuple[np.ndarray, float]:
        """Return the scores (columns,) and that of none of the labels, for logits (L,)."""
        scores, unknown = calibrated_scores(
            logits[self.columns], calibration, self.settings.false_alarm_rate
        )
        mean = self.mean(stamp, np.append(scores, unknown), self.settings.smoothing)
        return mean[:-1], float(mean[-1])


class Events:
    """Says where activities start, go on and end, from one answer to the next.

    Args:
        background: names that are no activity.
    """

    def __init__(self, background: Collection[str]) -> None:
        self.background = set(background)
        self._active: str | None = None

    def update(self, label: str) -> str | None:
        """Return ``'start'``, ``'continue'``, ``'end'`` or None for the newest label."""
        previous = self._active
        self._active = None if label in self.background else label
        if self._active is None:
            return 'end' if previous else None
        return 'continue' if self._active == previous else 'start'

    def reset(self) -> None:
        """Forget what was going on."""
        self._active = None
