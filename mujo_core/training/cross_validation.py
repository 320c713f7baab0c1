"""Leave one subject out: the figures by which models are chosen, and held-out logits."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import numpy as np

from mujo_core.evaluation.examples import unit_of_seconds
from mujo_core.evaluation.full import evaluate_full, subsets_of, weighed_logits
from mujo_core.evaluation.metrics import Scores, score
from mujo_core.model.checkpoint import Calibration, Checkpoint, save_checkpoint
from mujo_core.recording import subset_name
from mujo_core.training.calibration import HeldOut, calibrate, cross_fitted
from mujo_core.training.clip import OUTLIER
from mujo_core.training.config import DataSettings, TrainConfig
from mujo_core.training.fit import fit_model
from mujo_core.training.mixture.mixture import Material, class_labels, mix
from mujo_core.training.mixture.selection import first_recordings, left_out_with, of_first
from mujo_core.training.mixture.store import AnyClip
from mujo_core.training.sampler import SamplerSettings, WindowSampler
from mujo_core.training.validation import FILLED, LIVE, WINDOWS_A_CLIP
from mujo_core.window import Window


@dataclass(frozen=True)
class Fold:
    """One model and the subject it has not seen.

    Attributes:
        subject: who was left out; seed: of the run; scores: by modality subset.
        unit: what got one answer, `recording` or `window`.
        live: subset to held-out windows that hold all of it, drawn as live ones are; filled: the
            same of windows that an activity fills.
    """

    subject: str
    seed: int
    scores: dict[str, Scores]
    live: dict[str, HeldOut]
    filled: dict[str, HeldOut]
    unit: str = 'recording'


def _held_out_windows(
    held: Sequence[AnyClip],
    checkpoint: Checkpoint,
    seed: int,
    data: DataSettings,
    draws: SamplerSettings,
) -> tuple[list[Window], np.ndarray]:
    """Return windows of clips and their labels: some of each clip of the first data set, and of the
    others so many that each has its share."""
    clips, weights = mix(held, data)
    first = [p for p, clip in enumerate(clips) if of_first(clip, data)]
    beside = [
        place
        for place, clip in enumerate(clips)
        if not of_first(clip, data) and clip.label != OUTLIER
    ]
    sampler = WindowSampler(clips, checkpoint.window, draws)
    rng = np.random.default_rng((seed, 7))
    names = list(checkpoint.labels)
    order = [place for place in first for _ in range(WINDOWS_A_CLIP)]
    if beside:
        others = weights[beside]
        count = round(len(order) * float(others.sum() / weights[first].sum()))
        order += rng.choice(beside, count, p=others / others.sum()).tolist()
    drawn = [sampler.draw(index, rng) for index in order]
    return [window for window, _ in drawn], np.array([names.index(label) for _, label in drawn])


def held_out_logits(
    checkpoint: Checkpoint, windows: Sequence[Window], places: np.ndarray
) -> dict[str, HeldOut]:
    """Return subset to what a model says of the windows (N) that hold all of it, and their labels'
    places (N,)."""
    found = {}
    for subset in subsets_of(checkpoint.modalities):
        rows = [row for row, w in enumerate(windows) if set(subset) <= set(w.modalities())]
        if rows:
            seen = [_only(windows[row], subset) for row in rows]
            logits, familiarity = weighed_logits(checkpoint, seen)
            found[subset_name(subset)] = HeldOut(logits, places[rows], familiarity)
    return found


def _only(window: Window, subset: Sequence[str]) -> Window:
    return replace(
        window,
        video=window.video if 'video' in subset else None,
        video_mask=window.video_mask if 'video' in subset else None,
        pose=window.pose if 'pose' in subset else None,
        imu=window.imu if 'imu' in subset else {},
        imu_mask=window.imu_mask if 'imu' in subset else {},
    )


def train_without(
    library: Material, subject: str, seed: int, config: TrainConfig
) -> tuple[Checkpoint, list[AnyClip]]:
    """Train without one subject; return the checkpoint and the clips that it has not seen.

    Of the data sets beside the first one a part of the people is left out too.
    """
    config = replace(config, fit=replace(config.fit, seed=seed, devices=1))
    out = left_out_with(subject, library.recordings, config.data)
    clips, weights = mix([c for c in library.clips if c.subject not in out], config.data)
    labels = class_labels(clips, config.sampler, config.data, library.recordings)
    checkpoint = fit_model(clips, weights, config, progress=False, labels=labels)
    return checkpoint, [clip for clip in library.clips if clip.subject in out]


def run_fold(
    library: Material,
    subject: str,
    seed: int,
    config: TrainConfig,
    choices: Sequence[str],
    keep: Path | None = None,
) -> Fold:
    """Train without one subject and judge on that subject.

    Args:
        keep: a folder for the fold's checkpoint, if it is wanted.
    """
    checkpoint, held = train_without(library, subject, seed, config)
    live, filled = (
        held_out_logits(checkpoint, *_held_out_windows(held, checkpoint, seed, config.data, draws))
        for draws in (LIVE, FILLED)
    )
    unit = unit_of_all(library, config)
    scores = evaluate_full(checkpoint, first_recordings(config.data, {subject}), choices, unit)
    # Afterwards, so that figures do not depend on whether a fold is kept.
    if keep is not None:
        checkpoint.calibration = {name: calibrate(live[name], filled.get(name)) for name in live}
        save_checkpoint(checkpoint, keep)
    return Fold(subject, seed, scores, live, filled, unit)


def unit_of_all(library: Material, config: TrainConfig) -> str:
    """Return the unit in which every fold is judged: that of the first data set as a whole."""
    first = [r for r in library.recordings if of_first(r, config.data)]
    return unit_of_seconds([s.end - s.start for r in first for s in r.segments], config.window)


def fit_calibration(folds: Sequence[Fold]) -> dict[str, Calibration]:
    """Calibrate each subset on the held-out windows of all folds."""
    names = dict.fromkeys(name for fold in folds for name in fold.live)
    found = {}
    for name in names:
        live = HeldOut.joined([fold.live[name] for fold in folds if name in fold.live])
        filled = [fold.filled[name] for fold in folds if name in fold.filled]
        found[name] = calibrate(live, HeldOut.joined(filled) if filled else None)
    return found


def summarize(folds: Sequence[Fold]) -> dict[str, Any]:
    """Return mean and spread over seeds of each figure, and every fold.

    A seed's figure is the mean over the left-out subjects. `ece_cross_fitted` is of live windows,
    each subject's calibrated on those of the others.
    """
    seeds = sorted({fold.seed for fold in folds})
    summary: dict[str, Any] = {}
    for subset in folds[0].scores:
        per_seed = {
            figure: [
                float(np.mean([getattr(f.scores[subset], figure) for f in folds if f.seed == s]))
                for s in seeds
            ]
            for figure in ('accuracy', 'macro_f1', 'ece')
        }
        if len({fold.subject for fold in folds}) > 1 and all(subset in f.live for f in folds):
            per_seed['ece_cross_fitted'] = [
                _cross_fitted_ece([f for f in folds if f.seed == s], subset) for s in seeds
            ]
        summary[subset] = {
            figure: {'mean': float(np.mean(v)), 'std': float(np.std(v))}
            for figure, v in per_seed.items()
        }
    return {
        'seeds': seeds,
        'subjects': sorted({fold.subject for fold in folds}),
        'unit': folds[0].unit,
        'subsets': summary,
        'folds': [
            {
                'subject': fold.subject,
                'seed': fold.seed,
                'subsets': {name: s.to_dict() for name, s in fold.scores.items()},
            }
            for fold in folds
        ],
    }


def _cross_fitted_ece(folds: Sequence[Fold], subset: str) -> float:
    people = [fold.live[subset] for fold in folds]
    probabilities = cross_fitted(people)
    names = [str(place) for place in range(probabilities.shape[1])]
    return score(probabilities, HeldOut.joined(people).truth, names).ece


def cross_validate(
    library: Material,
    seeds: Sequence[int],
    config: TrainConfig,
    choices: Sequence[str],
    report: Callable[[Fold], None],
    jobs: int = 1,
    keep: Path | None = None,
    subjects: Sequence[str] = (),
) -> list[Fold]:
    """Run every fold of every seed, `jobs` at a time in processes of their own.

    Args:
        library: clips of all data sets, packed, of which each fold leaves some out.
        report: called with each fold as it ends.
        keep: a folder for the folds' checkpoints, if they are wanted.
        subjects: who is left out in turn; empty for everybody.
    """

    def arguments(subject: str, seed: int) -> tuple[Any, ...]:
        folder = keep / f'without_{subject}_seed_{seed}' if keep else None
        return library, subject, seed, config, choices, folder

    left_out = who_is_left_out(library, config.data, subjects)
    folds = run_folds(run_fold, arguments, left_out, seeds, report, jobs)
    return sorted(folds, key=lambda fold: (fold.seed, fold.subject))


def who_is_left_out(library: Material, data: DataSettings, subjects: Sequence[str]) -> list[str]:
    """Return who is left out in turn: `subjects`, or everybody of the first data set.

    Raises:
        ValueError: a stranger among them, or nobody to train on beside the one left out.
    """
    there = sorted({r.subject for r in library.recordings if of_first(r, data)})
    if len(there) < 2:
        raise ValueError(
            'expected recordings of two people or more, one to leave out and the others to train '
            f'on; those of {", ".join(there) or "nobody"} came; choose more by --data.subjects, '
            'or --data.split all'
        )
    if strangers := set(subjects) - set(there):
        raise ValueError(
            f'expected subjects to leave out among {", ".join(there)}; '
            f'{", ".join(sorted(strangers))} came'
        )
    return list(subjects) or there


Result = TypeVar('Result')


def _end_with_parent() -> None:
    """Let this process end when the one that started it does, however that ended."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def run_folds(
    fold: Callable[..., Result],
    arguments: Callable[[str, int], tuple[Any, ...]],
    subjects: Sequence[str],
    seeds: Sequence[int],
    report: Callable[[Result], None] = lambda _: None,
    jobs: int = 1,
) -> list[Result]:
    """Run `fold` for every subject and seed, in processes of their own, as they end.

    Args:
        fold: a function of a module; arguments: of subject and seed, what it is called with.
    """
    found = []
    with ProcessPoolExecutor(jobs, get_context('spawn'), _end_with_parent) as pool:
        runs = [
            pool.submit(fold, *arguments(subject, seed)) for seed in seeds for subject in subjects
        ]
        for run in as_completed(runs):
            found.append(run.result())
            report(found[-1])
    return found
