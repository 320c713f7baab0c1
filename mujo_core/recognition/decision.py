"""From logits to honest scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from mujo_core.labels import (
    Label,
    alarms,
    ancestors,
    distractor_places,
    quiet_labels,
    wider_labels,
)
from mujo_core.posture import POSTURES
from mujo_core.recognition.segmentation import StreamSettings
from mujo_core.recognition.stream_filter import ForwardFilter

if TYPE_CHECKING:
    from mujo_core.model.checkpoint import Calibration


ALARM_RATES = (0.01, 0.2)
"""Between these a threshold is known for any rate of false alarms."""


def check_alarm_rate(rate: float) -> None:
    """Refuse a rate of false alarms for which no threshold is known."""
    least, most = ALARM_RATES
    if not least <= rate <= most:
        raise ValueError(f'expected a rate of false alarms from {least:g} to {most:g}, {rate} came')


@dataclass(frozen=True)
class DecisionSettings:
    """How scores become an answer; may be replaced while a recognizer is at work.

    Attributes:
        top_k: how many scores an activity lists.
        false_alarm_rate: share of known activities that may be said to be unknown, `ALARM_RATES`.
        labels: what may be said (`mujo_core.recognition.open_labels.read_labels`); empty: all
            labels of the checkpoint and those taught.
        smoothing: time constant of the running mean over the scores, seconds; 0: none.
        stream: how scores become activities with a start and an end.
    """

    top_k: int = 5
    false_alarm_rate: float = 0.05
    labels: tuple[str, ...] = ()
    smoothing: float = 0.0
    stream: StreamSettings = field(default_factory=StreamSettings)

    def __post_init__(self) -> None:
        """Refuse what no answer can be made by."""
        check_alarm_rate(self.false_alarm_rate)
        if self.top_k < 1:
            raise ValueError(f'expected a top_k of at least 1, {self.top_k} came')
        if not 0.0 <= self.smoothing < math.inf:
            raise ValueError(f'expected a smoothing of 0 s or more, {self.smoothing} came')
        # A single text is a sequence too, of letters.
        listed = isinstance(self.labels, tuple | list)
        if not listed or not all(isinstance(entry, str) for entry in self.labels):
            raise ValueError(
                f"expected labels as a list of texts such as ('walk', 'jog'), {self.labels!r} came"
            )


def calibrated_scores(
    logits: np.ndarray,
    calibration: Calibration,
    false_alarm_rate: float,
    familiarity: np.ndarray | None = None,
    distractors: Sequence[int] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels' probabilities (..., L) and that of none of them (...); they sum to 1.

    Args:
        logits: (..., L) of a modality subset.
        calibration: of that subset.
        false_alarm_rate: share of known activities that may be said to be unknown.
        familiarity: (...) of the windows (`JointSpace.familiarity`); None for usual ones.
        distractors: places of labels that count as none (`mujo_core.labels.Label.distractor`).
    """
    scaled = np.asarray(logits, dtype=float) / calibration.temperature
    strength = scaled.max(axis=-1)
    scores = np.exp(scaled - strength[..., None])
    scores /= scores.sum(axis=-1, keepdims=True)
    threshold = calibration.unknown_strength(false_alarm_rate)
    if familiarity is not None and calibration.familiarity > 0.0:
        strength = strength * familiarity / calibration.familiarity
    # Where the best label is weak it is probably none of them.
    unknown = expit((threshold - strength) / calibration.spread)
    scores = scores * (1.0 - unknown)[..., None]
    if len(distractors):
        unknown = unknown + scores[..., distractors].sum(axis=-1)
        scores[..., distractors] = 0.0
    return scores, unknown


NARROW, BESIDE = 0.7, 0.5
"""When the narrower of related labels is said: its share of all that are narrower than the wider
one, and its score beside the wider one's own."""


def settle(scores: np.ndarray, wider: np.ndarray) -> np.ndarray:
    """Return scores (L,) in which related labels do not share what belongs to them together.

    A kick to the side is a kick. Where one of the narrower labels stands out it gets the wider
    one's score; else the wider one gets theirs. The sum stays as it is.

    Args:
        wider: (L, L) bool, is the label of the column wider than that of the row
            (`mujo_core.labels.wider_labels`)?
    """
    if not wider.any():
        return scores
    scores = scores.copy()
    # From the narrowest up, so that a wider one deals with what is settled below it.
    for place in sorted(np.flatnonzero(wider.any(axis=0)), key=lambda p: wider[:, p].sum()):
        below = np.flatnonzero(wider[:, place])
        together, best = scores[below].sum(), below[scores[below].argmax()]
        if scores[best] > NARROW * together and scores[best] > BESIDE * scores[place]:
            scores[best] += scores[place]
            scores[place] = 0.0
        else:
            scores[place] += together
            scores[below] = 0.0
    return scores


