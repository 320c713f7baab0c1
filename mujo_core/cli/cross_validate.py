"""`mujo cross_validate`: leave one subject out, over seeds."""

from __future__ import annotations

import argparse

from mujo_core.cli.report import output_folder, print_table, write_json

TAKES_OVERRIDES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('--config', help='YAML file of settings (see config/train)')
    parser.add_argument('--output', required=True, help='folder for figures and calibration')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument('--jobs', type=int, default=1, help='folds at a time')
    parser.add_argument('--keep', action='store_true', help='keep the checkpoint of every fold')
    parser.epilog = 'any setting is changed by --section.key VALUE, e.g. --fit.steps 500'


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Run all folds and write cross_validation.json and folds.npz."""
    from mujo_core.datasets.registry import get_dataset
    from mujo_core.evaluation.registry import seeds_in_words, with_spread
    from mujo_core.evaluation.report import rounded
    from mujo_core.model.calibration import CALIBRATION, write_calibration
    from mujo_core.training.card import CROSS_VALIDATION
    from mujo_core.training.config import read_config
    from mujo_core.training.cross_validation import (
        Fold,
        cross_validate,
        fit_calibration,
        summarize,
    )
    from mujo_core.training.mixture.mixture import read_library

    config = read_config(options.config, overrides)
    output = output_folder(options.output)
    library = read_library(config.data)
    print(library.line(), flush=True)
    choices = get_dataset(config.data.dataset).labels

    def report(fold: Fold) -> None:
        figures = '  '.join(f'{name} {s.macro_f1:.4f}' for name, s in fold.scores.items())
        print(f'without subject {fold.subject}, seed {fold.seed}: macro-F1 {figures}', flush=True)

    keep = output if options.keep else None
    folds = cross_validate(library, options.seeds, config, choices, report, options.jobs, keep)
    summary = summarize(folds)
    write_json(rounded(summary), output / CROSS_VALIDATION)
    write_calibration(fit_calibration(folds), output / CALIBRATION)
    seeds = len(summary['seeds'])
    rows = [
        [
            name,
            *(
                with_spread(s[f]['mean'], s[f]['std'], seeds)
                for f in ('accuracy', 'macro_f1', 'ece')
            ),
        ]
        for name, s in summary['subsets'].items()
    ]
    title = (
        f'leave one subject out, one answer a {summary["unit"]}, {seeds_in_words(seeds)}'
        f'{" (mean ± std over seeds)" if seeds > 1 else ""}'
    )
    print_table(title, ['modalities', 'accuracy', 'macro-F1', 'ECE'], rows)
    return 0
