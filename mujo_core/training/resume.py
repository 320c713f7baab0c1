"""A run that is killed continues from its last snapshot and ends with the same weights.

What a run draws is a function of its seed and the place in the run alone: windows by the index of
the draw, dropout by that of the batch. So a snapshot needs no state of random generators, and
continuing at another number of processes draws the same windows.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import lightning
import numpy as np
import torch
import yaml
from lightning.pytorch.callbacks import Callback, Checkpoint

from mujo_core.training.config import TrainConfig
from mujo_core.training.mixture.store import AnyClip

SETTINGS = 'train.yaml'
"""The settings of a run, beside the checkpoint that it made."""
_FOLDER = 'run'
_SNAPSHOT = 'last.ckpt'
_FREE = re.compile(
    r'data\.(also\.\w+\.)?root|data\.folders'
    r'|fit\.(workers|devices|snapshot_every|keep_snapshot|log_every)'
)
"""Settings that may change on the way, since the weights do not depend on them: a data set is the
same in another folder."""


class Run:
    """What is on disk of a run that is not done: ``DIR/run`` with its settings and last snapshot.

    Args:
        output: the folder in which the checkpoint will be.
        anew: take no notice of what is there.
    """

    def __init__(self, output: str | Path, anew: bool = False) -> None:
        self.output = Path(output)
        self.anew = anew
        self.folder = self.output / _FOLDER
        self.snapshot = self.folder / _SNAPSHOT

    @property
    def unfinished(self) -> bool:
        """Whether there is a snapshot to continue from."""
        return self.snapshot.is_file() and not self.anew

    def begin(self, config: TrainConfig, clips: Sequence[AnyClip], write: bool = True) -> int:
        """Record what the run is, or make sure that it is the one on disk.

        Args:
            write: whether this process is the one that records.

        Returns:
            The steps that are done already.

        Raises:
            ValueError: the run on disk has other settings or data, or is damaged.
        """
        wanted = {'settings': asdict(config), 'clips': fingerprint(clips)}
        if not self.unfinished:
            if write:
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder.mkdir(parents=True)
                (self.folder / SETTINGS).write_text(_dump(wanted), encoding='utf-8')
            return 0
        again = 'give the same, another --output, or --restart'
        try:
            found = yaml.safe_load((self.folder / SETTINGS).read_text(encoding='utf-8'))
            before, now = (
                dict(_leaves(found['settings'])),
                dict(_leaves(_plain(wanted)['settings'])),
            )
            step = int(read_snapshot(self.snapshot)['global_step'])
        except (OSError, ValueError, LookupError, TypeError, RuntimeError, yaml.YAMLError) as error:
            reason = ' '.join(str(error).split())[:160]
            raise ValueError(
                f'{self.folder}: expected the snapshot of a run, it is damaged ({reason}); '
                'begin anew with --restart'
            ) from error
        for key in sorted(set(before) | set(now)):
            if not _FREE.fullmatch(key) and before.get(key) != now.get(key):
                raise ValueError(
                    f'{self.output} holds an unfinished run with --{key} {before.get(key)}, '
                    f'{now.get(key)} came; {again}'
                )
        if found['clips'] != wanted['clips']:
            raise ValueError(
                f'{self.output} holds an unfinished run on other recordings than came; {again}'
            )
        return step

    def end(self, config: TrainConfig) -> None:
        """Keep the settings beside the checkpoint, and the snapshot only where it is wanted."""
        (self.output / SETTINGS).write_text(_dump(asdict(config)), encoding='utf-8')
        if not config.fit.keep_snapshot:
            shutil.rmtree(self.folder, ignore_errors=True)


def read_snapshot(path: str | Path) -> dict[str, Any]:
    """Return a snapshot's tensors and plain values; whatever else it held would be refused."""
    try:
        return dict(torch.load(path, map_location='cpu', weights_only=True))
    except UnpicklingError as error:
        raise ValueError(f'{path} is no snapshot') from error


def fingerprint(clips: Sequence[AnyClip]) -> str:
    """Return a digest of what clips hold, by which it is known whether they are still the same."""
    digest = hashlib.sha256()
    for clip in clips:
        names = [*clip.outline.streams, '', *clip.outline.virtual]
        digest.update(f'{clip.dataset} {clip.subject} {clip.label} {names} {clip.digest}'.encode())
    return digest.hexdigest()[:16]


def _plain(data: Any) -> Any:
    """As it comes back from YAML: no tuples."""
    return yaml.safe_load(_dump(data))


def _dump(data: Any) -> str:
    class Dumper(yaml.SafeDumper):
        pass

    Dumper.add_representer(tuple, yaml.SafeDumper.represent_list)
    return yaml.dump(data, Dumper=Dumper, sort_keys=False)


def _leaves(tree: dict[str, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', value


class SeededBatches(Callback):
    """Seeds what a batch draws at random by its place in the run and the process it is in."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, index: int
    ) -> None:
        """Seed torch, numpy and Python."""
        words = np.random.SeedSequence((self.seed, index, trainer.global_rank)).generate_state(1)
        torch.manual_seed(int(words[0]))
        np.random.seed(int(words[0]))
        random.seed(int(words[0]))


class Snapshots(Checkpoint):
    """Writes the whole state of training every `every` steps; a kill leaves the last one whole."""

    def __init__(self, run: Run, every: int) -> None:
        self.run = run
        self.every = every
        self.due = False

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        index: int,
    ) -> None:
        """Write after a step that is due, unless a look at the held-out subjects follows it."""
        stepped = (index + 1) % trainer.accumulate_grad_batches == 0
        if not stepped or trainer.global_step >= trainer.max_steps:
            return
        self.due |= trainer.global_step % self.every == 0
        looks = trainer.enable_validation and (index + 1) % int(trainer.val_check_interval) == 0
        if self.due and not looks:
            self._write(trainer)

    def on_validation_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        """Write what was due, unless the run ends here."""
        if self.due and not trainer.should_stop:
            self._write(trainer)

    def _write(self, trainer: lightning.Trainer) -> None:
        self.due = False
        part = self.run.snapshot.with_suffix('.part')
        trainer.save_checkpoint(part)
        if trainer.is_global_zero:
            os.replace(part, self.run.snapshot)
        trainer.strategy.barrier()
