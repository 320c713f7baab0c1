"""`mujo compare`: our reports beside published numbers, as a page."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        'reports',
        nargs='+',
        metavar='REPORT',
        help='JSON of mujo evaluate --protocol robustness; of several, each tested other '
        'people or is of another seed',
    )
    parser.add_argument('--published', metavar='FILE', help='YAML (default: the packaged one)')
    parser.add_argument(
        '--output',
        default='doc/comparison.md',
        help='the page (default: doc/comparison.md under the current folder)',
    )


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Read, join and write."""
    from mujo_core.evaluation.published import (
        check_reports,
        comparison,
        read_published,
        read_report,
    )

    published = read_published(options.published)
    reports = [read_report(path) for path in options.reports]
    check_reports(reports, options.reports, published)
    page = comparison(reports, published, f'mujo compare {" ".join(options.reports)}')
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    Path(options.output).write_text(page, encoding='utf-8')
    print(f'{options.output}: {len(reports)} reports beside published numbers')
    return 0
