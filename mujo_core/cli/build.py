"""`mujo build`: videos and motion capture to parallel clips in shards."""

from __future__ import annotations

import argparse

from mujo_core.cli.report import print_table, write_json

TAKES_OVERRIDES = True
_NAMED = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('sources', help='a folder of videos and motion capture, or a manifest')
    parser.add_argument('--output', required=True, help='folder for shards, card and report')
    parser.add_argument('--config', help='YAML file of settings (see config/build)')
    parser.add_argument('--workers', type=int, default=1, help='processes of this machine')
    parser.add_argument(
        '--ray',
        metavar='ADDRESS',
        default='',
        help="work on a Ray cluster ('auto', HOST:PORT) or by Ray on this machine ('local')",
    )
    parser.add_argument('--json', metavar='FILE', help='write what build.json holds')
    parser.epilog = (
        'any setting is changed by --section.key VALUE, e.g. --pose.people 1; a build that was '
        'killed continues when it is started again'
    )


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Build, and name what failed; 1 when nothing could be built."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from mujo_core.builder.run import build
    from mujo_core.builder.settings import read_settings

    settings = read_settings(options.config, overrides)
    bar = Progress(
        TextColumn('clips'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn('{task.fields[failed]} failed'),
    )  # fmt: skip
    with bar:
        task = bar.add_task('clips', total=None, failed=0)
        content = build(
            options.sources,
            options.output,
            settings,
            workers=options.workers,
            ray=options.ray,
            progress=lambda p: bar.update(
                task, completed=p.done, total=p.all, failed=p.failed, refresh=p.done == p.all
            ),
        )
    write_json(content, options.json)
    shards = content['shards']
    print_table(
        f'built in {options.output}',
        ['what', 'count'],
        [
            ['clips worked on', str(content['clips'])],
            ['samples', str(content['samples'])],
            ['hours', f'{content["hours"]:.2f}'],
            ['shards', str(len(shards))],
            ['megabytes', f'{sum(shard["bytes"] for shard in shards) / 1e6:.1f}'],
            ['stretches left out', str(len(content['left_out']))],
            ['failed', str(len(content['failures']))],
        ],
    )
    lines = [f'failed: {one["name"]}: {one["reason"]}' for one in content['failures']]
    lines += [
        f'left out: {one["clip"]}, from {one["start"]:.1f} s to {_end(one["end"])}: {one["reason"]}'
        for one in content['left_out']
    ]
    for line in lines[:_NAMED]:
        print(line)
    if len(lines) > _NAMED:
        print(f'... and {len(lines) - _NAMED} more in {options.output}/build.json')
    return 0 if content['samples'] else 1


def _end(seconds: float) -> str:
    return f'{seconds:.1f} s' if seconds >= 0 else 'its end'
