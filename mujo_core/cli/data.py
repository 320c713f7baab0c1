"""`mujo data`: say what a data set folder holds."""

from __future__ import annotations

import argparse
from collections import Counter

from mujo_core.cli.report import print_table, write_json
from mujo_core.datasets.registry import DATASETS, load_recordings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('dataset', help=f'one of {", ".join(DATASETS)}')
    parser.add_argument('--root', required=True, help='the data set folder')
    parser.add_argument('--json', metavar='FILE', help='write the figures')


def run(options: argparse.Namespace, _: list[str]) -> int:
    """Load everything and count it."""
    recordings = load_recordings(options.dataset, options.root)
    subjects = sorted({r.subject for r in recordings}, key=lambda s: (len(s), s))
    hours = sum(r.end - r.start for r in recordings) / 3600
    classes = Counter(segment.label for r in recordings for segment in r.segments)
    streams = Counter(name for r in recordings for name in r.streams)
    report = {
        'dataset': options.dataset,
        'recordings': len(recordings),
        'subjects': subjects,
        'hours': round(hours, 4),
        'classes': dict(classes),
        'streams': dict(streams),
    }
    write_json(report, options.json)
    print_table(
        f'{options.dataset}: {options.root}',
        ['what', 'count'],
        [
            ['recordings', str(len(recordings))],
            [f'subjects ({", ".join(subjects[:12])}{", ..." if len(subjects) > 12 else ""})',
             str(len(subjects))],
            ['hours', f'{hours:.2f}'],
            *[[f'stream {name}', str(count)] for name, count in sorted(streams.items())],
            ['classes', str(len(classes))],
            *[[f'  {name or "(no label)"}', str(count)] for name, count in classes.items()],
        ],
    )  # fmt: skip
    return 0
