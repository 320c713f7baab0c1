"""`mujo train`: fit a model on a data set and write a checkpoint."""

from __future__ import annotations

import argparse
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from mujo_core.cli.report import output_folder, print_table

if TYPE_CHECKING:
    from mujo_core.model.checkpoint import Checkpoint
    from mujo_core.recording import Recording

log = logging.getLogger(__name__)

TAKES_OVERRIDES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('--config', help='YAML file of settings (see config/)')
    parser.add_argument('--output', required=True, help='folder for the checkpoint')
    parser.add_argument(
        '--stage',
        help='pretrain (default), finetune (from a checkpoint, nothing frozen) or linear_probe '
        "(a checkpoint's encoders as they are, one learned vector a class)",
    )
    parser.add_argument(
        '--from', dest='start', metavar='DIR', help='checkpoint folder to start from'
    )
    parser.add_argument(
        '--restart',
        action='store_true',
        help='begin anew; without it a run that was killed continues, with the same weights in the '
        'end as if it had not been',
    )
    parser.add_argument(
        '--cross-validation',
        metavar='DIR',
        help='output of `mujo cross_validate`: gives the calibration and the model card its scores',
    )
    parser.epilog = (
        'any setting is changed by --section.key VALUE, e.g. --fit.steps 500; several processes: '
        'torchrun --nproc_per_node 2 -m mujo_core.cli.main train ..., each takes its share of '
        'every batch'
    )


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Train, save, and say how well it knows what it was trained on."""
    from mujo_core.model.checkpoint import save_checkpoint
    from mujo_core.training.card import check_folds, model_card, read_cross_validation
    from mujo_core.training.config import read_config
    from mujo_core.training.distributed import leave, processes
    from mujo_core.training.mixture.mixture import read_material
    from mujo_core.training.resume import Run
    from mujo_core.training.stages import run_stage, stage_of, too_short

    config = read_config(options.config, overrides)
    config = replace(
        config, stage=options.stage or config.stage, start=options.start or config.start
    )
    stage_of(config)
    output = output_folder(options.output)
    folds = read_cross_validation(options.cross_validation)
    started = time.monotonic()
    on_disk = Run(output, anew=options.restart)
    material = read_material(config)
    if folds:
        check_folds(folds, material, config.data)
    first = processes(config.fit.devices).rank == 0
    if first:
        people = len({clip.subject for clip in material.clips})
        what = 'continuing' if on_disk.unfinished else config.stage
        print(material.line())
        print(f'{len(material.clips)} clips of {people} people; {what}', flush=True)
        if advice := too_short(config):
            log.warning(advice)
    checkpoint = run_stage(config, material, on_disk)
    leave()
    if not first:
        return 0
    if folds:
        checkpoint.calibration = folds.calibration
    config = replace(config, model=checkpoint.model.settings, window=checkpoint.window)
    minutes = (time.monotonic() - started) / 60
    checkpoint.card = model_card(config, material.recordings, material.clips, folds, minutes)
    save_checkpoint(checkpoint, output)
    on_disk.end(config)
    _say_how_well(checkpoint, material.judged(config.data), config.data.dataset)
    print(f'checkpoint in {output} after {minutes:.1f} min')
    return 0


def _say_how_well(checkpoint: Checkpoint, recordings: list[Recording], dataset: str) -> None:
    from mujo_core.datasets.registry import get_dataset
    from mujo_core.evaluation.full import evaluate_full

    if not any(r.label in checkpoint.labels for r in recordings):
        return
    results = evaluate_full(checkpoint, recordings, get_dataset(dataset).labels)
    print_table(
        f'on {len(recordings)} of the clips it was trained on (for the people it has not seen: '
        'mujo evaluate)',
        ['modalities', 'accuracy', 'macro-F1'],
        [[name, f'{s.accuracy:.4f}', f'{s.macro_f1:.4f}'] for name, s in results.items()],
    )
