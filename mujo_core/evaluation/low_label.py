"""The protocol `low_label`: few labelled windows; pretrained against from scratch, and a probe.

Labelled windows of training people are drawn; all answers learn from the same ones and are judged
on people unseen: the checkpoint fine-tuned whole, the same model from random weights for as many
steps, logistic regression on the checkpoint's frozen vectors, and what `--baseline` names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mujo_core.evaluation import plots
from mujo_core.evaluation.baselines import make_baseline
from mujo_core.evaluation.embedding import embed_windows
from mujo_core.evaluation.examples import Example
from mujo_core.evaluation.label_texts import label_texts
from mujo_core.evaluation.metrics import Scores
from mujo_core.evaluation.predictions import (
    ExampleSet,
    embed_examples,
    make_examples,
    pool,
    predict,
)
from mujo_core.evaluation.registry import (
    Plot,
    Result,
    Table,
    Task,
    protocol,
    seeds_in_words,
    with_spread,
)
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.training.clip import Clip, make_clip
from mujo_core.training.config import TrainConfig, read_config
from mujo_core.training.fit import fit_model

METHODS = ('pretrained', 'scratch', 'linear_probe')
_BUDGET = (
    '--fit.steps', '300', '--fit.batch_size', '32', '--fit.learning_rate', '0.001',
    '--fit.average', '0.98', '--fit.workers', '0',
)  # fmt: skip
"""Of each fit, where no settings are given: for fine-tuning, and for few windows, enough."""
_PROBE_STRENGTH = 10.0
"""Inverse penalty of the logistic regression; its inputs are of unit length."""


@dataclass(frozen=True)
class Amount:
    """How many windows are labelled: a share of all, or so many of each class."""

    share: float = 0.0
    per_class: int = 0

    @classmethod
    def parse(cls, text: str) -> Amount:
        """Read ``'2%'`` or ``'5/class'``."""
        number, _, kind = text.replace('%', '/%').partition('/')
        try:
            if kind == 'class' and int(number) > 0:
                return cls(per_class=int(number))
            if kind == '%' and 0 < float(number) <= 100:
                return cls(share=float(number) / 100)
        except ValueError:
            pass
        raise ValueError(f'expected an amount such as 2% or 5/class, {text!r} came')

    def __str__(self) -> str:
        return f'{self.per_class}/class' if self.per_class else f'{100 * self.share:g}%'

    def draw(self, places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return windows, as places in `places` (N,), the classes of all.

        Of a share, each class gets its part of it, to the nearest window; a small one may get
        none, as it would if windows were labelled as they come.
        """
        order = rng.permutation(len(places))
        order = order[np.argsort(places[order], kind='stable')]
        if self.share:
            count = max(1, round(self.share * len(places)))
            step = len(places) / count
            return np.asarray(order[((rng.random() + np.arange(count)) * step).astype(int)])
        classes = places[order]
        first = np.searchsorted(classes, classes)
        return np.asarray(order[np.arange(len(order)) - first < self.per_class])


AMOUNTS = ('1%', '2%', '5%', '10%', '100%', '1/class', '5/class')


def read_budget(path: str | None, overrides: Sequence[str], checkpoint: Checkpoint) -> TrainConfig:
    """Return the settings of each fit; model, window and texts are those of the checkpoint."""
    config = read_config(path, [*(() if path else _BUDGET), *overrides])
    return replace(
        config,
        model=checkpoint.model.settings,
        window=checkpoint.window,
        text=replace(config.text, model=checkpoint.text_model),
    )


def as_clip(example: Example, seconds: float) -> Clip:
    """Return the samples of a window as a clip to train on."""
    samples = example.stretch.cut(example.end - seconds, example.end)
    return make_clip(samples, example.label, rests=False)


def _finetuned(
    task: Task, chosen: list[Example], labels: list[str], config: TrainConfig, tested: ExampleSet,
    pretrained: bool,
) -> Scores:  # fmt: skip
    clips = [as_clip(example, config.window.seconds) for example in chosen]
    fitted = fit_model(
        clips,
        np.ones(len(clips)),
        config,
        progress=False,
        labels=label_texts(labels),
        start=task.checkpoint.model if pretrained else None,
    )
    fitted.modalities = task.checkpoint.modalities
    embedding = embed_examples(fitted, tested.examples)
    texts = fitted.label_vectors()
    found = predict(fitted, embedding, tested, embedding.modalities, labels, texts)
    assert found is not None
    return found.scores()


def _probed(
    vectors: np.ndarray, places: np.ndarray, tested: ExampleSet, asked: np.ndarray,
    rows: np.ndarray, labels: list[str],
) -> Scores:  # fmt: skip
    from sklearn.linear_model import LogisticRegression

    probabilities = np.zeros((len(asked), len(labels)))
    if len(set(places)) < 2:
        probabilities[:, places[0]] = 1.0
    else:
        probe = LogisticRegression(C=_PROBE_STRENGTH, max_iter=2000).fit(vectors, places)
        probabilities[:, probe.classes_] = probe.predict_proba(asked)
    return pool(probabilities, rows, tested, labels).scores()


