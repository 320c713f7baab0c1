"""What verbs print and write: a table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from mujo_core.whole_file import whole_file

_WIDE = 10_000  # columns: no row of ours has as many


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; numbers are right-aligned, and nothing is cut."""
    table = Table(title=title, title_justify='left')
    for index, column in enumerate(columns):
        table.add_column(column, justify='left' if index == 0 else 'right', overflow='fold')
    for row in rows:
        table.add_row(*row)
    console, wide = Console(), Console(width=_WIDE)
    if not console.is_terminal:
        wide.print(table)  # a pipe or file has no width: what reads it wants a line a row
        return
    if wide.measure(table).minimum > console.width:
        table.padding = (0, 0)
    if wide.measure(table).minimum > console.width:
        console = wide  # the terminal folds lines, where we would fold figures
    console.print(table)


def output_folder(path: str | Path) -> Path:
    """Make the folder of `--output` before anything is run; OSError says why it cannot be."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = 'a file of this name' if folder.is_file() else error.strerror or str(error)
        raise OSError(
            f'expected a folder to write to as --output, {folder} came ({why}); name another'
        ) from error
    return folder


def write_json(data: Any, path: str | Path | None) -> None:
    """Write JSON where a path is given."""
    if path:
        with whole_file(path) as part:
            part.write_text(json.dumps(data, indent=1) + '\n', encoding='utf-8')
