"""Tables of numbers in text files, with the file and row named where one is damaged."""

from __future__ import annotations

import numpy as np


def read_numbers(
    text: str,
    source: str,
    columns: int,
    delimiter: str | None = None,
    skip: int = 0,
    empty: bool = False,
) -> np.ndarray:
    """Parse rows of numbers.

    Args:
        text: the file's text; source: how messages call the file.
        columns: how many numbers a row has.
        delimiter: between them; None for any white space.
        skip: header lines before the first row.
        empty: whether an empty or NaN field is allowed (it becomes NaN).

    Returns:
        (N, columns) float64. A last row that is cut off is not in it.

    Raises:
        ValueError: no row, or a damaged one; the line names file and row (counted from 1).
    """
    lines = text.splitlines()[skip:]
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise ValueError(f'{source}: expected rows of {columns} numbers, there are none')
    try:
        table = np.loadtxt(lines, delimiter=delimiter, ndmin=2, comments=None)
        if table.shape[1] == columns and (np.isfinite(table).all()):
            return table
    except ValueError:
        pass  # the slow way finds the row
    rows = []
    for number, line in enumerate(lines, start=skip + 1):
        row = _row(line, columns, delimiter, empty)
        if row is not None:
            rows.append(row)
        elif number != skip + len(lines) or not rows:
            raise ValueError(
                f'{source}, row {number}: expected {columns} numbers, {line.strip()[:60]!r} came; '
                'get the file again or take the row out'
            )
    return np.array(rows)


def _row(line: str, columns: int, delimiter: str | None, empty: bool) -> list[float] | None:
    fields = line.split(delimiter)
    if len(fields) != columns:
        return None
    try:
        row = [float(f) if f.strip() or not empty else np.nan for f in fields]
    except ValueError:
        return None
    return row if empty or np.isfinite(row).all() else None
