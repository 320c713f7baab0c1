"""`mujo data`: say what a data set folder holds and what is wrong with it, or export it."""

from __future__ import annotations

import argparse
from typing import Any

from mujo_core.cli.report import print_table, write_json
from mujo_core.datasets.registry import DATASETS, get_dataset, iter_recordings
from mujo_core.datasets.summary import Summary, reported_problems


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
    parser.add_argument(
        '--likeness',
        metavar='FILE',
        help='write what makes virtual IMUs read like the IMUs of this data set, for '
        '`mujo build --imu.like` and `mujo train --data.imu_like`',
    )
    parser.add_argument(
        '--likeness-kind',
        default='size',
        help="'size' (default: how strong both vectors are) or 'axes' (each axis by itself)",
    )
    parser.add_argument(
        '--beside',
        metavar='BUILD',
        help='where its recordings have no skeletons: a finished `mujo build` of like activities, '
        'whose virtual IMUs are made like them',
    )
    parser.add_argument('--export', metavar='DIR', help="write it as a folder of one's own")


def run(options: argparse.Namespace, _: list[str]) -> int:
    """Load everything and count it, or compare its IMUs with virtual ones."""
    if options.likeness:
        return _fit_likeness(options)
    if options.virtual_imu:
        return _compare_virtual(options)
    dataset, summary = get_dataset(options.dataset), Summary()
    with reported_problems() as problems:
        recordings = summary.watch(iter_recordings(options.dataset, options.root))
        if options.export:
            from mujo_core.datasets.export import write_folder

            write_folder(recordings, options.export, dataset.all_splits(options.root))
        else:
            for _recording in recordings:
                pass
    report = {'dataset': options.dataset, **summary.to_dict(), 'problems': problems}
    print_table(f'{options.dataset}: {options.root}', ['what', 'count', ''], _rows(report))
    for problem in problems:
        print(f'problem: {problem}')
    write_json(report, options.json)
    if options.export:
        print(f'written to {options.export}')
    return 0


def _compare_virtual(options: argparse.Namespace) -> int:
    from mujo_core.evaluation.fidelity import AXES, measure_fidelity

    with reported_problems() as problems:
        found = measure_fidelity(iter_recordings(options.dataset, options.root))
        if not found:
            raise ValueError(
                f'{options.dataset}: expected recordings with a skeleton and an IMU at a placement '
                'that can be simulated, none came'
            )
    figures = {placement: fidelity.to_dict() for placement, fidelity in sorted(found.items())}
    report = {'dataset': options.dataset, 'virtual_imu': figures, 'problems': problems}
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
    write_json(report, options.json)
    return 0


def _fit_likeness(options: argparse.Namespace) -> int:
    from mujo_core.evaluation.likeness import (
        FEW,
        fit_to_pairs,
        measure_gain,
        samples_of,
        simulated_pairs,
    )
    from mujo_core.virtual_imu import fit_likeness, write_likeness

    kind = options.likeness_kind
    with reported_problems() as problems:
        recordings = iter_recordings(options.dataset, options.root)
        if options.beside:
            virtual = samples_of(iter_recordings('fimad', options.beside))
            likeness, gains = fit_likeness(virtual, samples_of(recordings), kind), {}
        else:
            pairs = simulated_pairs(recordings)
            if not pairs:
                raise ValueError(
                    f'{options.dataset}: expected skeletons beside IMUs at a placement that can be '
                    'simulated, none came; name a `mujo build` of like activities as --beside BUILD'
                )
            likeness, gains = fit_to_pairs(pairs, kind), measure_gain(pairs, kind)
    write_likeness(likeness, options.likeness)
    report = {
        'dataset': options.dataset,
        'kind': kind,
        'placements': list(likeness.knots),
        'likeness': {placement: gain.to_dict() for placement, gain in gains.items()},
        'problems': problems,
    }
    if gains:
        print_table(
            f'{options.dataset}: virtual IMUs beside real ones, before > after; fitted to '
            f'{FEW} recordings, judged on a person of whom none is',
            ['figure', *gains],
            [
                [f'{what} {name}', *(f'{a:.3f} > {b:.3f}' for a, b in pairs_of)]
                for what in ('distance', 'correlation')
                for name, pairs_of in _by_figure([getattr(g, what) for g in gains.values()])
            ],
        )
    else:
        print('how much nearer it brings others is measured where two people or more have '
              'skeletons beside their IMUs')  # fmt: skip
    for problem in problems:
        print(f'problem: {problem}')
    write_json(report, options.json)
    print(f'written to {options.likeness}, for {", ".join(likeness.knots)}')
    return 0


def _by_figure(
    rows: list[dict[str, tuple[float, float]]],
) -> list[tuple[str, list[tuple[float, float]]]]:
    return [(name, [row[name] for row in rows]) for name in rows[0]]


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
