"""Leave one data set out: what a model makes of sensors, people and a place that it never met.

First a model is trained without each set, and asked about drawn windows of that set's activities
which it knows from others. By those windows of all *other* left-out sets it is then calibrated, so
that no threshold is fitted on what it is judged by, and judged on the set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mujo_core.evaluation.own_labels import meanings
from mujo_core.model.checkpoint import (
    Calibration,
    Checkpoint,
    save_checkpoint,
)
from mujo_core.training.calibration import HeldOut, calibrate
from mujo_core.training.config import DataSettings, TrainConfig
from mujo_core.training.cross_validation import held_out_logits, run_folds
from mujo_core.training.fit import fit_model
from mujo_core.training.judged_set import FIGURES, fold_folder, judge_set, read_json, write_json
from mujo_core.training.mixture.mixture import Material, class_labels, mix
from mujo_core.training.mixture.selection import sources_of
from mujo_core.training.resume import Run
from mujo_core.training.sampler import SamplerSettings, WindowSampler
from mujo_core.training.validation import FILLED, LIVE, WINDOWS_A_CLIP
from mujo_core.whole_file import whole_file

LEAST_LABELS = 5
"""A set of fewer is not left out unless it is asked for by name."""
_HELD_OUT = 'held_out.npz'
_TRAINED = 'trained.json'
_WINDOWS = 1000
"""Drawn windows of a set by which the others are calibrated, at most: sets count alike."""
_NEVER = -1e4
"""The logit of a label that a model does not have."""


@dataclass(frozen=True)
class SetFold:
    """One model and the data set it has not seen.

    Attributes:
        dataset: that was left out; seed: of the run.
        live, filled: subset to windows of the set's activities that the model knows from others,
            drawn as live ones are, and such as an activity fills.
    """

    dataset: str
    seed: int
    live: dict[str, HeldOut]
    filled: dict[str, HeldOut]


def sets_left_out(library: Material, data: DataSettings, asked: Sequence[str] = ()) -> list[str]:
    """Return which sets are left out in turn: `asked`, or all with `LEAST_LABELS` or more.

    Raises:
        ValueError: a set that is not there, none to leave out, or none beside it to train on.
    """
    labels: dict[str, set[str]] = {}
    for recording in library.recordings:
        own = labels.setdefault(recording.dataset, set())
        own |= {segment.label for segment in recording.segments}
    if strangers := sorted(set(asked) - set(labels)):
        raise ValueError(
            f'expected --sets out of {", ".join(labels)}, {", ".join(strangers)} came; '
            'a set beside the first is one of data.also with a folder'
        )
    if len(labels) < 2:
        raise ValueError(
            'expected two data sets or more, one to leave out and the others to train on; '
            f'{", ".join(labels)} came; name more as --data.also.NAME.share'
        )
    found = list(asked) or [name for name, own in labels.items() if len(own) >= LEAST_LABELS]
    if not found:
        raise ValueError(
            f'expected a data set of {LEAST_LABELS} labels or more, {", ".join(labels)} came with '
            'fewer; say which are left out with --sets'
        )
    return found


def without_set(data: DataSettings, dataset: str) -> DataSettings:
    """Return the table without one of the sets beside the first; the first has no clips then."""
    return replace(data, also={n: other for n, other in data.also.items() if n != dataset})


def train_without_set(
    library: Material, dataset: str, seed: int, config: TrainConfig, output: Path
) -> SetFold:
    """Train without one data set, unless that was done with these settings, and draw windows of it.

    A run that was killed goes on.
    """
    folder = fold_folder(output, dataset, seed)
    config = replace(config, fit=replace(config.fit, seed=seed, devices=1))
    asked = {'settings': _settings(config)}
    if read_json(folder / _TRAINED) == asked:
        return _load(folder, dataset, seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FIGURES).unlink(missing_ok=True)
    data = without_set(config.data, dataset)
    clips, weights = mix([c for c in library.clips if c.dataset != dataset], data)
    held_out = [clip for clip in library.held_out if clip.dataset != dataset]
    run = Run(folder)
    labels = class_labels(clips, config.sampler, data)
    checkpoint = fit_model(clips, weights, config, False, run, labels, held_out)
    save_checkpoint(checkpoint, folder)
    fold = SetFold(
        dataset, seed,
        *(_drawn(library, dataset, seed, checkpoint, config, how) for how in (LIVE, FILLED)),
    )  # fmt: skip
    _save(fold, folder)
    run.end(config)
    write_json(asked, folder / _TRAINED)
    return fold


def _drawn(
    library: Material, dataset: str, seed: int, checkpoint: Checkpoint, config: TrainConfig,
    draws: SamplerSettings,
) -> dict[str, HeldOut]:  # fmt: skip
    """Return subset to what a model says of windows of a set's activities that it knows."""
    own = [clip for clip in library.clips if clip.dataset == dataset and clip.label]
    meant = meanings(sorted({clip.label for clip in own}), checkpoint)
    # A wider or narrower label is known, but it is not what the window is to be said to be.
    own = [clip for clip in own if meant.get(clip.label) in checkpoint.labels]
    if not own:
        return {}
    clips, weights = mix(own, config.data)
    sampler = WindowSampler(clips, checkpoint.window, draws)
    rng = np.random.default_rng((seed, 7))
    count = min(_WINDOWS, WINDOWS_A_CLIP * len(clips))
    drawn = [
        sampler.draw(int(index), rng)
        for index in rng.choice(len(clips), count, p=weights / weights.sum())
    ]
    names = list(checkpoint.labels)
    known = [
        (w, names.index(meant.get(label, label)))
        for w, label in drawn
        if meant.get(label, label) in names
    ]
    return held_out_logits(checkpoint, [w for w, _ in known], np.array([p for _, p in known]))


