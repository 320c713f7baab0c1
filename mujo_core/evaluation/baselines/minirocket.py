"""MiniRocket (Dempster, Schmidt and Webb, KDD 2021) on a window's channels, by aeon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mujo_core.evaluation.baselines.registry import baseline
from mujo_core.evaluation.examples import Example
from mujo_core.evaluation.predictions import softmax
from mujo_core.skeleton import CANONICAL_JOINTS
from mujo_core.window import Window, WindowSpec

_STEPS_A_SECOND = 50.0
"""All channels on one grid, that of the fastest stream."""


def _filled(values: np.ndarray, mask: np.ndarray, steps: int) -> np.ndarray:
    """Put (T, C) values on a grid of `steps`; what is masked is drawn from its neighbours."""
    if not mask.any():
        return np.zeros((values.shape[1], steps))
    at = np.linspace(0.0, 1.0, len(values))
    grid = np.linspace(0.0, 1.0, steps)
    return np.stack([np.interp(grid, at[mask], column[mask]) for column in values.T])


def channels(window: Window, subset: Sequence[str], devices: int, steps: int) -> np.ndarray:
    """Return (C, steps): joints' coordinates, and six axes for each of `devices` IMUs.

    Devices come in the order of their names, wherever they are worn; what is absent is zero.
    """
    parts = []
    if 'pose' in subset and window.pose is None:
        parts.append(np.zeros((3 * len(CANONICAL_JOINTS), steps)))
    elif 'pose' in subset and window.pose is not None:
        joints = window.pose.joints.reshape(len(window.pose.joints), -1)
        seen = np.repeat(window.pose.mask, 3, axis=1)
        parts += [_filled(joints[:, [c]], seen[:, c], steps) for c in range(joints.shape[1])]
    if 'imu' in subset:
        worn = sorted(window.imu)[:devices]
        parts += [_filled(window.imu[name], window.imu_mask[name], steps) for name in worn]
        parts += [np.zeros((6, steps))] * (devices - len(worn))
    return np.concatenate(parts).astype(np.float32)


@baseline('minirocket', 'MiniRocket features and a ridge classifier (aeon); pose and IMU')
class MiniRocket:
    """MiniRocket features, each scaled, into a ridge classifier with its penalty chosen."""

    modalities = ('pose', 'imu')

    def __init__(self, subset: Sequence[str], spec: WindowSpec, classes: int, seed: int) -> None:
        try:
            from aeon.transformations.collection.convolution_based import MiniRocket as Features
        except ImportError as error:
            raise ImportError(
                f"the baseline minirocket needs aeon ({error}): pip install 'mujo_ros[baseline]'"
            ) from error
        from sklearn.linear_model import RidgeClassifierCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self.subset = tuple(subset)
        self.classes = classes
        self.steps = round(spec.seconds * _STEPS_A_SECOND)
        self.devices = 1
        self.model = make_pipeline(
            Features(random_state=seed),
            StandardScaler(with_mean=False),
            RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)),
        )

    def fit(self, examples: Sequence[Example], truth: np.ndarray) -> None:
        """Learn from examples and the places (N,) of their labels."""
        self.devices = max([1, *(len(e.window.imu) for e in examples)])
        self.model.fit(self._stack(examples), truth)

    def probabilities(self, examples: Sequence[Example]) -> np.ndarray:
        """Return (N, classes): the softmax of the ridge's margins."""
        margins = np.asarray(self.model.decision_function(self._stack(examples)))
        if margins.ndim == 1:
            margins = np.stack([-margins, margins], axis=1)
        rows = np.zeros((len(examples), self.classes))
        rows[:, self.model.classes_] = softmax(margins)
        return rows

    def _stack(self, examples: Sequence[Example]) -> np.ndarray:
        return np.stack(
            [channels(e.window, self.subset, self.devices, self.steps) for e in examples]
        )
