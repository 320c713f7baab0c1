"""What a node on message_filters' ApproximateTimeSynchronizer can answer.

It hears of sensors only through a callback that takes one message of each, so that what has no
partner is lost, and with a sensor that is silent everything is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from mujo_core.evaluation.baselines.registry import baseline
from mujo_core.evaluation.corrupted import Ours
from mujo_core.evaluation.examples import STRIDE, Example
from mujo_core.evaluation.registry import Task
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.recording import Recording, modality_of

QUEUE_SIZE, SLOP = 10, 0.1
"""Messages of each topic that wait for partners, and seconds they may lie apart: what the
documentation and most nodes use."""


def matched(
    stamps: Mapping[str, np.ndarray], queue_size: int = QUEUE_SIZE, slop: float = SLOP
) -> list[dict[str, int]]:
    """Return the sets that rclpy's ApproximateTimeSynchronizer would hand to its callback.

    A message joins its topic's queue, the oldest leaves a full one. Of every other topic those
    within the slop of it are candidates, nearest first; the first combination whose stamps all lie
    within less than the slop goes to the callback, and leaves the queues. Messages arrive in the
    order of their stamps, which favours it where clocks are apart.

    Args:
        stamps: topic to (N,) increasing, seconds; a topic that never comes is there but empty.

    Returns:
        For each set, topic to the place of its message.
    """
    names = list(stamps)
    times = [stamps[name] for name in names]
    order = sorted(
        (float(t), topic, i) for topic, own in enumerate(times) for i, t in enumerate(own)
    )
    queues: list[dict[int, float]] = [{} for _ in names]
    sets = []
    for stamp, topic, place in order:
        queues[topic][place] = stamp
        if len(queues[topic]) > queue_size:
            del queues[topic][min(queues[topic])]
        others = [i for i in range(len(names)) if i != topic]
        candidates = []
        for other in others:
            near = [(abs(t - stamp), i) for i, t in queues[other].items() if abs(t - stamp) <= slop]
            candidates.append([i for _, i in sorted(near)])
        for choice in product(*candidates):
            chosen = {topic: place, **dict(zip(others, choice, strict=True))}
            found = [queues[i][at] for i, at in chosen.items()]
            if max(found) - min(found) < slop:
                sets.append({names[i]: at for i, at in chosen.items()})
                for i, at in chosen.items():
                    del queues[i][at]
                break
    return sets


@baseline('synchronizer', 'our model behind ApproximateTimeSynchronizer (robustness)')
class Synchronizer:
    """Our model, given the samples of matched sets alone."""

    modalities = ('video', 'pose', 'imu')
    silent_after = STRIDE
    """It answers from its callback: without a set since the tick before there is no answer."""

    def __init__(
        self, checkpoint: Checkpoint, subset: Sequence[str], labels: Sequence[str],
        streams: Sequence[str],
    ) -> None:  # fmt: skip
        self.ours = Ours(checkpoint, labels)
        self.subset = tuple(subset)
        self.streams = list(streams)

    @classmethod
    def for_task(cls, task: Task, subset: Sequence[str], labels: Sequence[str]) -> Synchronizer:
        """Make it with a task's checkpoint."""
        # Whatever is worn, and wherever: a node subscribes to the sensors that a person has.
        return cls(task.checkpoint, subset, labels, [m for m in subset if m != 'imu'])

    def hears(self, arrived: Recording) -> Recording:
        """Return what the callback gets: of each stream the samples of matched sets."""
        worn = [name for name in arrived.streams if modality_of(name) == 'imu'] or ['imu/none']
        names = [*self.streams, *(worn if 'imu' in self.subset else [])]
        stamps = {
            n: arrived.streams[n].stamps if n in arrived.streams else np.empty(0) for n in names
        }
        sets = matched(stamps)
        if not sets:
            return replace(arrived, streams={})
        streams = {}
        for name in names:
            kept = np.unique([found[name] for found in sets])
            stream = arrived.streams[name]
            streams[name] = replace(stream, stamps=stream.stamps[kept], values=stream.values[kept])
        return replace(arrived, streams=streams)

    def fit(self, examples: Sequence[Example], truth: np.ndarray) -> None:
        """Learn nothing: the model is ours."""

    def probabilities(self, examples: Sequence[Example]) -> np.ndarray:
        """Return (N, classes) of our model."""
        embedding = self.ours.encode([e.window for e in examples])
        rows = self.ours.fused(embedding, {m: embedding.present[m] for m in self.subset})
        return np.asarray(np.nan_to_num(rows))
