"""A hidden Markov model over the answers: which activity goes on, given all that was seen so far.

States are the labels and one for none of them. An activity lasts for a while and any other may
follow it; answers come at any rate, and those of overlapping windows say much the same twice.
Filtered forward only (Rabiner, A tutorial on hidden Markov models, Proc. IEEE 1989, eq. 19-20).
"""

from __future__ import annotations

import math

import numpy as np

_LEAST = 1e-4
"""No answer rules a state out."""


class ForwardFilter:
    """Filtered probabilities of the states from scores, over header time.

    Args:
        dwell: how long a state lasts in the mean, seconds; 0: scores pass as they are.
        independence: share, 0..1, of a second of answers that counts as news: windows overlap, so
            that ten answers in a second are no ten observations.
    """

    def __init__(self, dwell: float, independence: float) -> None:
        self.dwell = dwell
        self.independence = independence
        self._stamp = -math.inf
        self._state: np.ndarray | None = None

    def __call__(self, stamp: float, scores: np.ndarray) -> np.ndarray:
        """Take in the scores (S,) of `stamp`, which sum to 1, and return those of the states."""
        if self.dwell <= 0.0:
            return scores
        seen = np.log(np.maximum(scores, _LEAST))
        if self._state is None or len(self._state) != len(scores):
            state = seen
        else:
            passed = max(stamp - self._stamp, 0.0)
            stay = math.exp(-passed / self.dwell)
            before = np.exp(self._state)
            moved = stay * before + (1.0 - stay) / len(before)
            state = np.log(moved) + min(1.0, passed * self.independence) * seen
        state = state - state.max()
        state = state - math.log(float(np.exp(state).sum()))
        self._stamp, self._state = stamp, state
        return np.asarray(np.exp(state))

    def reset(self) -> None:
        """Forget all scores."""
        self._stamp, self._state = -math.inf, None
