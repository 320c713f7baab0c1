"""Ours beside published numbers: `doc/comparison.md`, from a data file and reports of our own.

Every figure of others has its source, protocol and caveat; what cannot be compared says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import yaml

_SUBSETS = 'subsets'


def read_published(path: str | Path | None = None) -> dict[str, Any]:
    """Return what others report.

    Args:
        path: a file of the same form; None for the packaged one.

    Raises:
        ValueError: it has not the parts it needs.
    """
    source = files('mujo_core').joinpath('data/published.yaml') if path is None else Path(path)
    data = yaml.safe_load(source.read_text(encoding='utf-8'))
    needed = ('tasks', 'suite', 'elsewhere', 'systems', 'features')
    if not isinstance(data, dict) or (missing := [key for key in needed if key not in data]):
        raise ValueError(
            f'{source}: expected the parts {", ".join(needed)}, '
            f'{", ".join(missing) if isinstance(data, dict) else "none"} is missing'
        )
    # A file of one's own need not say whose figures it holds.
    return {'dataset': 'utd_mhad', **data}


def read_report(path: str | Path) -> dict[str, Any]:
    """Return the JSON of `mujo evaluate --protocol robustness`.

    Raises:
        ValueError: it is of another protocol, or no JSON.
    """
    try:
        data = json.loads(Path(path).read_text(encoding='utf-8'))
    except json.JSONDecodeError as error:
        raise ValueError(f'{path}: expected JSON of mujo evaluate, {error} came') from error
    if not isinstance(data, dict) or not {'cases', 'categories', 'pieces'} <= set(data):
        raise ValueError(
            f'{path}: expected the JSON of mujo evaluate --protocol robustness of one checkpoint; '
            'write it with --json'
        )
    return data


def check_reports(
    reports: Sequence[dict[str, Any]], names: Sequence[str], published: dict[str, Any]
) -> None:
    """Refuse what does not belong beside the published figures.

    Args:
        names: of the reports' files.

    Raises:
        ValueError: a report is of another data set, or one has people whom another has too, of the
            same checkpoint (which stands for a seed): they would count twice.
    """
    seen: dict[tuple[str, Path], str] = {}
    for report, name in zip(reports, names, strict=True):
        if report['dataset'] != published['dataset']:
            raise ValueError(
                f'{name}: expected a report of {published["dataset"]}, which the published '
                f'figures are of; one of {report["dataset"]} came; leave it out'
            )
        for subject in report['subjects']:
            key = (str(subject), Path(report['checkpoint']).resolve())
            if key in seen:
                raise ValueError(
                    f'{name}: expected people whom no other report has of the same checkpoint, '
                    f'subject {subject} is in {seen[key]} too; leave one of them out'
                )
            seen[key] = name


class Ours:
    """Figures of one report, or of several that each tested other people or are of another seed
    (pooled by recordings)."""

    def __init__(self, reports: Sequence[dict[str, Any]]) -> None:
        self.reports = list(reports)
        self.subjects = sorted({str(s) for r in reports for s in r['subjects']})
        # Those whom several seeds were tested on are there once.
        self.clips = sum({tuple(map(str, r['subjects'])): r['pieces'] for r in reports}.values())
        self.fullest = str(reports[0]['fullest'])

    def case(self, case: str, part: str, name: str, figure: str = 'accuracy') -> float | None:
        """Return a figure of a case, or None where a report lacks it."""
        values, weights = [], []
        for report in self.reports:
            found = [c for c in report['cases'] if c['case'] == case]
            if not found or name not in found[0].get(part, {}):
                return None
            values.append(found[0][part][name][figure])
            # Where some lack a modality, fewer are judged by it.
            weights.append(found[0][part][name].get('n', report['pieces']))
        return float(np.average(values, weights=weights))

    def category(
        self, category: str, part: str = _SUBSETS, name: str = '', figure: str = 'accuracy'
    ) -> float | None:
        """Return the mean over the cases of a category."""
        names = [c['case'] for c in self.reports[0]['cases'] if c['category'] == category]
        values = [self.case(case, part, name or self.fullest, figure) for case in names]
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known and len(known) == len(values) else None

    @property
    def protocol(self) -> str:
        """Who was tested, in words; the checkpoint's card says whom it has seen."""
        who = f'{self.reports[0]["dataset"]}, subjects {", ".join(self.subjects)}'
        if len(self.reports) > 1:
            return f'{who}: {len(self.reports)} checkpoints, each on people it has not seen'
        split = self.reports[0]['split']
        return f'{who}: split {split}' if split not in ('all', 'subjects') else who

    @property
    def baselines(self) -> list[str]:
        """The baselines that were put beside ours in every report."""
        first = self.reports[0]['cases'][0].get('baselines', {})
        return [n for n in first if self.case('clean', 'baselines', n) is not None]


