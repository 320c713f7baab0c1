"""`mujo ablate`: a grid of settings, each judged by leaving subjects out."""

from __future__ import annotations

import argparse
from typing import Any

from mujo_core.cli.report import output_folder, print_table, write_json

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
    from mujo_core.evaluation.report import cell, markdown
    from mujo_core.training.ablation import read_grid, run_grid
    from mujo_core.training.judges import make_judge, paired_gains

    grid = read_grid(options.grid)
    judge = make_judge(grid.judge)
    configs = {at: grid.config(*at, overrides) for at in grid.cells()}
    first = next(iter(configs))
    choices = get_dataset(configs[first].data.dataset).labels
    output = output_folder(options.output)

    def report(row: str, column: str, summary: dict[str, Any]) -> None:
        print(f'{row} {column}'.strip() + f': {judge.line(summary)}', flush=True)

    found = run_grid(grid, output, options.seeds, choices, overrides, options.jobs, report)
    tables = judge.tables(found, list(grid.rows), list(grid.columns), configs)
    for table in tables:
        print_table(table.title, table.columns, [[*map(cell, row)] for row in table.rows])
    gains = {
        f'{row} {column}'.strip(): paired_gains(found[row, column], found[first], judge.figure)
        for row, column in found
    }
    write_json({'gain_over_first_cell': gains}, output / 'ablation.json')
    lines = [line for table in tables for line in markdown(table)]
    (output / 'ablation.md').write_text('\n'.join(lines), encoding='utf-8')
    return 0
