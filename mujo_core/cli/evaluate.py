"""`mujo evaluate`: score a checkpoint on a data set."""

from __future__ import annotations

import argparse
from typing import Any

from mujo_core.cli.report import print_table, write_json
from mujo_core.datasets.registry import DATASETS, get_dataset, load_recordings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('--checkpoint', help='checkpoint folder (default: the packaged one)')
    parser.add_argument('--dataset', required=True, help=f'one of {", ".join(DATASETS)}')
    parser.add_argument('--root', default='', help='the data set folder')
    parser.add_argument('--split', help='published split (default: all subjects)')
    parser.add_argument('--subjects', nargs='+', help='these subjects instead of a split')
    parser.add_argument('--json', metavar='FILE', help='write the figures')


def run(options: argparse.Namespace, _: list[str]) -> int:
    """Score and report."""
    from mujo_core.evaluation.full import evaluate_full
    from mujo_core.model.checkpoint import DEFAULT, load_checkpoint

    checkpoint = load_checkpoint(options.checkpoint)
    split = None if options.subjects else options.split
    recordings = load_recordings(options.dataset, options.root, options.subjects, split)
    results = evaluate_full(checkpoint, recordings, get_dataset(options.dataset).labels)
    subjects: list[Any] = sorted({r.subject for r in recordings})
    subjects = [int(s) if s.isdigit() else s for s in subjects]
    report = {
        'dataset': options.dataset,
        'split': 'subjects' if options.subjects else options.split or 'all',
        'subjects': sorted(subjects, key=str),
        'recordings': len(recordings),
        'checkpoint': str(options.checkpoint or DEFAULT),
        'subsets': {name: scores.to_dict() for name, scores in results.items()},
    }
    write_json(report, options.json)
    rows = [
        [name, f'{s.accuracy:.4f}', f'{s.macro_f1:.4f}', f'{s.ece:.4f}', str(s.n)]
        for name, s in results.items()
    ]
    title = f'{options.dataset}, subjects {" ".join(map(str, report["subjects"]))}'
    print_table(title, ['modalities', 'accuracy', 'macro-F1', 'ECE', 'recordings'], rows)
    return 0