def comparison(reports: Sequence[dict[str, Any]], published: dict[str, Any], command: str) -> str:
    """Return the page as Markdown.

    Args:
        reports: see `read_report`; each tested other people.
        published: see `read_published`.
        command: that makes this page.
    """
    ours = Ours(reports)
    checkpoints = ', '.join(f'`{Path(r["checkpoint"]).name}`' for r in reports)
    lines = [
        '# Beside the field', '',
        f'Made by `{command}`; do not edit. Ours: {ours.clips} {reports[0]["unit"]}s of '
        f'{reports[0]["dataset"]}, subjects {", ".join(ours.subjects)}, checkpoints {checkpoints}.',
        'Published figures are read from the papers, not measured again; the column says what is '
        'not comparable.', '',
    ]  # fmt: skip
    for task in published['tasks']:
        lines += _task(task, ours)
    lines += _suite(published['suite'], ours)
    lines += _side_by_side(ours)
    lines += _elsewhere(published['elsewhere'])
    lines += _features(published['systems'], published['features'])
    return '\n'.join(lines) + '\n'


def _percent(share: float | None) -> str:
    return '-' if share is None else f'{100 * share:.1f}'


def _row(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cells)} |'


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_row(columns), '|---' * len(columns) + '|', *map(_row, rows), '']


def _task(task: dict[str, Any], ours: Ours) -> list[str]:
    value = ours.case('clean', _SUBSETS, task['subset'])
    columns = ['system', task['figure'], 'source', 'protocol', 'caveat']
    rows = [['**mujo_ros**', _percent(value), 'this run', ours.protocol, task['caveat']]]
    rows += [[str(r[k]) for k in ('system', 'value', 'source', 'protocol', 'caveat')]
             for r in task['rows']]  # fmt: skip
    return [f'## {task["name"]}', '', *_table(columns, rows)]


def _suite(suite: dict[str, Any], ours: Ours) -> list[str]:
    categories = suite['categories']
    own = [ours.category(c) for c in categories]
    mean = None if None in own else float(np.mean([v for v in own if v is not None]))
    rows = [['**mujo_ros**', *map(_percent, own), _percent(mean), 'this run', 'see below']]
    rows += [
        [r['system'], *(str(r.get(c, '-')) for c in categories), str(r['mean']), r['source'],
         r['caveat']]
        for r in suite['rows']
    ]  # fmt: skip
    columns = ['system', *categories, 'mean', 'source', 'caveat']
    return [f'## {suite["name"]}', '', 'Accuracy, %, mean over severities.', '',
            *_table(columns, rows), ' '.join(suite['caveat'].split()), '']  # fmt: skip


def _side_by_side(ours: Ours) -> list[str]:
    """What was measured in the same run on the same streams: comparable without caveat."""
    cases = ours.reports[0]['cases']
    categories = list(dict.fromkeys(c['category'] for c in cases))
    others = ours.baselines
    columns = ['category', ours.fullest]
    for name in others:
        columns += [name]
    columns += ['ticks answered', *(f'by {n}' for n in others)]
    columns += ['macro-F1 of all ticks', *(f'of {n}' for n in others)]
    rows = []
    for category in categories:
        row = [category]
        for figure in ('accuracy', 'ticks_answered', 'ticks_macro_f1'):
            row.append(_percent(ours.category(category, figure=figure)))
            row += [_percent(ours.category(category, 'baselines', n, figure)) for n in others]
        rows.append(row)
    return ['## The same streams, in one run', '',
            'Everybody was given the same corrupted streams; %, means over severities.', '',
            *_table(columns, rows)]  # fmt: skip


def _elsewhere(rows: Sequence[dict[str, str]]) -> list[str]:
    columns = ['task', 'system', 'reports', 'here']
    cells = [[r['task'], r['system'], str(r['value']), r['why']] for r in rows]
    title = '## Where others are better, or we have nothing to show'
    return [title, '', *_table(columns, cells)]


def _features(systems: Sequence[str], features: Sequence[dict[str, Any]]) -> list[str]:
    rows = [[f['name'], *('yes' if s in f['has'] else '' for s in systems)] for f in features]
    return ['## Features', '', 'Blank: not found in paper or code.', '',
            *_table(['', *systems], rows)]  # fmt: skip
