"""The protocol `robustness`: the same recordings as broken sensors would have sent them.

Streams are corrupted, not tensors, and go through the timeline tick by tick like live ones
(`mujo_core.corruptions`, `mujo_core.evaluation.corrupted`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any

import numpy as np

from mujo_core.corruptions import BOTH_MISSING, CLEAN, PUBLISHED, Corruption, sigma_of, suite
from mujo_core.corruptions.sigma import Sigma
from mujo_core.evaluation.baselines.opponents import Opponent, prepare_opponents
from mujo_core.evaluation.corrupted import (
    Answers,
    Ours,
    Pieces,
    corrupted_streams,
    figures,
    make_pieces,
    pool_ticks,
    ticks_of,
)
from mujo_core.evaluation.registry import Plot, Result, Task, protocol
from mujo_core.evaluation.robustness_report import heat_map, tables
from mujo_core.evaluation.statistics import compare, mcnemar
from mujo_core.recording import MODALITIES, Recording, modality_of, subset_name
from mujo_core.sides import is_mirrored

STEPS = ('corrupt', 'windows', 'model', 'sides', 'baselines')
"""What a case is made of, as `mujo bench robustness` lists it."""


NOTHING = 'nothing there'
"""The category of streams that are all missing."""


@dataclass(frozen=True)
class Case:
    """One corruption at one severity, and what everybody made of it.

    Attributes:
        how: None for streams as they are.
        answers: of ours, by subset; theirs: of each baseline; sides: share found mirrored or None.
        seconds: of CPU, by step.
    """

    how: Corruption | None
    answers: dict[str, Answers]
    theirs: dict[str, Answers]
    sides: float | None
    seconds: dict[str, float]

    @property
    def category(self) -> str:
        """What it is averaged with; both missing stands apart."""
        if self.how is None:
            return CLEAN
        return NOTHING if self.nothing else self.how.category

    @property
    def nothing(self) -> bool:
        """Whether no stream is left."""
        return self.how is not None and self.how.severity == BOTH_MISSING


class Stopwatch:
    """Seconds of CPU by step: on a machine that is busy with other things too they stay true."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STEPS, 0.0)
        self._since = process_time()

    def lap(self, step: str) -> None:
        """Count the time since the last lap to a step."""
        now = process_time()
        self.seconds[step] += now - self._since
        self._since = now


def subsets_to_score(modalities: Sequence[str], how: Corruption | None) -> list[tuple[str, ...]]:
    """Return all modalities together, and each alone that a corruption changes."""
    together = tuple(modalities)
    alone = [(m,) for m in modalities if len(modalities) > 1]
    if how is not None:
        # A modality that is gone has nothing to say, and one that is untouched nothing new.
        missing = how.category == 'missing'
        alone = [] if missing else [(m,) for (m,) in alone if m in how.touches]
    return [*alone, together]


def run_cases(
    task: Task, pieces: Pieces, hows: Sequence[Corruption | None], opponents: Sequence[Opponent]
) -> list[Case]:
    """Play every case to ours and to the baselines."""
    spec = task.checkpoint.window
    ours = Ours(task.checkpoint, pieces.labels)
    modalities = modalities_of(task)
    count = len(pieces.pieces)
    cases = []
    for number, how in enumerate(hows):
        watch = Stopwatch()
        arrived = corrupted_streams(pieces, how, task.seeds[0])
        watch.lap('corrupt')
        ticks = ticks_of(pieces, arrived, arrived, spec)
        watch.lap('windows')
        embedding = ours.embed(ticks, keep=how is None)
        answers = {
            subset_name(subset): pool_ticks(
                ours.probabilities(ticks, embedding, subset), ticks.groups, count
            )
            for subset in subsets_to_score(modalities, how)
        }
        watch.lap('model')
        looked_at = how is None or 'pose' in how.touches
        sides = _share_mirrored(arrived) if looked_at else None
        watch.lap('sides')
        theirs = {o.name: o.answers(pieces, arrived, ticks) for o in opponents}
        watch.lap('baselines')
        cases.append(Case(how, answers, theirs, sides, watch.seconds))
        if number % 10 == 9:
            task.say(f'{number + 1} of {len(hows)} cases')
    return cases


def _share_mirrored(recordings: Sequence[Recording]) -> float | None:
    poses = [s for r in recordings for n, s in r.streams.items() if modality_of(n) == 'pose']
    return float(np.mean([is_mirrored(s) for s in poses])) if poses else None


def modalities_of(task: Task) -> list[str]:
    """Return what both checkpoint and data have."""
    there = {m for r in task.tested for m in r.modalities}
    return [m for m in MODALITIES if m in there and m in task.checkpoint.modalities]


def measure_sigma(task: Task) -> tuple[Sigma, str]:
    """Return the deviations that noise is measured by, and whose they are."""
    own = sigma_of(r.streams for r in task.tested)
    try:
        others = sigma_of(r.streams for r in task.training())
    except ValueError:
        return own, 'the tested people'
    if not set(own.values) <= set(others.values):
        return own, 'the tested people'
    return others, 'other people'


