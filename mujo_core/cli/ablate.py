"""`mujo ablate`: a grid of settings, each judged by leaving one subject out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mujo_core.cli.report import print_table, write_json

TAKES_OVERRIDES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('grid', help='YAML file of settings with rows and columns')
    parser.add_argument('--output', required=True, help='folder; cells that are there are kept')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument('--jobs', type=int, default=1, help='folds at a time')
    parser.epilog = 'any setting of all cells is changed by --section.key VALUE'


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Run the cells that are not there yet, and write ablation.json and ablation.md."""
    from mujo_core.datasets.registry import get_dataset
    from mujo_core.training.ablation import paired_gain, read_grid, run_grid, table

    grid = read_grid(options.grid)
    cells = list(grid.cells())
    choices = get_dataset(grid.config(*cells[0], overrides).data.dataset).labels
    output = Path(options.output)

    def report(row: str, column: str, summary: dict[str, Any]) -> None:
        figures = (f'{n} {s["macro_f1"]["mean"]:.4f}' for n, s in summary['subsets'].items())
        print(f'{row} {column}'.strip() + ': macro-F1 ' + '  '.join(figures), flush=True)

    found = run_grid(grid, output, options.seeds, choices, overrides, options.jobs, report)
    subsets = list(dict.fromkeys(name for summary in found.values() for name in summary['subsets']))
    lines = []
    for subset in subsets:
        columns, rows = table(grid, found, subset)
        title = f'{subset}: macro-F1, one subject left out, {len(options.seeds)} seeds'
        print_table(title, columns, rows)
        lines += [f'## {title}', '', f'| {" | ".join(columns)} |', '|' + '---|' * len(columns)]
        lines += [*(f'| {" | ".join(row)} |' for row in rows), '']
    gains = {
        f'{row} {column}'.strip(): {
            subset: gain
            for subset in subsets
            if (gain := paired_gain(found[row, column], found[cells[0]], subset))
        }
        for row, column in found
    }
    write_json({'gain_over_first_cell': gains}, output / 'ablation.json')
    (output / 'ablation.md').write_text('\n'.join(lines), encoding='utf-8')
    return 0
