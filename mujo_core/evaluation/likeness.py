"""How much nearer to real IMUs a fitted mapping brings virtual ones, of people it has not seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import wasserstein_distance

from mujo_core.evaluation.fidelity import Fidelity, Twins, compare, twins
from mujo_core.recording import Recording, Stream, modality_of
from mujo_core.virtual_imu import Likeness, fit_likeness

FEW = 20
"""Recordings that the judged mappings are fitted to."""


@dataclass(frozen=True)
class Gain:
    """A placement before and after, a mean over the people who were held out in turn.

    Attributes:
        people: who were held out.
        distance: Wasserstein distance of the sizes of acceleration (m/s^2) and turn rate (rad/s),
            and the mean over the three axes of each.
        correlation: of the sizes, median over recordings.
    """

    people: int
    distance: dict[str, tuple[float, float]]
    correlation: dict[str, tuple[float, float]]

    def to_dict(self) -> dict[str, object]:
        """Return before and after of every figure."""
        rows = {
            **{f'distance {name}': pair for name, pair in self.distance.items()},
            **{f'correlation {name}': pair for name, pair in self.correlation.items()},
        }
        rounded = {name: [round(value, 4) for value in pair] for name, pair in rows.items()}
        return {'people': self.people, **rounded}


def simulated_pairs(recordings: Iterable[Recording]) -> list[Twins]:
    """Return real devices beside virtual ones as builds and training compute them."""
    return list(twins(recordings, cutoff=None, turn_cutoff=None))


def samples_of(recordings: Iterable[Recording]) -> dict[str, np.ndarray]:
    """Return the samples (N, 6) of all IMUs by placement."""
    found: dict[str, list[np.ndarray]] = {}
    for recording in recordings:
        for name, stream in recording.streams.items():
            if modality_of(name) == 'imu' and len(stream):
                found.setdefault(name.partition('/')[2], []).append(np.asarray(stream.values))
    return {placement: np.concatenate(rows) for placement, rows in found.items()}


def fit_to_pairs(pairs: Sequence[Twins], kind: str) -> Likeness:
    """Fit a mapping to devices and their virtual twins; ValueError where they are too few."""
    virtual: dict[str, list[np.ndarray]] = {}
    real: dict[str, list[np.ndarray]] = {}
    for pair in pairs:
        virtual.setdefault(pair.placement, []).append(pair.virtual)
        real.setdefault(pair.placement, []).append(pair.real)
    joined = [{p: np.concatenate(rows) for p, rows in of.items()} for of in (virtual, real)]
    return fit_likeness(joined[0], joined[1], kind)


def measure_gain(pairs: Sequence[Twins], kind: str) -> dict[str, Gain]:
    """Fit to `FEW` recordings, judge on a person who is in none of them; by placement."""
    found = {}
    for placement in sorted({pair.placement for pair in pairs}):
        here = [pair for pair in pairs if pair.placement == placement]
        judged = []
        for person in sorted({pair.subject for pair in here}):
            others = [pair for pair in here if pair.subject != person]
            order = np.random.default_rng(0).permutation(len(others))[:FEW]
            try:
                likeness = fit_to_pairs([others[i] for i in order], kind)
            except ValueError:  # Nobody else, or too little of them.
                continue
            own = [pair for pair in here if pair.subject == person]
            judged.append((_judge(own, None), _judge(own, likeness)))
        if judged:
            found[placement] = _mean(judged)
    return found


_Figures = tuple[dict[str, float], dict[str, float]]


def _judge(pairs: Sequence[Twins], likeness: Likeness | None) -> _Figures:
    """Return distances and correlations of virtual and real samples."""
    fidelity, virtual = Fidelity(), []
    for pair in pairs:
        samples = pair.virtual
        if likeness:
            stream = Stream(np.arange(len(samples), dtype=float), samples)
            samples = likeness.apply(stream, pair.placement).values
        compare(samples, pair.real, fidelity)
        virtual.append(samples)
    ours, real = np.concatenate(virtual), np.concatenate([pair.real for pair in pairs])
    distances = {}
    for name, columns in (('acc', slice(0, 3)), ('gyro', slice(3, 6))):
        sizes = [np.linalg.norm(of[:, columns], axis=1) for of in (ours, real)]
        distances[f'|{name}|'] = float(wasserstein_distance(*sizes))
        axes = zip(ours[:, columns].T, real[:, columns].T, strict=True)
        distances[f'{name} axes'] = float(np.mean([wasserstein_distance(a, b) for a, b in axes]))
    whole = fidelity.to_dict()
    return distances, {'|acc|': float(whole['acc']), '|gyro|': float(whole['gyro'])}


def _mean(judged: Sequence[tuple[_Figures, _Figures]]) -> Gain:
    def over(which: int) -> dict[str, tuple[float, float]]:
        names = judged[0][0][which]
        return {
            name: (
                float(np.mean([before[which][name] for before, _ in judged])),
                float(np.mean([after[which][name] for _, after in judged])),
            )
            for name in names
        }

    return Gain(len(judged), over(0), over(1))