def to_dict(case: Case, pieces: Pieces, fullest: str) -> dict[str, Any]:
    """Return a case for the JSON.

    A subset is judged on the pieces that hold all of it before anything goes wrong, a baseline on
    those of the fullest one.
    """
    how = case.how

    def of(answers: Answers, subset: str) -> dict[str, Any]:
        held = pieces.having(subset.split('+'))
        return figures(answers.of(held), pieces.truth[held], len(pieces.labels), case.nothing)

    found: dict[str, Any] = {
        'case': how.label if how else CLEAN,
        'corruption': how.name if how else CLEAN,
        'severity': how.severity if how else '',
        'category': case.category,
        'subsets': {name: of(answers, name) for name, answers in case.answers.items()},
    }
    if case.theirs:
        found['baselines'] = {name: of(said, fullest) for name, said in case.theirs.items()}
    if case.sides is not None:
        found['found_mirrored'] = case.sides
    return found


_MEANS = ('accuracy', 'macro_f1', 'ticks_answered', 'ticks_macro_f1')


def category_means(cases: Sequence[dict[str, Any]], fullest: str) -> dict[str, Any]:
    """Return category to the means over its cases: of all modalities, of each alone, of others."""

    def mean(own: Sequence[dict[str, Any]], part: str, name: str) -> dict[str, float]:
        return {f: float(np.mean([c[part][name][f] for c in own])) for f in _MEANS}

    means: dict[str, Any] = {}
    for category in dict.fromkeys(c['category'] for c in cases):
        own = [c for c in cases if c['category'] == category]
        alone = [n for n in own[0]['subsets'] if n != fullest]
        alone = [n for n in alone if all(n in c['subsets'] for c in own)]
        means[category] = {
            **mean(own, 'subsets', fullest),
            'alone': {name: mean(own, 'subsets', name) for name in alone},
            'baselines': {
                name: mean(own, 'baselines', name) for name in own[0].get('baselines', {})
            },
        }
    return means


def _paired(cases: Sequence[Case], pieces: Pieces, fullest: str) -> dict[str, Any]:
    """Compare ours with each baseline, category by category: the same pieces, case by case."""
    found: dict[str, Any] = {}
    classes = len(pieces.labels) + 1
    held = pieces.having(fullest.split('+'))
    right, sources = pieces.truth[held], pieces.sources[held]
    for name in cases[0].theirs:
        found[name] = {}
        for category in dict.fromkeys(c.category for c in cases if not c.nothing):
            own = [c for c in cases if c.category == category]
            truth = np.tile(right, len(own))
            # No answer is a label that is never true.
            first, second = (
                np.concatenate([said[held] % classes for said in of])
                for of in (
                    [c.answers[fullest].said for c in own],
                    [c.theirs[name].said for c in own],
                )
            )
            gap = compare(truth, first, second, np.tile(sources, len(own)), classes)
            found[name][category] = {
                'accuracy': gap.accuracy,
                'accuracy_bootstrap_95': list(gap.accuracy_interval),
                'mcnemar_p': [
                    _mcnemar(c.answers[fullest].said[held], c.theirs[name].said[held], right)
                    for c in own
                ],
            }
    return found


def _mcnemar(ours: np.ndarray, theirs: np.ndarray, truth: np.ndarray) -> float:
    return mcnemar(ours == truth, theirs == truth)


@protocol('robustness', 'broken sensors of every kind, by category and severity, beside baselines')
def robustness(task: Task) -> Result:
    """Score every corruption at every severity."""
    checkpoint = task.checkpoint
    modalities = modalities_of(task)
    if not modalities:
        raise ValueError(
            f'expected recordings with {" or ".join(checkpoint.modalities)}, none came; '
            'choose another checkpoint or data set'
        )
    pieces = make_pieces(
        task.tested, checkpoint.window, list(checkpoint.labels), task.labels, task.unit, task.stride
    )
    fullest = subset_name(modalities)
    if not pieces.having(modalities).any():
        raise ValueError(
            f'expected recordings with {" and ".join(modalities)} together, none has all of them; '
            'name fewer with --modalities'
        )
    sigma, whose = measure_sigma(task)
    hows = [None, *suite(modalities, sigma, task.corruptions)]
    opponents = prepare_opponents(task, pieces, modalities)
    done = run_cases(task, pieces, hows, opponents)
    cases = [to_dict(case, pieces, fullest) for case in done]
    means = category_means(cases, fullest)
    published = [means[c]['accuracy'] for c in PUBLISHED if c in means]
    data = {
        **task.header(),
        'unit': pieces.unit,
        'stride': pieces.stride,
        'pieces': len(pieces.pieces),
        'noise_measured_on': whose,
        'fullest': fullest,
        'categories': means,
        'cases': cases,
    }
    if len(published) == len(PUBLISHED):
        data['published_suite_mean'] = float(np.mean(published))
    if opponents:
        data['ours_minus_baseline'] = _paired(done, pieces, fullest)
    seconds = {s: round(sum(c.seconds[s] for c in done), 2) for s in STEPS}
    notes = [
        f'Noise is measured by the standard deviation of {whose}. A {pieces.unit} without an '
        'answer counts as wrong; where nothing is there, none is the only right answer.',
        f'Each figure is of the {pieces.unit}s that hold all of its modalities before anything '
        'goes wrong (n). Streams go through the timeline as live, so that clean may differ by a '
        f'{pieces.unit} or so from --protocol full.',
    ]
    pictures = [
        Plot('robustness', f'Accuracy of {fullest} and of each sensor alone by corruption, the '
             'mildest severity first', lambda: heat_map(cases, fullest))
    ]  # fmt: skip
    return Result(data, tables(data), pictures, {'cpu_seconds': seconds}, notes)
