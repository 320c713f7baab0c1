"""The protocol `missing_modality`: every subset, and sensors that fail within a window.

A failing sensor sends no samples for a part of the window. Its stream is cut by time and played
through the timeline again, so that the model sees what it would have seen live.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from mujo_core.evaluation import plots
from mujo_core.evaluation.embedding import Embedding, embed_windows
from mujo_core.evaluation.examples import Example, window_at
from mujo_core.evaluation.full import predict_subsets, protocol_labels
from mujo_core.evaluation.predictions import (
    ExampleSet,
    Predictions,
    embed_examples,
    make_examples,
    pool,
    softmax,
)
from mujo_core.evaluation.registry import Plot, Result, Table, Task, protocol, with_interval
from mujo_core.model.checkpoint import Calibration, Checkpoint
from mujo_core.recording import Recording, Stream, modality_of, subset_name
from mujo_core.window import Window, WindowSpec


@dataclass(frozen=True)
class Outage:
    """A sensor is silent between two moments, as shares of the part of a window that has data."""

    name: str
    start: float
    end: float


OUTAGES = (
    Outage('never lost', 0.0, 0.0),
    Outage('lost at 75 %', 0.75, 1.0),
    Outage('lost at 50 %', 0.50, 1.0),
    Outage('lost at 25 %', 0.25, 1.0),
    Outage('never there', 0.0, 1.0),
    Outage('silent from 25 to 75 %, then back', 0.25, 0.75),
    Outage('there from 50 % on', 0.0, 0.5),
)


def _silence(stream: Stream, start: float, end: float) -> Stream:
    kept = (stream.stamps < start - 1e-9) | (stream.stamps > end + 1e-9)
    return replace(stream, stamps=stream.stamps[kept], values=stream.values[kept])


def with_outage(recording: Recording, modality: str, start: float, end: float) -> Recording:
    """Return a recording whose streams of one modality have no samples from `start` to `end`."""
    streams = {
        name: _silence(s, start, end) if modality_of(name) == modality else s
        for name, s in recording.streams.items()
    }
    return replace(recording, streams={name: s for name, s in streams.items() if len(s)})


def failing_window(example: Example, modality: str, outage: Outage, spec: WindowSpec) -> Window:
    """Return an example's window as it is when a modality fails within it."""
    first = max(example.stretch.start, example.end - spec.seconds)
    span = example.end - first
    stretch = example.stretch
    if outage.end > outage.start:
        # A sensor that was never there gave nothing before the window either.
        start = first + outage.start * span if outage.start > 0 else -np.inf
        stop = first + outage.end * span if outage.end < 1 else np.inf
        stretch = with_outage(stretch.cut(-np.inf, example.end), modality, start, stop)
    return window_at(stretch, example.end, spec)


def _predict_all(
    checkpoint: Checkpoint,
    embedding: Embedding,
    rows: np.ndarray,
    where: ExampleSet,
    subset: Sequence[str],
    labels: list[str],
) -> Predictions:
    """Answers from whatever there is of a subset; an absent modality adds nothing to the sum."""
    names = list(checkpoint.labels)
    texts = checkpoint.label_vectors()[[names.index(name) for name in labels]]
    vectors = embedding.fused(subset, np.arange(len(rows)))
    with torch.inference_mode():
        logits = checkpoint.model.logits(vectors, texts).numpy()
    calibration = checkpoint.calibration.get(subset_name(subset), Calibration())
    return pool(softmax(logits / calibration.temperature), rows, where, labels)


@protocol('missing_modality', 'every subset, and a sensor that fails in the middle of a window')
def missing_modality(task: Task) -> Result:
    """Score every subset, and the fullest one with each of its sensors failing in several ways."""
    checkpoint, spec = task.checkpoint, task.checkpoint.window
    where = make_examples(task.tested, spec, list(checkpoint.labels), task.unit, task.stride)
    labels = protocol_labels(checkpoint, where, task.labels)
    embedding = embed_examples(checkpoint, where.examples)
    subsets: dict[str, Any] = {}
    scores, spread = {}, {}
    for name, predictions in predict_subsets(checkpoint, embedding, where, task.labels).items():
        scores[name], spread[name] = predictions.scores(), predictions.spread()
        subsets[name] = {**scores[name].to_dict(), 'spread': spread[name]}
    fullest = tuple(embedding.modalities)
    rows = embedding.having(fullest)
    outages: dict[str, Any] = {}
    for modality in fullest if len(fullest) > 1 and len(rows) else ():
        outages[modality] = []
        for outage in OUTAGES:
            windows = [failing_window(where.examples[i], modality, outage, spec) for i in rows]
            failed = embed_windows(checkpoint, windows)
            found = _predict_all(checkpoint, failed, rows, where, fullest, labels)
            outages[modality].append(
                {'outage': outage.name, 'from': outage.start, 'to': outage.end,
                 **found.scores().to_dict(), 'spread': found.spread()}
            )  # fmt: skip
    data = {**task.header(), 'unit': where.unit, 'subsets': subsets, 'outages': outages}
    tables = [
        Table(
            f'{task.dataset}, {where.unit}s, every subset',
            ['modalities', 'accuracy', 'macro-F1 (95 %)', 'n'],
            [
                [
                    n,
                    s['accuracy'],
                    with_interval(s['macro_f1'], s['spread']['macro_f1_bootstrap_95']),
                    s['n'],
                ]
                for n, s in subsets.items()
            ],
        )
    ]
    pictures = [
        Plot('subsets', 'Macro-F1 by modality subset; bars: 95 % bootstrap over recordings, '
             'dots: single subjects', lambda: plots.subset_bars(scores, spread, data)),
    ]  # fmt: skip
    if outages:
        tables.append(
            Table(
                f'macro-F1 of {subset_name(fullest)} while one of them fails within the window',
                ['outage', *outages],
                [
                    [outage.name, *(outages[m][i]['macro_f1'] for m in outages)]
                    for i, outage in enumerate(OUTAGES)
                ],
            )
        )
        pictures.append(
            Plot('outages', 'Macro-F1 when one sensor fails within the window',
                 lambda: plots.outage_bars(outages, [o.name for o in OUTAGES]))
        )  # fmt: skip
    notes = [
        'Moments are shares of the part of the window that has data. These windows end at a '
        "sample, so that 'never lost' may differ by a recording from the subset's figure above."
    ]
    return Result(data, tables, pictures, {}, notes if outages else [])
