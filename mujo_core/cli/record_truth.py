"""`mujo record_truth`: say by keyboard who does what, while sensors record."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from mujo_core.bags.truth_prompt import ask_truth


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('file', help='the CSV file to write, such as BAG.labels.csv')
    parser.add_argument('--labels', nargs='+', default=[], help='labels that are typed by number')
    parser.epilog = (
        "Times are this machine's clock, as the sensors' stamps are. For a bag that is replayed "
        '(simulated time) use the node: ros2 run mujo_ros record_truth'
    )


def run(options: argparse.Namespace, _: list[str]) -> int:
    """Read labels until the end of the input and write them."""
    file = Path(options.file)
    if file.exists():
        raise FileExistsError(f'{file} is there already; give a new name')
    log = ask_truth(sys.stdin, time.time, options.labels, say=print)
    log.write(file)
    print(f'{len(log.rows)} activities written to {file}')
    return 0
