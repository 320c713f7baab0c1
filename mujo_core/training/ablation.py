"""A grid of settings, every cell judged by leaving one subject out: what is worth having."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mujo_core.training.config import TrainConfig, make_config, read_trees
from mujo_core.training.judges import Cell, JudgeSettings, make_judge
from mujo_core.training.mixture.mixture import Material, read_library

Settings = dict[str, Any]
"""A tree of settings, as in a file of config/train."""
_GRID = ('rows', 'columns', 'skip', 'judge')


@dataclass(frozen=True)
class Grid:
    """What is compared.

    Attributes:
        trees: of settings that all cells share.
        rows, columns: name to the settings that make it; one column without a name where there
            is nothing to compare across.
        skip: (row, column) pairs that are left out.
        judge: how cells are judged.
    """

    trees: list[Any]
    rows: dict[str, Settings]
    columns: dict[str, Settings]
    skip: frozenset[Cell]
    judge: JudgeSettings = field(default_factory=JudgeSettings)

    def cells(self) -> Iterator[Cell]:
        """Give (row, column) of every cell, row by row."""
        for row in self.rows:
            for column in self.columns:
                if (row, column) not in self.skip:
                    yield row, column

    def config(self, row: str, column: str, overrides: Sequence[str] = ()) -> TrainConfig:
        """Return a cell's settings; `overrides` as on the command line change them all."""
        return make_config([*self.trees, self.rows[row], self.columns[column]], overrides)


def read_grid(path: str | Path) -> Grid:
    """Read a file of settings that also has ``rows``, ``columns``, ``skip`` and ``judge``.

    Raises:
        ValueError: no rows, or a part that is not what it should be; each cell's settings are
            checked too.
    """
    *shared, last = read_trees(path)
    own: Any = OmegaConf.to_container(last)
    parts = {name: own.pop(name, None) for name in _GRID}
    rows, columns = parts['rows'], parts['columns'] or {'': {}}
    skip = parts['skip'] or []
    for name, part in (('rows', rows), ('columns', columns)):
        if not isinstance(part, dict) or not all(isinstance(v or {}, dict) for v in part.values()):
            raise ValueError(f'{path}: expected {name} as names with settings, {part!r} came')
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in skip):
        raise ValueError(f'{path}: expected pairs of row and column in skip, {skip!r} came')
    pairs = {(str(row), str(column)) for row, column in skip}
    grid = Grid(
        [*shared, own],
        {str(name): settings or {} for name, settings in rows.items()},
        {str(name): settings or {} for name, settings in columns.items()},
        frozenset(pairs),
        _judge(path, parts['judge']),
    )
    everything = {(row, column) for row in grid.rows for column in grid.columns}
    if wrong := pairs - everything:
        raise ValueError(f'{path}: expected pairs of row and column in skip, {min(wrong)!r} came')
    for cell in grid.cells():
        grid.config(*cell)
    return grid


def _judge(path: str | Path, tree: Any) -> JudgeSettings:
    try:
        merged = OmegaConf.merge(OmegaConf.structured(JudgeSettings), tree or {})
        settings: Any = OmegaConf.to_object(merged)
    except (OmegaConfBaseException, ValueError) as error:
        raise ValueError(f'{path}: judge: {str(error).splitlines()[0]}') from error
    return settings


def run_grid(
    grid: Grid,
    output: Path,
    seeds: Sequence[int],
    choices: Sequence[str],
    overrides: Sequence[str] = (),
    jobs: int = 1,
    report: Callable[[str, str, dict[str, Any]], None] = lambda *_: None,
) -> dict[Cell, dict[str, Any]]:
    """Train and judge every cell and keep each as a file in `output`.

    A cell that is there with the same settings and seeds is not run again.

    Args:
        choices: labels among which an answer is chosen.
        report: called with row, column and summary as a cell is done.
    """
    found = {}
    judge = make_judge(grid.judge)
    libraries: dict[str, Material] = {}
    for row, column in grid.cells():
        config = grid.config(row, column, overrides)
        file = output / 'cells' / f'{"__".join(filter(None, (row, column)))}.json'.replace(' ', '_')
        asked = {
            'settings': repr(config), 'judge': repr(grid.judge), 'seeds': list(seeds)
        }  # fmt: skip
        summary = _stored(file, asked)
        if summary is None:
            where = repr(config.data)
            if where not in libraries:
                libraries = {where: read_library(config.data)}
            summary = {**asked, **judge.judge(libraries[where], seeds, config, choices, jobs)}
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix('.part')
            part.write_text(json.dumps(summary, indent=1) + '\n', encoding='utf-8')
            part.replace(file)
        found[row, column] = summary
        report(row, column, summary)
    return found


def _stored(file: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    there: dict[str, Any] = json.loads(file.read_text(encoding='utf-8'))
    return there if all(there.get(key) == value for key, value in asked.items()) else None
