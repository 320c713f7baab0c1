"""A baseline's figures beside ours: fitted on other people, paired on the same examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mujo_core.evaluation.baselines.registry import get_baseline, make_baseline
from mujo_core.evaluation.predictions import ExampleSet, Predictions, make_examples, pool
from mujo_core.evaluation.registry import Table, Task, with_interval
from mujo_core.evaluation.statistics import compare
from mujo_core.recording import modality_of


def having(where: ExampleSet, subset: list[str]) -> np.ndarray:
    """Places of the examples in whose window every modality of a subset has data."""
    there = [
        {modality_of(name) for name, share in e.window.coverage.items() if share > 0}
        for e in where.examples
    ]
    return np.flatnonzero([set(subset) <= modalities for modalities in there])


def compare_with_baseline(
    task: Task, name: str, tested: ExampleSet, ours: Mapping[str, Predictions]
) -> dict[str, Any]:
    """Fit a baseline on each subset and test the difference to our answers.

    Raises:
        ValueError: nobody is left to fit it on, or it knows too few labels.
    """
    kind = get_baseline(name)
    if hasattr(kind, 'hears'):
        raise ValueError(
            f'expected a baseline that is given every sample, {name} chooses its own; '
            'put it beside ours with --protocol robustness'
        )
    spec = task.checkpoint.window
    names = next(iter(ours.values())).labels
    training = make_examples(task.training(), spec, names, tested.unit, tested.stride)
    subsets = {}
    for part, own in ours.items():
        subset = part.split('+')
        if not set(subset) <= set(kind.modalities):
            continue
        known, asked = having(training, subset), having(tested, subset)
        truth = training.places(known, names)
        if len(set(truth)) < 2:
            raise ValueError(
                f'expected training recordings with {part} of two labels or more, '
                f'{len(set(truth))} came; choose other --subjects'
            )
        model = make_baseline(name, task, subset, names)
        model.fit([training.examples[i] for i in known], truth)
        rows = model.probabilities([tested.examples[i] for i in asked])
        theirs = pool(rows, asked, tested, names)
        found = compare(own.truth, own.predicted, theirs.predicted, own.recordings, len(names))
        figures = theirs.scores().to_dict()
        # Its scores are margins and claim nothing about probabilities.
        del figures['ece']
        subsets[part] = {
            **figures,
            'ours': {k: v for k, v in own.scores().to_dict().items() if k in figures},
            'ours_minus_baseline': {
                'accuracy': found.accuracy,
                'accuracy_bootstrap_95': list(found.accuracy_interval),
                'macro_f1': found.macro_f1,
                'macro_f1_bootstrap_95': list(found.macro_f1_interval),
                'mcnemar_p': found.mcnemar,
            },
        }
    subjects = sorted({r.subject for r in task.training()}, key=lambda s: (len(s), s))
    return {'name': name, 'trained_on_subjects': subjects, 'subsets': subsets}


def baseline_table(beside: Mapping[str, Any]) -> Table:
    """Return what `compare_with_baseline` found as a table."""
    rows = []
    for name, s in beside['subsets'].items():
        gap = s['ours_minus_baseline']
        rows.append(
            [name, s['ours']['macro_f1'], s['macro_f1'],
             with_interval(gap['macro_f1'], gap['macro_f1_bootstrap_95']), gap['mcnemar_p']]
        )  # fmt: skip
    title = f'macro-F1 beside {beside["name"]}, fitted on {len(beside["trained_on_subjects"])}'
    return Table(
        f'{title} other people',
        ['modalities', 'ours', beside['name'], 'difference (95 %)', 'McNemar p'],
        rows,
    )
