"""`mujo train`: fit a model on a data set and write a checkpoint."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from mujo_core.cli.report import print_table

TAKES_OVERRIDES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('--config', help='YAML file of settings (see config/train)')
    parser.add_argument('--output', required=True, help='folder for the checkpoint')
    parser.add_argument(
        '--cross-validation',
        metavar='DIR',
        help='output of `mujo cross_validate`: gives the calibration and the model card its scores',
    )
    parser.epilog = 'any setting is changed by --section.key VALUE, e.g. --fit.steps 500'


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Train, save, and say how well it knows what it was trained on."""
    from mujo_core.datasets.registry import get_dataset
    from mujo_core.evaluation.full import evaluate_full
    from mujo_core.model.checkpoint import save_checkpoint
    from mujo_core.training.card import model_card, read_cross_validation
    from mujo_core.training.config import read_config
    from mujo_core.training.fit import fit_model
    from mujo_core.training.sources import recordings_of, training_clips

    config = read_config(options.config, overrides)
    output = Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    folds = read_cross_validation(options.cross_validation)
    started = time.monotonic()
    recordings = recordings_of(config.data)
    clips, weights = training_clips(recordings, config.data)
    print(f'{len(clips)} clips of {len({c.subject for c in clips})} people; training')
    checkpoint = fit_model(clips, weights, config, log_dir=output / 'log')
    if folds:
        checkpoint.calibration = folds.calibration
    minutes = (time.monotonic() - started) / 60
    checkpoint.card = model_card(config, recordings, clips, folds, options.config, minutes)
    save_checkpoint(checkpoint, output)
    results = evaluate_full(checkpoint, recordings, get_dataset(config.data.dataset).labels)
    print_table(
        'on the recordings it was trained on (for the people it has not seen: mujo evaluate)',
        ['modalities', 'accuracy', 'macro-F1'],
        [[name, f'{s.accuracy:.4f}', f'{s.macro_f1:.4f}'] for name, s in results.items()],
    )
    print(f'checkpoint in {output} after {minutes:.1f} min')
    return 0
