"""`mujo export`: write a checkpoint as ONNX, and check that it says the same."""

from __future__ import annotations

import argparse
from pathlib import Path

from mujo_core.cli.report import write_json

TOLERANCE = 1e-4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('file', help='the ONNX file to write')
    parser.add_argument('--checkpoint', help='checkpoint folder (default: the packaged one)')
    parser.add_argument('--taught', help='a file of `mujo teach`, whose labels are said too')
    parser.add_argument(
        '--labels',
        nargs='+',
        default=[],
        help='names, "name: description", a .yaml file; + for all',
    )
    parser.add_argument(
        '--false-alarm-rate', type=float, default=0.05,
        help='share of known activities that may be said to be unknown (default: 0.05)',
    )  # fmt: skip
    parser.add_argument('--json', metavar='FILE', help='write the figures')


def run(options: argparse.Namespace, _: list[str]) -> int:
    """Export, compare with torch, say what was written; 1 where the two do not agree."""
    from mujo_core.export.agreement import largest_difference
    from mujo_core.export.onnx_file import input_names, require, write_onnx
    from mujo_core.model.checkpoint import load_checkpoint
    from mujo_core.recognition.decision import check_alarm_rate
    from mujo_core.recognition.taught import load_taught
    from mujo_core.recognition.vocabulary import Vocabulary

    require('onnx', 'onnxscript', 'onnxruntime')
    check_alarm_rate(options.false_alarm_rate)
    checkpoint = load_checkpoint(options.checkpoint)
    taught = load_taught(options.taught) if options.taught else None
    vocabulary = Vocabulary(checkpoint, taught)
    vocabulary.choose(options.labels)
    write_onnx(checkpoint, vocabulary.space, options.file, options.false_alarm_rate)
    difference = largest_difference(
        checkpoint, vocabulary.space, options.file, options.false_alarm_rate
    )
    size = Path(options.file).stat().st_size
    report = {
        'file': str(options.file),
        'bytes': size,
        'labels': list(vocabulary.space.names),
        'inputs': list(input_names(checkpoint)),
        'difference': difference,
    }
    write_json(report, options.json)
    print(
        f'{options.file}: {size / 1e6:.1f} MB, {len(vocabulary.space.names)} labels; differs from '
        f'torch by at most {difference:.1e} (random windows of every subset of modalities)'
    )
    if vocabulary.space.distinction is not None:
        print('taught labels: by their vectors alone; the details of their examples are not in it')
    return 0 if difference <= TOLERANCE else 1
