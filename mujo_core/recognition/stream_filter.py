"""A hidden Markov model over the answers: which activity goes on, given all that was seen so far.

States are the activities and one for none of them. An activity lasts for a while, then there is
mostly none for a while, then any other may follow. Filtered forward only (Rabiner, A tutorial on
hidden Markov models, Proc. IEEE 1989, eq. 19 and 20), so that no answer waits for later ones.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np

NEWS = 7.0
"""Answers a second that count as news: windows overlap, and more of them say the same again."""
DIRECT = 0.02
"""Share of activities that another one follows without a moment between them."""
OWN = 0.4
"""Of the scores, the answer's own part. Windows overlap, so a filter that takes each for news is
too sure of itself; with this part scores stay as honest as they were."""
BEGUN = 0.8
"""Of `unknown` where rest has just given way, the share that is taken for the beginning of an
activity: it fills but a part of the window, and a part may pass for what was never met."""
BEGINNING = 1.5
"""Seconds over which that fades (by a factor of e): half a window of 3 s."""
_MOST = 3.0
_LEAST = 1e-4
"""No answer rules a state out."""


class ForwardFilter:
    """Filtered scores from scores, over header time, whatever the rate of the answers.

    Args:
        background: places of the labels that are no activity.
        dwell: how long an activity lasts in the mean; rest: how long none goes on; both seconds.
    """

    def __init__(self, background: Collection[int], dwell: float, rest: float) -> None:
        self.background = sorted(background)
        self.dwell = dwell
        self.rest = rest
        self._stamp = 0.0
        self._state: np.ndarray | None = None
        self._rested = 0.0

    def __call__(
        self, stamp: float, scores: np.ndarray, unknown: float
    ) -> tuple[np.ndarray, float]:
        """Take in an answer and return what it is after all that came before it.

        Args:
            stamp: header time, seconds.
            scores: (L,) of the labels; unknown: of none of them; they sum to 1.

        Returns:
            The same, steadied: a mean of what was seen and of the filtered states. What is no
            activity has its share of the state that none goes on.
        """
        activities = np.delete(np.arange(len(scores)), self.background)
        # Never nothing at all, so that the state has something to be shared out by.
        quiet = np.append(scores[self.background], max(unknown, _LEAST**2))
        state = self._state
        begun = self._begun(stamp, scores, unknown, activities)
        seen = np.append(scores[activities] + begun, quiet.sum() - begun.sum())
        if state is None or len(state) != len(seen):
            # Of what went on before nothing is known: the first answer stands as it is.
            state = seen / seen.sum()
        else:
            passed = max(stamp - self._stamp, 0.0)
            weight = min(_MOST, NEWS * passed)
            state = self._predict(state, passed) * np.maximum(seen, _LEAST) ** weight
            state = state / state.sum()
        self._stamp, self._state = stamp, state
        shares = state[-1] * quiet / quiet.sum()
        filtered = np.zeros(len(scores))
        filtered[activities] = state[:-1]
        filtered[self.background] = shares[:-1]
        steadied = OWN * scores + (1.0 - OWN) * filtered
        return steadied, float(OWN * unknown + (1.0 - OWN) * shares[-1])

    def _begun(
        self, stamp: float, scores: np.ndarray, unknown: float, activities: np.ndarray
    ) -> np.ndarray:
        """Take in how surely there is rest, and return the part of `unknown` that is taken for each
        of the activities (A,), which may have just begun."""
        now = float(scores[self.background].sum())
        rested = 0.0
        if self._state is not None:
            rested = self._rested * math.exp(-max(stamp - self._stamp, 0.0) / BEGINNING)
        self._rested = max(rested, now)
        part = BEGUN * max(rested - now, 0.0) * unknown
        likely = scores[activities]
        return np.asarray(part * likely / max(likely.sum(), _LEAST**2))

    def _predict(self, before: np.ndarray, passed: float) -> np.ndarray:
        """Return the probabilities of the states (the last is none) `passed` seconds later."""
        ending = 1.0 - math.exp(-passed / self.dwell)
        starting = 1.0 - math.exp(-passed / self.rest)
        going, none = before[:-1], before[-1]
        others = (going.sum() - going) / max(len(going) - 1, 1)
        state = np.empty(len(before))
        state[:-1] = going * (1.0 - ending) + none * starting / max(len(going), 1)
        state[:-1] += ending * DIRECT * others
        state[-1] = none * (1.0 - starting) + ending * (1.0 - DIRECT) * going.sum()
        return np.asarray(state / state.sum())

    def reset(self) -> None:
        """Forget all answers."""
        self._state = None
