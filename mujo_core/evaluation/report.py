"""A report folder: `report.md` to read, `report.json` to compute with, and its pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mujo_core.evaluation.registry import Result, Table
from mujo_core.whole_file import whole_file

_DECIMALS = 6
_NOTHING = 1e-12
"""What is left of a sum that is 0 but for the machine's arithmetic."""


def rounded(tree: Any) -> Any:
    """Return a tree of figures as it is written.

    Figures are rounded here and in tables, never before: of what is rounded twice the last digit
    may be wrong.
    """
    if isinstance(tree, dict):
        return {name: rounded(part) for name, part in tree.items()}
    if isinstance(tree, list | tuple):
        return [rounded(part) for part in tree]
    return round(tree, _DECIMALS) if isinstance(tree, float) else tree


def cell(value: str | int | float) -> str:
    """Return a figure as people read it: shares with four digits, counts as they are."""
    if not isinstance(value, float):
        return str(value)
    if abs(value) > 1.0:
        return f'{value:g}'
    return f'{value:.4f}' if abs(value) >= 1e-4 or abs(value) < _NOTHING else f'{value:.0e}'


def markdown(table: Table) -> list[str]:
    """Return the lines of a table under its title."""
    lines = [f'## {table.title}', '']
    lines.append(f'| {" | ".join(table.columns)} |')
    lines.append(f'|---|{"---:|" * (len(table.columns) - 1)}')
    lines += [f'| {" | ".join(map(cell, row))} |' for row in table.rows]
    return [*lines, '']


def write_report(result: Result, protocol: str, folder: str | Path) -> None:
    """Write a result into a folder, replacing an older report there."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    data: dict[str, Any] = {'protocol': protocol, **result.data, **result.details}
    with whole_file(folder / 'report.json') as part:
        part.write_text(json.dumps(rounded(data), indent=1) + '\n', encoding='utf-8')
    known = result.data
    checkpoints = known['checkpoint']
    unit = (data.get('over_checkpoints') or data).get('unit')
    checkpoints = [checkpoints] if isinstance(checkpoints, str) else checkpoints
    lines = [
        f'# {known["dataset"]}: {protocol}',
        '',
        f'Checkpoint {", ".join(f"`{name}`" for name in checkpoints)}; split {known["split"]}, '
        f'{known["recordings"]} recordings of subjects {", ".join(map(str, known["subjects"]))}'
        f'{f"; one answer a {unit}" if unit else ""}.',
        '',
    ]
    for table in result.tables:
        lines += markdown(table)
    lines += [line for note in result.notes for line in (note, '')]
    for plot in result.plots:
        with whole_file(folder / f'{plot.name}.png') as part:
            plot.draw().savefig(part)
        lines += [f'![{plot.caption}]({plot.name}.png)', '', f'*{plot.caption}*', '']
    with whole_file(folder / 'report.md') as part:
        part.write_text('\n'.join(lines), encoding='utf-8')
