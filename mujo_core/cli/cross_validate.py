"""`mujo cross_validate`: leave one subject or one data set out, over seeds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mujo_core.cli.report import output_folder, print_table, write_json

if TYPE_CHECKING:
    from mujo_core.training.config import TrainConfig
    from mujo_core.training.mixture.mixture import Material

TAKES_OVERRIDES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('--config', help='YAML file of settings (see config/train)')
    parser.add_argument('--output', required=True, help='folder for figures and calibration')
    parser.add_argument(
        '--leave',
        choices=('subject', 'data_set'),
        default='subject',
        help='what is left out in turn: a person of the first data set (default), or a data set '
        'of the table, of which checkpoint and figures are kept as OUTPUT/SET/seedN',
    )
    parser.add_argument(
        '--sets', nargs='+', default=[], help='these alone (--leave data_set; default: all with 5 '
        'labels or more)',
    )  # fmt: skip
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument('--jobs', type=int, default=1, help='folds at a time')
    parser.add_argument('--keep', action='store_true', help='keep the checkpoint of every fold')
    parser.epilog = 'any setting is changed by --section.key VALUE, e.g. --fit.steps 500'


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Run all folds and write their figures and the calibration by their held-out windows."""
    from mujo_core.training.config import read_config
    from mujo_core.training.mixture.mixture import read_library

    if options.sets and options.leave != 'data_set':
        raise ValueError('expected --sets with --leave data_set, it came without')
    config = read_config(options.config, overrides)
    output = output_folder(options.output)
    library = read_library(config.data)
    print(library.line(), flush=True)
    leave = _leave_sets if options.leave == 'data_set' else _leave_subjects
    leave(library, config, output, options)
    return 0


def _leave_sets(
    library: Material, config: TrainConfig, output: Path, options: argparse.Namespace
) -> None:
    """Write leave_data_set_out.json and .md, and what `mujo train --cross-validation` takes."""
    from mujo_core.evaluation.report import cell, markdown, rounded
    from mujo_core.model.calibration import CALIBRATION, write_calibration
    from mujo_core.training.card import CROSS_VALIDATION
    from mujo_core.training.leave_set_out import leave_sets_out, sets_left_out
    from mujo_core.training.set_tables import set_table, summarize_sets

    def report(fold: dict[str, Any]) -> None:
        figures = '  '.join(
            f'{name} {s["by_text"]["macro_f1"]:.4f}' if s['by_text'] else f'{name} -'
            for name, s in fold['subsets'].items()
        )
        print(f'without {fold["dataset"]}, seed {fold["seed"]}: macro-F1 {figures}', flush=True)

    sets = sets_left_out(library, config.data, options.sets)
    folds, calibration = leave_sets_out(
        library, sets, options.seeds, config, output, report, options.jobs
    )
    table = set_table(folds)
    write_json(folds, output / 'leave_data_set_out.json')
    (output / 'leave_data_set_out.md').write_text('\n'.join(markdown(table)), encoding='utf-8')
    write_json(rounded(summarize_sets(folds)), output / CROSS_VALIDATION)
    write_calibration(calibration, output / CALIBRATION)
    print_table(table.title, table.columns, [[*map(cell, row)] for row in table.rows])


def _leave_subjects(
    library: Material, config: TrainConfig, output: Path, options: argparse.Namespace
) -> None:
    """Write cross_validation.json and the calibration."""
    from mujo_core.datasets.registry import get_dataset
    from mujo_core.evaluation.registry import seeds_in_words, with_spread
    from mujo_core.evaluation.report import rounded
    from mujo_core.model.calibration import CALIBRATION, write_calibration
    from mujo_core.training.card import CROSS_VALIDATION
    from mujo_core.training.cross_validation import (
        Fold,
        cross_validate,
        fit_calibration,
        summarize,
    )

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
