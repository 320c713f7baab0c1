"""`mujo bench`: measure speed, each figure beside what cannot be beaten."""

from __future__ import annotations

import argparse
import sys
from statistics import median

from mujo_core.cli.report import print_table, write_json

TAKES_OVERRIDES = True
COLUMNS = ['figure', 'unit', 'value', 'spread', 'limit', 'x limit']


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        'what',
        nargs='?',
        choices=('recognition', 'train', 'robustness', 'build'),
        default='recognition',
        help='recognition (default); train: windows a second, and the waiting for data; '
        'robustness: where the time of that protocol goes; build: pictures a second beside '
        'MediaPipe alone, and two workers beside one',
    )
    parser.add_argument('--checkpoint', help='checkpoint folder (default: the packaged one)')
    parser.add_argument('--config', help='train: YAML file of settings (see config/)')
    parser.add_argument('--dataset', help='robustness: instead of made-up clips')
    parser.add_argument('--root', default='', help='robustness: the data set folder')
    parser.add_argument('--video', help="build: a video file (default: sports2d's)")
    parser.add_argument('--quick', action='store_true', help='under 20 s, coarser figures')
    parser.add_argument('--json', metavar='FILE', help='write the figures')


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Measure and report; 1 when a part could not be measured."""
    if options.what == 'train':
        return _bench_train(options, overrides)
    if options.what == 'build':
        return _bench_build(options, overrides)
    if overrides or options.config:
        raise ValueError('settings of training are for `mujo bench train`; leave them out')
    if options.what == 'robustness':
        return _bench_robustness(options)
    return _bench_recognition(options)


def _bench_robustness(options: argparse.Namespace) -> int:
    from mujo_core.evaluation.robustness_benchmark import made_up_clips, measure_robustness
    from mujo_core.model.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(options.checkpoint)
    if options.dataset:
        from mujo_core.datasets.registry import load_recordings

        recordings = load_recordings(options.dataset, options.root)
        recordings = [r.only(['pose', 'imu']) for r in recordings]
        recordings = [r for r in recordings if r.streams][:: 8 if options.quick else 1]
    else:
        recordings = made_up_clips(list(checkpoint.labels), 8 if options.quick else 32)
    report = measure_robustness(checkpoint, recordings, options.dataset or 'made-up clips')
    write_json(report, options.json)
    machine, count = report['machine'], report['clips'] * report['cases']
    print_table(
        f'{report["clips"]} clips ({report["dataset"]}), {report["cases"]} cases, '
        f'{_number(report["seconds"])} s, {_number(report["cpu_seconds"])} s of CPU; '
        f'{machine["cpus"]} CPUs with a load of {machine["load_before"]:.1f} before, torch on '
        f'{machine["torch_threads"]} threads; 430 clips take {_number(report["reckoned_s"])} s '
        'of CPU',
        ['step', 's of CPU', 'ms a clip and case'],
        [
            [step, _number(seconds), _number(1e3 * seconds / count)]
            for step, seconds in report['steps'].items()
        ],
    )
    print_table(
        'the slowest', ['case', 's of CPU'], [[n, _number(s)] for n, s in report['slowest']]
    )
    return 0


def _bench_train(options: argparse.Namespace, overrides: list[str]) -> int:
    from mujo_core.training.benchmark import measure_training
    from mujo_core.training.config import read_config

    report = measure_training(
        read_config(options.config, overrides), steps=10 if options.quick else 40
    )
    write_json(report, options.json)
    machine, step, wait = report['machine'], report['step_ms'], report['wait_ms']
    print_table(
        f'{report["steps"]} steps of {report["batch_size"]} windows, {report["data"]}, '
        f'{report["workers"]} loader processes, {report["precision"]} bit; {machine["device"]}, '
        f'{machine["cpus"]} CPUs with a load of {machine["load_before"]:.1f} before',
        ['figure', 'unit', 'value', 'p99'],
        [
            ['windows trained', '1/s', _number(report['windows_per_second']), ''],
            ['  without the waiting', '1/s', _number(report['compute_windows_per_second']), ''],
            ['a step', 'ms', _number(step['p50']), _number(step['p99'])],
            ['  of it waiting for data', 'ms', _number(wait['p50']), _number(wait['p99'])],
            ['  share of all time', '%', _number(100 * report['loading_share']), ''],
            ['CPU time of drawing a window', 'ms', _number(report['draw_cpu_ms']), ''],
        ],
    )
    return 0


def _bench_build(options: argparse.Namespace, overrides: list[str]) -> int:
    from mujo_core.builder.benchmark import measure_build
    from mujo_core.builder.settings import read_settings

    settings = read_settings(options.config, overrides)
    report = measure_build(options.video, settings, repeats=2 if options.quick else 5)
    write_json(report, options.json)
    machine, workers = report['machine'], report['workers']
    rows = [
        ['MediaPipe alone, pictures a second of CPU time', report['alone']],
        ['build, pictures a second of CPU time', report['build']],
        ['clips a second, 1 worker', workers[1]],
        ['clips a second, 2 workers', workers[2]],
    ]
    print_table(
        f'{report["pictures"]} pictures of {report["video"]}, up to {report["people"]} people; '
        f'{machine["cpus"]} CPUs with a load of {machine["load_before"]:.1f} before and '
        f'{machine["load_after"]:.1f} after',
        ['figure', 'median', 'lowest..highest'],
        [[n, _number(median(v)), f'{_number(min(v))}..{_number(max(v))}'] for n, v in rows]
        + [
            ['build beside MediaPipe alone (at least 0.85)', f'{report["ratio"]:.2f}', ''],
            ['two workers beside one (at least 1.7)', f'{report["speedup"]:.2f}', ''],
            ['the same on free cores, by CPU time', f'{report["speedup_by_cpu"]:.2f}', ''],
            ['video built in real time by a core', f'{report["real_time"]:.2f} x', ''],
        ],
    )
    return 0


def _bench_recognition(options: argparse.Namespace) -> int:
    from mujo_core.evaluation.benchmark import measure

    report = measure(options.checkpoint, options.quick)
    write_json(report, options.json)
    limits = list(dict.fromkeys(figure['limit_name'] for figure in report['figures']))
    rows: list[list[str]] = []
    group = ''
    for figure in report['figures']:
        if figure['group'] != group:
            group = figure['group']
            rows.append([group, *[''] * 5])
        value, low, high, limit = (_number(figure[k]) for k in ('value', 'low', 'high', 'limit'))
        mark = limits.index(figure['limit_name']) + 1
        rows.append(
            [
                f'  {figure["name"]}',
                figure['unit'],
                value,
                f'{low}..{high}',
                f'{limit} ({mark})',
                f'{figure["ratio"]:.2f}',
            ]
        )
    rows += [[what, '', '', 'left out', '', ''] for what in report['left_out']]
    machine = report['machine']
    title = (
        f'{machine["cpus"]} CPUs with a load of {machine["load_before"]:.1f} before and '
        f'{machine["load_after"]:.1f} after; torch {machine["torch"]} on one thread'
    )
    print_table(title, COLUMNS, rows)
    print('spread: lowest..highest repeat; %: of one core; x limit: cost over that of the limit')
    for mark, limit_name in enumerate(limits, start=1):
        print(f'({mark}) {limit_name}')
    for what, why in report['left_out'].items():
        print(f'left out: {what}: {why}')
    if report['failed']:
        print(f'mujo bench: {report["failed"]}', file=sys.stderr)
        return 1
    return 0


def _number(value: float) -> str:
    """Three digits, with k or M for large numbers."""
    for size, suffix in ((1e6, 'M'), (1e3, 'k')):
        if abs(value) >= 0.9995 * size:
            return _number(value / size) + suffix
    return f'{value:.0f}' if abs(value) >= 99.95 else f'{value:.3g}'
