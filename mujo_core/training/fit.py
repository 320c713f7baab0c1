"""One training run: clips to a model."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    EMAWeightAveraging,
    ModelCheckpoint,
)
from lightning.pytorch.loggers import TensorBoardLogger

from mujo_core.labels import Label, taxonomy, wider_labels
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.model.joint_space import JointSpace
from mujo_core.model.text import embed_labels
from mujo_core.recording import modality_of
from mujo_core.training.clusters import fit_clusters
from mujo_core.training.config import TrainConfig
from mujo_core.training.corrupted import random_corruption
from mujo_core.training.data import DrawOrder, WindowDataset, loading, make_loader
from mujo_core.training.distributed import (
    SharedModalities,
    SharedNorms,
    make_strategy,
    processes,
)
from mujo_core.training.mixture.mixture import class_labels
from mujo_core.training.mixture.store import AnyClip
from mujo_core.training.module import FitSettings, JointSpaceModule
from mujo_core.training.people import people_of
from mujo_core.training.readout import fit_readout
from mujo_core.training.resume import Run, SeededBatches, Snapshots, read_snapshot
from mujo_core.training.sampler import WindowSampler
from mujo_core.training.validation import HeldOutWindows, make_validation_loader

PRECISIONS = ('32', 'bf16-mixed', '16-mixed')


def _quiet() -> None:
    """Keep Lightning's advice out of the terminal; progress and our own lines stay."""
    logging.getLogger('lightning.pytorch').setLevel(logging.ERROR)
    logging.getLogger('lightning.fabric').setLevel(logging.ERROR)
    for message in (
        '.*does not have many workers.*',
        '.*persistent_workers.*',
        '.*LeafSpec.*',
        '.*GPU available.*',
        '.*your dataloader is not resumable.*',
        '.*Checkpoint directory .* exists.*',
        '.*smaller than the logging interval.*',
        '.*find_unused_parameters.*',
        '.*have no `val_dataloader`.*',
    ):
        warnings.filterwarnings('ignore', message)


