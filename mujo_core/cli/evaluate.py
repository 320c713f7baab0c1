"""`mujo evaluate`: score a checkpoint on a data set, by a protocol."""

from __future__ import annotations

import argparse
import math
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from mujo_core.cli.report import print_table, write_json
from mujo_core.datasets.registry import DATASETS, get_dataset, load_recordings
from mujo_core.recording import MODALITIES, Recording

TAKES_OVERRIDES = True
_FITTING = 'low_label'
_BESIDE = ('full', 'robustness', 'low_label')
_TRAINED = 'late_fusion'
_DRAWN = ('low_label', 'taught', 'unknown')
"""What draws or fits anew for each seed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from mujo_core.evaluation.baselines import baselines
    from mujo_core.evaluation.examples import UNITS
    from mujo_core.evaluation.registry import protocols

    summaries = {**protocols(), **{f'--baseline {n}': s for n, s in baselines().items()}}
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = '\n'.join(f'{name}: {summary}' for name, summary in summaries.items())
    parser.add_argument(
        '--protocol', default='full', help=f'one of {", ".join(protocols())} (default: full)'
    )
    parser.add_argument(
        '--checkpoint',
        nargs='+',
        metavar='DIR',
        help='checkpoint folder (default: the packaged one); of several, mean and spread are given',
    )
    parser.add_argument('--dataset', required=True, help=f'one of {", ".join(DATASETS)}')
    parser.add_argument('--root', default='', help='the data set folder')
    parser.add_argument('--split', help='published split (default: all subjects)')
    parser.add_argument('--subjects', nargs='+', help='these subjects instead of a split')
    parser.add_argument('--modalities', nargs='+', help='use these alone (default: all)')
    parser.add_argument('--unit', choices=UNITS, help="what is scored (default: the data set's)")
    parser.add_argument('--stride', type=float, help='seconds between windows')
    parser.add_argument(
        '--seeds',
        nargs='+',
        type=int,
        help=f'of what is drawn or fitted ({", ".join(_DRAWN)}; default: 0 1 2); of corruptions '
        'and baselines a single one (default: 0)',
    )
    parser.add_argument(
        '--baseline',
        nargs='+',
        default=[],
        metavar='NAME',
        help=f'put beside ours, any of {", ".join(baselines())} ({", ".join(_BESIDE)}), '
        'or another checkpoint (robustness)',
    )
    parser.add_argument(
        '--amounts', nargs='+', default=[], help='of labelled windows: 2%% 5/class (low_label)'
    )
    parser.add_argument(
        '--corruptions', nargs='+', default=[], metavar='NAME', help='these alone (robustness)'
    )
    parser.add_argument(
        '--config', help='YAML file of training settings (low_label, --baseline late_fusion)'
    )
    parser.add_argument('--report', metavar='DIR', help='write report.md, report.json, pictures')
    parser.add_argument('--json', metavar='FILE', help='write the figures')


def _other_people(options: argparse.Namespace, tested: Collection[str]) -> list[Recording]:
    """Recordings to fit on: the published training split's beside a test split, else all others."""
    published = options.split == 'test' and not options.subjects
    recordings = load_recordings(
        options.dataset, options.root, split='train' if published else None
    )
    others = [r for r in recordings if r.subject not in tested]
    if not others:
        raise ValueError(
            f'expected people under {options.root} to fit on beside the tested ones, none is left; '
            'test fewer with --subjects or --split'
        )
    return _only(others, options.modalities)


def _only(recordings: list[Recording], modalities: list[str] | None) -> list[Recording]:
    if not modalities:
        return recordings
    kept = [r for r in (r.only(modalities) for r in recordings) if r.streams]
    if not kept:
        there = [m for m in MODALITIES if any(m in r.modalities for r in recordings)]
        raise ValueError(
            f'expected recordings with {", ".join(modalities)}; these have {", ".join(there)}'
        )
    return kept


