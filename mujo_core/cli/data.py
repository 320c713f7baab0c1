"""`mujo data`: say what a data set folder holds and what is wrong with it, or export it."""

from __future__ import annotations

import argparse
from typing import Any

from mujo_core.cli.report import print_table, write_json
from mujo_core.datasets.registry import DATASETS, get_dataset, iter_recordings
from mujo_core.datasets.summary import Summary, collected_problems


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('dataset', help=f'one of {", ".join(DATASETS)}')
    parser.add_argument('--root', default='', help='the data set folder')
    parser.add_argument('--json', metavar='FILE', help='write the figures')
    parser.add_argument(
        '--virtual-imu',
        action='store_true',
        help='compare its IMUs with those computed from the skeletons beside them',
    )
    parser.add_argument('--export', metavar='DIR', help="write it as a folder of one's own")


def run(options: argparse.Namespace, _: list[str]) -> int:
    """Load everything and count it, or compare its IMUs with virtual ones."""
    if options.virtual_imu:
        return _compare_virtual(options)
    dataset, summary = get_dataset(options.dataset), Summary()
    with collected_problems() as problems:
        recordings = summary.watch(iter_recordings(options.dataset, options.root))
        if options.export:
            from mujo_core.datasets.export import write_folder

            write_folder(recordings, options.export, dataset.all_splits(options.root))
        else:
            for _recording in recordings:
                pass
    report = {'dataset': options.dataset, **summary.to_dict(), 'problems': problems}
    write_json(report, options.json)
    print_table(f'{options.dataset}: {options.root}', ['what', 'count', ''], _rows(report))
    for problem in problems:
        print(f'problem: {problem}')
    if options.export:
        print(f'written to {options.export}')
    return 0


def _compare_virtual(options: argparse.Namespace) -> int:
    from mujo_core.evaluation.fidelity import AXES, measure_fidelity

    with collected_problems() as problems:
        found = measure_fidelity(iter_recordings(options.dataset, options.root))
    if not found:
        raise ValueError(
            f'{options.dataset}: expected recordings with a skeleton and an IMU at a placement '
            'that can be simulated, none came'
        )
    figures = {placement: fidelity.to_dict() for placement, fidelity in sorted(found.items())}
    report = {'dataset': options.dataset, 'virtual_imu': figures, 'problems': problems}
    write_json(report, options.json)
    print_table(
        f'{options.dataset}: correlation of virtual with real IMUs, median over recordings',
        ['placement', 'recordings', '|acc|', '|gyro|', *AXES],
        [
            [placement, *(f'{v:.3f}' if isinstance(v, float) else str(v) for v in row.values())]
            for placement, row in figures.items()
        ],
    )
    for problem in problems:
        print(f'problem: {problem}')
    return 0


def _rows(report: dict[str, Any]) -> list[list[str]]:
    subjects, rates = report['subjects'], report['rates']
    some = ', '.join(subjects[:12]) + (', ...' if len(subjects) > 12 else '')
    return [
        ['recordings', str(report['recordings']), ''],
        [f'subjects ({some})', str(len(subjects)), ''],
        ['hours', f'{report["hours"]:.2f}', ''],
        *(
            [f'stream {name}', str(count), f'{rates[name]:g} Hz' if name in rates else '']
            for name, count in sorted(report['streams'].items())
        ),
        ['classes', str(len(report['classes'])), ''],
        *(
            [f'  {name or "(no label)"}', str(count), f'{report["class_seconds"][name]:.0f} s']
            for name, count in report['classes'].items()
        ),
        ['problems', str(len(report['problems'])), ''],
    ]