def fit_model(
    clips: Sequence[AnyClip],
    weights: np.ndarray,
    config: TrainConfig,
    progress: bool = True,
    run: Run | None = None,
    labels: dict[str, Label] | None = None,
    held_out: Sequence[AnyClip] = (),
    start: JointSpace | None = None,
    callbacks: Sequence[Callback] = (),
) -> Checkpoint:
    """Fit a joint space to clips.

    Args:
        clips: what to draw windows from; weights: (N,) how often each.
        config: the run's settings.
        progress: show a progress bar.
        run: its place on disk for snapshots and TensorBoard events, if they are wanted; a run
            that was killed there continues.
        labels: the classes; None for those of the clips (see `class_labels`), or the whole
            taxonomy where no clip has a label.
        held_out: clips of other people; with them, the weights that know them best are kept, and
            training ends when they get no better.
        start: a trained model to begin with, of the size that `config` says.
        callbacks: of Lightning, called after our own.

    Returns:
        A checkpoint without calibration.

    Raises:
        ValueError: the unfinished run on disk is another one.
    """
    _quiet()
    labels = labels or class_labels(clips, config.sampler, config.data) or taxonomy()
    fit, team = config.fit, processes(config.fit.devices)
    team.share(fit.batch_size)
    torch.set_num_threads(fit.threads)
    lightning.seed_everything(fit.seed, workers=True, verbose=False)
    batches = fit.steps * fit.accumulate
    corruption = random_corruption(config.corruptions, clips)
    sampler = WindowSampler(clips, config.window, config.sampler, corruption)
    pairs = corruption is not None and config.objectives.terms.get('consistency', 0.0) > 0.0
    draws = batches * fit.batch_size
    dataset = WindowDataset(sampler, list(labels), weights, draws, fit.seed, pairs)
    sentences = embed_labels(labels, config.text.model)
    settings = replace(
        config.model, text_size=sentences.shape[1], kernels=0, kernel_share=0.0, clusters=0
    )
    model = JointSpace(settings)
    if start is not None:
        # What was solved for is not learned from: it is solved for anew.
        solved = ('imu.kernels.', 'clusters.')
        kept = {k: v for k, v in start.state_dict().items() if not k.startswith(solved)}
        model.load_state_dict(kept)
    wider = torch.from_numpy(wider_labels(labels))
    module = JointSpaceModule(model, torch.from_numpy(sentences), fit, config.objectives, wider)
    done = run.begin(config, clips, write=team.rank == 0) if run else 0
    with TemporaryDirectory() as scratch:
        best = _best_weights(fit, run.folder if run else Path(scratch))
        trainer = lightning.Trainer(
            max_steps=fit.steps,
            max_epochs=1,  # which holds the draws of all steps, and which the progress bar names
            accumulate_grad_batches=fit.accumulate,
            precision=_precision(fit),
            callbacks=[
                *([SharedModalities()] if team.count > 1 else []),
                *_callbacks(fit, run, best if held_out else None),
                *callbacks,
            ],
            logger=TensorBoardLogger(run.output, name='', version='log') if run else False,
            enable_checkpointing=bool(run or held_out),
            enable_progress_bar=progress,
            enable_model_summary=False,
            accelerator='auto',
            devices=team.local,
            num_nodes=team.nodes,
            strategy=make_strategy(team),
            plugins=[SharedNorms()] if team.count > 1 else None,
            use_distributed_sampler=False,
            gradient_clip_val=1.0,
            log_every_n_steps=min(fit.log_every, fit.steps),
            val_check_interval=fit.validate_every * fit.accumulate if held_out else None,
            check_val_every_n_epoch=None if held_out else 1,
            num_sanity_val_steps=0,
        )
        order = DrawOrder(batches, fit.batch_size, done * fit.accumulate, team.rank, team.count)
        validation = None
        if held_out:
            windows = HeldOutWindows(held_out, config.window, list(labels), team.rank, team.count)
            validation = make_validation_loader(windows, fit.workers)
        with loading():
            trainer.fit(
                module,
                make_loader(dataset, order, fit.workers),
                validation,
                ckpt_path=run.snapshot if run and done else None,
                weights_only=True,
            )
        if best.best_model_path:
            module.load_state_dict(read_snapshot(best.best_model_path)['state_dict'])
    model.always = frozenset()
    model = model.cpu().eval()
    if config.readout.kernels:
        model = fit_readout(
            model, clips, weights, list(labels), sentences, config.window, config.readout,
            fit.seed, corruption if config.readout.corrupted else None,
            config.sampler,
        )  # fmt: skip
    model = fit_clusters(
        model, clips, weights, list(labels), config.window, config.clusters, fit.seed,
        config.sampler,
    )  # fmt: skip
    return Checkpoint(
        model=model,
        window=config.window,
        labels=labels,
        sentences=sentences,
        text_model=config.text.model,
        modalities=taught(model, clips),
        people=people_of([*clips, *held_out]),
    )


def taught(model: JointSpace, clips: Sequence[AnyClip]) -> tuple[str, ...]:
    """Return the model's modalities of which clips hold anything: the others stay untrained."""
    there = {modality_of(name) for clip in clips for name in _names(clip)}
    return tuple(m for m in model.modalities if m in there)


def _names(clip: AnyClip) -> list[str]:
    return [*clip.outline.streams, *clip.outline.virtual]


def _precision(fit: FitSettings) -> Any:
    if fit.precision not in PRECISIONS:
        raise ValueError(
            f'expected --fit.precision out of {", ".join(PRECISIONS)}, {fit.precision!r} came'
        )
    return fit.precision


def _best_weights(fit: FitSettings, folder: Path) -> ModelCheckpoint:
    return ModelCheckpoint(
        folder,
        'best',
        monitor=f'validation/{fit.monitor}',
        mode=_mode(fit),
        save_on_train_epoch_end=False,
        enable_version_counter=False,
    )


def _mode(fit: FitSettings) -> str:
    if fit.monitor not in ('macro_f1', 'loss'):
        raise ValueError(f'expected --fit.monitor macro_f1 or loss, {fit.monitor!r} came')
    return 'min' if fit.monitor == 'loss' else 'max'


def _callbacks(fit: FitSettings, run: Run | None, best: ModelCheckpoint | None) -> list[Callback]:
    callbacks: list[Callback] = [SeededBatches(fit.seed)]
    if fit.average:
        callbacks.append(EMAWeightAveraging(decay=fit.average))
    if best:
        callbacks += [
            EarlyStopping(
                f'validation/{fit.monitor}',
                patience=fit.patience,
                mode=_mode(fit),
                check_on_train_epoch_end=False,
            ),
            best,
        ]
    if run and fit.snapshot_every:
        callbacks.append(Snapshots(run, fit.snapshot_every))
    return callbacks