def _check(options: argparse.Namespace, overrides: list[str]) -> None:
    """Refuse what the chosen protocol would not heed."""
    fitting = [*overrides, *filter(None, [options.config])]
    trains = options.protocol == _FITTING or _TRAINED in options.baseline
    if (fitting and not trains) or (options.amounts and options.protocol != _FITTING):
        raise ValueError(
            f'expected training settings with --protocol {_FITTING} or --baseline {_TRAINED} and '
            f'amounts with {_FITTING} alone, {" ".join([*fitting, *options.amounts])} came with '
            f'{options.protocol}; leave them out'
        )
    if options.baseline:
        from mujo_core.evaluation.baselines import get_baseline

        for name in options.baseline:
            if options.protocol != 'robustness' or not Path(name).is_dir():
                get_baseline(name)
        if options.protocol not in _BESIDE:
            raise ValueError(
                f'expected --baseline with --protocol {" or ".join(_BESIDE)}, it came with '
                f'{options.protocol}'
            )
    if options.corruptions:
        from mujo_core.corruptions import get_corruption

        for name in options.corruptions:
            get_corruption(name)
        if options.protocol != 'robustness':
            raise ValueError(
                f'expected --corruptions with --protocol robustness, it came with '
                f'{options.protocol}'
            )
    if options.seeds and options.protocol not in _DRAWN:
        fitted = options.baseline or options.protocol == 'robustness'
        if not fitted or len(options.seeds) > 1:
            raise ValueError(
                f'expected --seeds with --protocol {" or ".join(_DRAWN)}, and a single one with '
                f'robustness or --baseline; {" ".join(map(str, options.seeds))} came with '
                f'{options.protocol}; leave them out'
            )
    if options.stride is not None and not 0 < options.stride < math.inf:
        raise ValueError(
            f'expected --stride as seconds above 0, such as 0.25; {options.stride} came'
        )


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Score, print and write."""
    from mujo_core.evaluation.examples import unit_of_seconds
    from mujo_core.evaluation.registry import Task, get_protocol, run_protocol
    from mujo_core.evaluation.report import cell, rounded, write_report
    from mujo_core.evaluation.runs import join_runs
    from mujo_core.model.checkpoint import DEFAULT, load_checkpoint
    from mujo_core.video.prepare import Preparer, prepare_recordings

    get_protocol(options.protocol)  # refuses another name before anything is read
    _check(options, overrides)
    folders = options.checkpoint or [str(DEFAULT)]
    checkpoints = [load_checkpoint(folder) for folder in folders]
    dataset = get_dataset(options.dataset)
    split = None if options.subjects else options.split
    seconds: list[float] = []

    def measure(recording: Recording) -> None:
        seconds.extend(part.end - part.start for part in recording.activities())

    # Whoever is tested, the unit is that of the whole data set.
    recordings = load_recordings(
        options.dataset, options.root, options.subjects, split, see=measure
    )
    recordings = _only(recordings, options.modalities)
    spec = checkpoints[0].window
    recordings = prepare_recordings(recordings, Preparer(spec.video, spec.video_rate))
    people = {r.subject for r in recordings}
    task = Task(
        checkpoint=checkpoints[0],
        checkpoint_name=folders[0],
        dataset=options.dataset,
        split='subjects' if options.subjects else options.split or 'all',
        tested=recordings,
        training=lambda: _other_people(options, people),
        labels=tuple(dataset.labels),
        # A published protocol of windows is scored by windows.
        unit=options.unit or ('window' if dataset.windows else unit_of_seconds(seconds, spec)),
        stride=options.stride,
        seeds=tuple(options.seeds or (0, 1, 2)),
        baselines=tuple(dict.fromkeys(options.baseline)),
        corruptions=tuple(options.corruptions),
        settings=(options.config, overrides),
        amounts=tuple(options.amounts),
        say=lambda line: print(line, flush=True),
    )
    tasks = [
        replace(task, checkpoint=checkpoint, checkpoint_name=folder)
        for checkpoint, folder in zip(checkpoints, folders, strict=True)
    ]
    result = join_runs([run_protocol(options.protocol, task) for task in tasks])
    for table in result.tables:
        print_table(table.title, table.columns, [[*map(cell, row)] for row in table.rows])
    for note in result.notes:
        print(note)
    # After the printing, which no full disk can take away.
    write_json(rounded(result.data), options.json)
    if options.report:
        write_report(result, options.protocol, options.report)
        print(f'report in {Path(options.report) / "report.md"}')
    return 0
