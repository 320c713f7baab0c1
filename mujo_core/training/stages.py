"""The stages of training, each from recordings to a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mujo_core.model.checkpoint import Checkpoint, load_checkpoint
from mujo_core.model.joint_space import ModelSettings
from mujo_core.training.config import TrainConfig
from mujo_core.training.fit import fit_model
from mujo_core.training.linear_probe import fit_probe
from mujo_core.training.mixture.mixture import Material
from mujo_core.training.people import People, together
from mujo_core.training.resume import Run
from mujo_core.window import WindowSpec


def pretrain(config: TrainConfig, material: Material, **how: Any) -> Checkpoint:
    """Learn the joint space from clips with and without labels, from nothing or a checkpoint."""
    start, known = None, set()
    people: People = {}
    if config.start:
        checkpoint = load_checkpoint(config.start)
        config, start = like(checkpoint, config), checkpoint.model
        known, people = set(checkpoint.modalities), checkpoint.people
    found = fit_model(
        material.clips, material.weights, config, held_out=material.held_out, start=start, **how
    )
    known |= set(found.modalities)
    found.modalities = tuple(m for m in found.model.modalities if m in known)
    found.people = together(people, found.people)
    return found


def finetune(config: TrainConfig, material: Material, **how: Any) -> Checkpoint:
    """Go on from a checkpoint on the labels of a data set; nothing is frozen."""
    return pretrain(_with_start(config), material, **how)


def linear_probe(config: TrainConfig, material: Material, **how: Any) -> Checkpoint:
    """Leave a checkpoint's encoders as they are and learn one vector a class."""
    checkpoint = load_checkpoint(_with_start(config).start)
    config = like(checkpoint, config)
    return fit_probe(checkpoint, material.clips, material.weights, config, material.held_out)


_LIVES = 1.5  # of the moving average, steps times 1 - average, below which a run stays near chance

STAGES: dict[str, Callable[..., Checkpoint]] = {
    'pretrain': pretrain,
    'finetune': finetune,
    'linear_probe': linear_probe,
}


def run_stage(
    config: TrainConfig,
    material: Material,
    run: Run | None = None,
    progress: bool = True,
) -> Checkpoint:
    """Run the stage that `config` names; see `fit_model` for `run`.

    Raises:
        ValueError: no such stage, or no checkpoint to start from where the stage needs one.
    """
    return stage_of(config)(config, material, run=run, progress=progress)


def stage_of(config: TrainConfig) -> Callable[..., Checkpoint]:
    """Return the function of a run's stage; ValueError lists the names."""
    if config.stage not in STAGES:
        raise ValueError(f'expected --stage out of {", ".join(STAGES)}, {config.stage!r} came')
    return STAGES[config.stage]


def too_short(config: TrainConfig) -> str:
    """Return a line of advice where a run ends before the average of its weights gets anywhere.

    Empty where it is long enough, where nothing is averaged, and for a stage without steps.
    """
    steps, average = config.fit.steps, config.fit.average
    if config.stage == 'linear_probe' or not average or steps * (1.0 - average) >= _LIVES:
        return ''
    return (
        f'after {steps} steps the averaged weights are still {average**steps:.0%} those of the '
        f'start (--fit.average {average:g}); for so short a run take '
        f'--fit.average {max(0.0, 1.0 - 6.0 / steps):.3g}'
    )


def _with_start(config: TrainConfig) -> TrainConfig:
    if not config.start:
        raise ValueError(
            f'the stage {config.stage} starts from a checkpoint: expected --from DIR, none came'
        )
    return config


_FOUND = ('kernels', 'kernel_share', 'clusters', 'text_size', 'whole')
"""Settings of model and window that training takes from its other settings."""


def like(checkpoint: Checkpoint, config: TrainConfig) -> TrainConfig:
    """Return the settings with the model and window of a checkpoint.

    Raises:
        ValueError: `config` asks for another model or window.
    """
    asked: Sequence[tuple[str, Any, Any, Any]] = (
        ('model', config.model, ModelSettings(), checkpoint.model.settings),
        ('window', config.window, WindowSpec(), checkpoint.window),
    )
    for name, value, default, there in asked:
        # What training finds itself differs between a checkpoint and the settings of its next one.
        found = {key: getattr(there, key) for key in _FOUND if hasattr(there, key)}
        if value != default and replace(value, **found) != there:
            raise ValueError(
                f'{config.start}: its {name} is {there}, {value} came; leave --{name} out'
            )
    return replace(config, model=checkpoint.model.settings, window=checkpoint.window)
