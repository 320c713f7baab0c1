"""The protocol `unknown`: are activities that nobody told the model of said to be unknown?

Windows of labels that the checkpoint lacks are strangers; to make one that lacks some, train with
`--data.without LABEL ...`. Where the checkpoint has all labels of the data set, some are drawn and
taken out of what it may say. It was trained on those, so that this is not the same: it says how
the decision does, not how the joint space does with what it never met.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torchmetrics.functional.classification import binary_auroc

from mujo_core.evaluation.embedding import Embedding, subsets_of
from mujo_core.evaluation.own_labels import without_threshold
from mujo_core.evaluation.predictions import ExampleSet, embed_examples, make_examples
from mujo_core.evaluation.registry import Result, Table, Task, protocol, with_spread
from mujo_core.model.checkpoint import Calibration, Checkpoint
from mujo_core.recognition.decision import calibrated_scores
from mujo_core.recording import subset_name

SHARE = 5 / 27
"""Of the labels that are drawn as strangers, as in leave-classes-out on UTD-MHAD."""
RATES = (0.01, 0.05, 0.1)
"""Of false alarms."""


def auroc(strength: np.ndarray, strange: np.ndarray) -> float:
    """Return how likely a stranger is weaker than a known window; 0.5 is chance.

    Args:
        strength: (N,) of the best label, weighed by their familiarity.
        strange: (N,) bool, at least one of each.
    """
    return float(binary_auroc(torch.from_numpy(-strength), torch.from_numpy(strange).long()))


def _figures(
    logits: np.ndarray, familiarity: np.ndarray, strange: np.ndarray, calibration: Calibration
) -> dict[str, Any]:
    """Score (N, L) logits of the labels that may be said, of windows of some familiarity (N,)."""
    strength = logits.max(axis=1)
    if calibration.familiarity or not calibration.unknown:
        strength = strength * familiarity
    found: dict[str, Any] = {'auroc': auroc(strength, strange)}
    for rate in RATES:
        # Without a threshold nothing is said to be unknown: no figure, which is not a figure of 0.
        found[f'caught_{rate:g}'] = found[f'false_{rate:g}'] = None
        if calibration.unknown:
            scores, unknown = calibrated_scores(logits, calibration, rate, familiarity)
            said = unknown > scores.max(axis=1)
            found[f'caught_{rate:g}'] = float(said[strange].mean())
            found[f'false_{rate:g}'] = float(said[~strange].mean())
        # Whatever the calibration: at a threshold that these very windows set.
        own = np.quantile(strength[~strange], rate)
        found[f'caught_own_{rate:g}'] = float((strength[strange] < own).mean())
    return found


def _draw(
    checkpoint: Checkpoint, embedding: Embedding, where: ExampleSet, subset: Sequence[str],
    strangers: set[str],
) -> dict[str, Any] | None:  # fmt: skip
    """Return the figures of a modality subset; None where it has no windows of both kinds."""
    rows, name = embedding.having(subset), subset_name(tuple(subset))
    strange = np.array([where.examples[i].label in strangers for i in rows], dtype=bool)
    if strange.all() or not strange.any():
        return None
    kept = [place for place, label in enumerate(checkpoint.labels) if label not in strangers]
    among = torch.tensor([label not in strangers for label in checkpoint.labels])
    with torch.inference_mode():
        texts = checkpoint.label_vectors()[kept]
        logits = checkpoint.model.logits(embedding.fused(subset, rows), texts).numpy()
    familiarity = embedding.familiarity(subset, rows, among)
    return _figures(logits, familiarity, strange, checkpoint.calibration.get(name, Calibration()))


@protocol('unknown', 'labels left out: AUROC of unknown, and how many are caught at 5 % alarms')
def unknown(task: Task) -> Result:
    """Judge strangers from every subset; drawn for each seed where the checkpoint has all labels.

    Raises:
        ValueError: fewer than two of the labels are known.
    """
    checkpoint = task.checkpoint
    where = make_examples(task.tested, checkpoint.window, task.labels, task.unit, task.stride)
    known = [label for label in where.labels if label in checkpoint.labels]
    if len(known) < 2:
        raise ValueError(
            f'expected recordings of two labels or more that the checkpoint has, '
            f'{", ".join(known) or "none"} came'
        )
    never_met = set(where.labels) - set(known)
    count = max(1, round(SHARE * len(known)))
    draws = [never_met] if never_met else [
        set(np.random.default_rng(seed).choice(known, count, replace=False).tolist())
        for seed in task.seeds
    ]  # fmt: skip
    embedding = embed_examples(checkpoint, where.examples)
    subsets: dict[str, Any] = {}
    for subset in subsets_of(embedding.modalities):
        drawn = [_draw(checkpoint, embedding, where, subset, strangers) for strangers in draws]
        found = [figures for figures in drawn if figures]
        if found:
            subsets[subset_name(subset)] = {
                name: _over_draws([f[name] for f in found]) for name in found[0]
            }
    data = {
        **task.header(),
        'trained_without': bool(never_met),
        'strangers': [sorted(strangers) for strangers in draws],
        'subsets': subsets,
    }
    columns = [
        'modalities', 'AUROC', 'caught at 5 %', 'false alarms at 5 %',
        'caught at 5 % of these very windows',
    ]  # fmt: skip
    rows = [
        [name, *(_shown(f[k], len(draws))
                 for k in ('auroc', 'caught_0.05', 'false_0.05', 'caught_own_0.05'))]
        for name, f in subsets.items()
    ]  # fmt: skip
    how = 'never met in training' if never_met else 'trained on, then taken out of what is said'
    title = f'{task.dataset}, windows; {len(draws[0])} of {len(where.labels)} labels {how}'
    notes = [] if never_met else [
        'The labels taken out were trained on: labels never met (mujo train --data.without ...) '
        'may be caught more or less often.'
    ]  # fmt: skip
    notes += without_threshold(task, subsets)
    return Result(data, [Table(title, columns, rows)], notes=notes)


def _over_draws(values: Sequence[float | None]) -> dict[str, float] | None:
    there = [value for value in values if value is not None]
    if not there:
        return None
    return {'mean': float(np.mean(there)), 'std': float(np.std(there))}


def _shown(figure: dict[str, float] | None, draws: int) -> str:
    return '-' if figure is None else with_spread(figure['mean'], figure['std'], draws, digits=3)
