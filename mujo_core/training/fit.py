"""One training run: clips to a model."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger

from mujo_core.labels import Label, taxonomy
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.model.joint_space import JointSpace
from mujo_core.model.text import embed_labels
from mujo_core.training.config import TrainConfig
from mujo_core.training.data import WindowDataset, make_loader
from mujo_core.training.module import JointSpaceModule
from mujo_core.training.sampler import Clip, WindowSampler


def _quiet() -> None:
    """Keep Lightning's advice out of the terminal; progress and our own lines stay."""
    logging.getLogger('lightning.pytorch').setLevel(logging.ERROR)
    for message in (
        '.*does not have many workers.*',
        '.*persistent_workers.*',
        '.*LeafSpec.*',
        '.*GPU available.*',
    ):
        warnings.filterwarnings('ignore', message)


def fit_model(
    clips: Sequence[Clip],
    weights: np.ndarray,
    config: TrainConfig,
    progress: bool = True,
    log_dir: str | Path | None = None,
    labels: dict[str, Label] | None = None,
    start: JointSpace | None = None,
) -> Checkpoint:
    """Fit a joint space to clips.

    Args:
        clips: what to draw windows from; weights: (N,) how often each.
        config: the run's settings.
        progress: show a progress bar.
        log_dir: where TensorBoard events go, if anywhere.
        labels: the classes; None for the whole taxonomy.
        start: a trained model to begin with, of the size that `config` says.

    Returns:
        A checkpoint without calibration.
    """
    _quiet()
    labels = labels or taxonomy()
    fit = config.fit
    torch.set_num_threads(fit.threads)
    lightning.seed_everything(fit.seed, workers=True, verbose=False)
    dataset = WindowDataset(
        WindowSampler(clips, config.window, config.sampler),
        list(labels),
        weights,
        fit.steps * fit.batch_size,
        fit.seed,
    )
    sentences = embed_labels(labels, config.text.model)
    model = JointSpace(replace(config.model, text_size=sentences.shape[1]))
    if start is not None:
        model.load_state_dict(start.state_dict())
    module = JointSpaceModule(model, torch.from_numpy(sentences), fit)
    logger = TensorBoardLogger(log_dir, name='', version='') if log_dir else False
    trainer = lightning.Trainer(
        max_steps=fit.steps,
        callbacks=[EMAWeightAveraging(decay=fit.average)] if fit.average else [],
        logger=logger,
        enable_checkpointing=False,
        enable_progress_bar=progress,
        enable_model_summary=False,
        accelerator='auto',
        devices=1,
        gradient_clip_val=1.0,
        log_every_n_steps=min(10, fit.steps),
    )
    trainer.fit(module, make_loader(dataset, fit.batch_size, fit.workers))
    return Checkpoint(
        model=model.cpu().eval(),
        window=config.window,
        labels=labels,
        sentences=sentences,
        text_model=config.text.model,
    )