def fit_calibration_of_sets(folds: Sequence[SetFold]) -> dict[str, Calibration]:
    """Calibrate each subset on the windows of all left-out sets, whose models' labels differ."""
    found = {}
    for name in dict.fromkeys(name for fold in folds for name in fold.live):
        live = _joined([fold.live[name] for fold in folds if name in fold.live])
        filled = [fold.filled[name] for fold in folds if name in fold.filled]
        found[name] = calibrate(live, _joined(filled) if filled else None)
    return found


def _joined(parts: Sequence[HeldOut]) -> HeldOut:
    most = max(part.logits.shape[1] for part in parts)
    padded = [
        np.pad(part.logits, ((0, 0), (0, most - part.logits.shape[1])), constant_values=_NEVER)
        for part in parts
    ]
    return HeldOut.joined(
        [replace(part, logits=wide) for part, wide in zip(parts, padded, strict=True)]
    )


def leave_sets_out(
    library: Material,
    sets: Sequence[str],
    seeds: Sequence[int],
    config: TrainConfig,
    output: Path,
    report: Callable[[dict[str, Any]], None],
    jobs: int = 1,
) -> tuple[list[dict[str, Any]], dict[str, Calibration]]:
    """Train without each set and judge on it, `jobs` at a time; what is done is not done again.

    Returns:
        What `judge_set` says of every fold, in the order of the table, and the calibration by the
        windows of all of them.
    """

    def trained(dataset: str, seed: int) -> tuple[Any, ...]:
        return library, dataset, seed, config, output

    folds = run_folds(train_without_set, trained, sets, seeds, jobs=jobs)
    folds.sort(key=lambda fold: (fold.seed, fold.dataset))

    def judged(dataset: str, seed: int) -> tuple[Any, ...]:
        others = [fold for fold in folds if fold.dataset != dataset]
        return dataset, seed, config, output, fit_calibration_of_sets(others)

    figures = run_folds(judge_set, judged, sets, seeds, report, jobs)
    order = [source.name for source in sources_of(config.data)]
    figures.sort(key=lambda fold: (order.index(fold['dataset']), fold['seed']))
    return figures, fit_calibration_of_sets(folds)


def _settings(config: TrainConfig) -> dict[str, Any]:
    """Return a run's settings as JSON has them, without where the data lie."""
    also = {name: replace(other, root='') for name, other in config.data.also.items()}
    data = replace(config.data, root='', folders=[], also=also)
    return dict(json.loads(json.dumps(asdict(replace(config, data=data)))))


def _save(fold: SetFold, folder: Path) -> None:
    arrays: dict[str, np.ndarray] = {}
    for draws in ('live', 'filled'):
        for name, held in getattr(fold, draws).items():
            arrays |= {f'{draws} {name} {part}': v for part, v in vars(held).items()
                       if v is not None}  # fmt: skip
    with whole_file(folder / _HELD_OUT) as part, part.open('wb') as file:
        np.savez(file, allow_pickle=False, **arrays)


def _load(folder: Path, dataset: str, seed: int) -> SetFold:
    found: dict[str, dict[str, dict[str, np.ndarray]]] = {'live': {}, 'filled': {}}
    with np.load(folder / _HELD_OUT, allow_pickle=False) as arrays:
        for key in arrays.files:
            draws, name, part = key.split(' ')
            found[draws].setdefault(name, {})[part] = arrays[key]
    live, filled = ({n: HeldOut(**parts) for n, parts in of.items()} for of in found.values())
    return SetFold(dataset, seed, live, filled)