def _compared(
    task: Task, name: str, chosen: list[Example], places: np.ndarray, tested: ExampleSet,
    rows: np.ndarray, labels: list[str], subset: Sequence[str],
) -> Scores:  # fmt: skip
    probabilities = np.zeros((len(rows), len(labels)))
    if len(set(places)) < 2:
        probabilities[:, places[0]] = 1.0
    else:
        made = make_baseline(name, task, subset, labels)
        made.fit(chosen, places)
        probabilities = made.probabilities([tested.examples[i] for i in rows])
    return pool(probabilities, rows, tested, labels).scores()


def _spread(runs: Sequence[Scores]) -> dict[str, Any]:
    found = {}
    for figure in ('macro_f1', 'accuracy', 'ece'):
        values = [getattr(run, figure) for run in runs]
        found[figure] = {
            'mean': float(np.mean(values)),
            'std': float(np.std(values)),
            'values': [float(v) for v in values],
        }
    return found


def _plus_minus(figure: dict[str, Any]) -> str:
    return with_spread(figure['mean'], figure['std'], len(figure['values']))


@protocol(
    'low_label', 'few labelled windows: pretrained, from scratch, linear probe; unseen people'
)
def low_label(task: Task) -> Result:
    """Fit on each amount of labelled windows with each seed, and judge on the tested people."""
    checkpoint = task.checkpoint
    amounts = [Amount.parse(text) for text in task.amounts or AMOUNTS]
    path, overrides = task.settings
    config = read_budget(path, overrides, checkpoint)
    seconds = checkpoint.window.seconds
    tested = make_examples(task.tested, checkpoint.window, task.labels, task.unit, task.stride)
    labels = list(task.labels) or tested.labels
    # Windows that do not overlap: one per cent of them is one per cent of what was recorded.
    pool_of = make_examples(task.training(), checkpoint.window, labels, 'window', seconds)
    known = embed_windows(checkpoint, [e.window for e in pool_of.examples])
    asked = embed_examples(checkpoint, tested.examples)
    subset = asked.modalities
    usable, rows = known.having(subset), asked.having(subset)
    if not len(usable):
        raise ValueError(
            f'expected training windows with {"+".join(subset)}, none came; '
            'name fewer with --modalities'
        )
    places = pool_of.places(usable, labels)
    vectors = known.fused(subset, usable).numpy()
    asked_vectors = asked.fused(subset, rows).numpy()
    methods = (*METHODS, *task.baselines)
    curve: list[dict[str, Any]] = []
    for amount in amounts:
        runs: dict[str, list[Scores]] = {method: [] for method in methods}
        counts, covered = [], []
        for seed in task.seeds:
            drawn = amount.draw(places, np.random.default_rng((seed, 11)))
            chosen = [pool_of.examples[usable[i]] for i in drawn]
            counts.append(len(drawn))
            covered.append(len(set(places[drawn])))
            seeded = replace(config, fit=replace(config.fit, seed=seed))
            for method in ('pretrained', 'scratch'):
                runs[method].append(
                    _finetuned(task, chosen, labels, seeded, tested, method == 'pretrained')
                )
            runs['linear_probe'].append(
                _probed(vectors[drawn], places[drawn], tested, asked_vectors, rows, labels)
            )
            for name in task.baselines:
                runs[name].append(
                    _compared(
                        replace(task, seeds=(seed,)), name, chosen, places[drawn], tested, rows,
                        labels, subset,
                    )
                )  # fmt: skip
            task.say(
                f'{amount}, seed {seed}: '
                + ', '.join(f'{m} {runs[m][-1].macro_f1:.4f}' for m in methods)
            )
        curve.append(
            {
                'amount': str(amount),
                'windows': round(float(np.mean(counts)), 2),
                'classes': round(float(np.mean(covered)), 2),
                'methods': {method: _spread(scores) for method, scores in runs.items()},
            }
        )
    data = {
        **task.header(),
        'unit': tested.unit,
        'trained_on_subjects': sorted({e.stretch.subject for e in pool_of.examples}),
        'training_windows': len(usable),
        'seeds': list(task.seeds),
        'budget': {
            'steps': config.fit.steps,
            'batch_size': config.fit.batch_size,
            'learning_rate': config.fit.learning_rate,
        },
        'curve': curve,
    }
    rows_of_table = [
        [point['amount'], point['windows'],
         *(_plus_minus(point['methods'][m]['macro_f1']) for m in methods)]
        for point in curve
    ]  # fmt: skip
    columns = ['labelled', 'windows', *methods]
    title = f'macro-F1 on unseen people, {task.dataset}, {seeds_in_words(len(task.seeds))}'
    picture = Plot(
        'label_fraction',
        f'Macro-F1 on unseen people by labelled windows, {config.fit.steps} steps a fit; '
        'band: std over seeds',
        lambda: plots.label_curve(curve),
    )
    return Result(data, [Table(title, columns, rows_of_table)], [picture])
