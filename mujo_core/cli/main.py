"""`mujo`: train, evaluate and inspect from the command line.

Exit status: 0 done, 1 a run that failed, 2 bad use (one line says what was expected).
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module

from mujo_core import __version__

VERBS = {
    'train': 'fit a model on a data set and write a checkpoint',
    'cross_validate': 'leave one subject out, over seeds: what to choose models by',
    'ablate': 'compare a grid of settings, each cross-validated',
    'teach': 'add an activity by showing it, list what was taught, undo',
    'export': 'write a checkpoint as ONNX',
    'evaluate': 'score a checkpoint on a data set',
    'compare': 'put reports of ours beside published numbers',
    'evaluate_bag': 'score a checkpoint on a bag against ground truth',
    'record_truth': 'say by keyboard who does what, while it happens',
    'build': 'make training data from videos and motion capture',
    'data': 'say what a data set folder holds',
    'bench': 'measure speed, each figure beside its limit',
}


def make_parser(verbs: Sequence[str] = tuple(VERBS)) -> argparse.ArgumentParser:
    """Return the parser with these verbs' options (only they are imported)."""
    parser = argparse.ArgumentParser(prog='mujo', description='human activity recognition')
    parser.add_argument('--version', action='version', version=f'mujo {__version__}')
    commands = parser.add_subparsers(dest='verb', metavar='VERB', required=True)
    for verb, summary in VERBS.items():
        command = commands.add_parser(verb, help=summary, description=summary)
        if verb in verbs:
            import_module(f'mujo_core.cli.{verb}').add_arguments(command)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.WARNING, format='%(levelname)s: %(message)s')
    verb = next((a for a in arguments if a in VERBS), None)
    parser = make_parser((verb,) if verb else ())
    options, rest = parser.parse_known_args(arguments)
    module = import_module(f'mujo_core.cli.{options.verb}')
    if rest and not getattr(module, 'TAKES_OVERRIDES', False):
        parser.error(f'unknown arguments: {" ".join(rest)}')
    try:
        return int(module.run(options, rest) if rest else module.run(options, []))
    except (ValueError, OSError, ImportError) as error:
        print(f'mujo {options.verb}: {str(error).splitlines()[0]}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f'mujo {options.verb}: interrupted', file=sys.stderr)
        return 130


if __name__ == '__main__':
    raise SystemExit(main())