class Postures:
    """Which of a body's postures stands for rest: the one that its angles show, else the likeliest.

    Args:
        labels: by name, in the order of the scores.
    """

    def __init__(self, labels: Mapping[str, Label]) -> None:
        places = {name: place for place, name in enumerate(labels)}
        kinds = {
            posture: [
                p for n, p in places.items() if n == posture or posture in ancestors(n, labels)
            ]
            for posture in POSTURES
            if posture in places
        }
        self._own = {posture: places[posture] for posture in kinds}
        self._kinds = kinds
        self._rest = [place for name, place in places.items() if labels[name].background]

    def __call__(self, scores: np.ndarray, seen: str | None) -> np.ndarray:
        """Return scores (L,) in which rest, and postures that are not `seen`, count for one.

        Args:
            seen: the posture that a skeleton shows (`mujo_core.posture.posture`), if any does.
        """
        if not self._own:
            return scores
        scores = scores.copy()
        gone = list(self._rest)
        to = None
        if seen in self._own:
            gone += [p for name, own in self._kinds.items() if name != seen for p in own]
            to = self._own[str(seen)]
        else:
            every = [p for own in self._kinds.values() for p in own]
            best = every[int(scores[every].argmax())]
            to = best if scores[best] > 0.0 else None
        if to is None:
            return scores
        given = scores[gone].sum()
        scores[gone] = 0.0
        scores[to] += given
        return scores


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


class Decision:
    """From logits to scores over time, for one set of labels.

    Args:
        settings: what was asked for.
        background: places of the labels that are no activity, or a body at rest.
        wider: (L, L) bool of the labels (`settle`); None: none is wider than another.
        distractors: places of the labels that count as none.
        alarms: places of labels to the score from which on they, or what is narrower, are said.
        postures: of the labels; None where rest is an answer.
    """

    def __init__(
        self,
        settings: DecisionSettings,
        background: Sequence[int] = (),
        wider: np.ndarray | None = None,
        distractors: Sequence[int] = (),
        alarms: Mapping[int, float] | None = None,
        postures: Postures | None = None,
    ) -> None:
        self.settings = settings
        self._wider = np.zeros((0, 0), dtype=bool) if wider is None else wider
        self._distractors = list(distractors)
        self._alarms = dict(alarms or {})
        self._postures = postures
        self._mean = RunningMean()
        self._filter: ForwardFilter | None = None
        if settings.stream.dwell > 0.0:
            self._filter = ForwardFilter(background, settings.stream.dwell, settings.stream.rest)

    def __call__(
        self,
        stamp: float,
        logits: np.ndarray,
        calibration: Calibration,
        familiarity: np.ndarray | None = None,
        posture: str | None = None,
    ) -> tuple[np.ndarray, float]:
        """Return the scores (L,) and that of none of the labels, for logits (L,) of a window of
        some familiarity () that shows a posture, if it does."""
        rate = self.settings.false_alarm_rate
        scores, unknown = calibrated_scores(
            logits, calibration, rate, familiarity, self._distractors
        )
        return self.over_time(stamp, scores, float(unknown), posture)

    def over_time(
        self, stamp: float, scores: np.ndarray, unknown: float, posture: str | None = None
    ) -> tuple[np.ndarray, float]:
        """Return the same for calibrated scores (L,) and that of none of the labels."""
        mean = self._mean(stamp, np.append(scores, unknown), self.settings.smoothing)
        known, none = mean[:-1], float(mean[-1])
        if self._filter is not None:
            known, none = self._filter(stamp, known, none)
        if self._postures is not None:
            known = self._postures(known, posture)
        return settle(known, self._wider), none

    def said(self, scores: np.ndarray, unknown: float) -> int | None:
        """Return the place of the label that scores (L,) say, None for none of them."""
        for place, least in self._alarms.items():
            kinds = np.array([place])
            if len(self._wider):
                kinds = np.append(kinds, np.flatnonzero(self._wider[:, place]))
            if scores[kinds].sum() >= least:
                return int(kinds[scores[kinds].argmax()])
        best = int(scores.argmax())
        return None if unknown > scores[best] else best

    def go_on(self, before: Decision) -> None:
        """Take over the mean of what was decided before of the same labels."""
        self._mean = before._mean

    def reset(self) -> None:
        """Forget all answers."""
        self._mean.reset()
        if self._filter is not None:
            self._filter.reset()


def decision_of(
    labels: Mapping[str, Label],
    settings: DecisionSettings,
    distractors: Sequence[int] | None = None,
) -> Decision:
    """Return the decision that labels ask for by what is said of them in the taxonomy.

    Args:
        labels: by name, in the order of the scores.
        distractors: places of those that count as none; None for all that are distractors.
    """
    still = set(quiet_labels(labels))
    apart = distractor_places(labels) if distractors is None else list(distractors)
    # Rest answers nothing where somebody sits or stands.
    silent = [place for place, label in enumerate(labels.values()) if label.background]
    return Decision(
        settings,
        [place for place, name in enumerate(labels) if name in still],
        wider_labels(labels, [*apart, *silent]),
        apart,
        alarms(labels),
        Postures(labels),
    )
