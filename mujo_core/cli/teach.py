"""`mujo teach`: add an activity by showing it once to a few times, list what was taught, undo."""

from __future__ import annotations

import argparse
import math
import shlex
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mujo_core.cli.report import print_table, write_json
from mujo_core.datasets.registry import DATASETS, load_recordings
from mujo_core.labels import identifier
from mujo_core.recording import Recording


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('name', nargs='?', help='of the activity, such as "wipe the table"')
    parser.add_argument('--bag', help='a bag that shows it: a folder, a .mcap or a .db3 file')
    parser.add_argument('--dataset', help=f'or a data set: one of {", ".join(DATASETS)}')
    parser.add_argument('--root', default='', help="the data set's folder")
    parser.add_argument(
        '--recording', nargs='+', default=[], help='names of its recordings (a1_s7_t*)'
    )
    parser.add_argument(
        '--from', dest='start', nargs='+', type=float, default=[], metavar='S',
        help='seconds of the recording at which an example starts; several for several examples',
    )  # fmt: skip
    parser.add_argument(
        '--to', dest='end', nargs='+', type=float, default=[], metavar='S', help='and where it ends'
    )
    parser.add_argument('--description', default='', help='words for a label of your own')
    parser.add_argument('--checkpoint', help='checkpoint folder (default: the packaged one)')
    parser.add_argument(
        '--file', help='what is taught is kept there (default: taught.yaml beside the checkpoint)'
    )
    parser.add_argument('--list', action='store_true', help='say what was taught')
    parser.add_argument('--forget', action='store_true', help='undo what was taught of the name')
    parser.add_argument('--json', metavar='FILE', help='write what it collides with')


def run(options: argparse.Namespace, _: list[str]) -> int:
    """Teach, list or forget."""
    from mujo_core.recognition.taught import default_file, forget, load_taught, save_taught

    _check(options)
    file = Path(options.file) if options.file else default_file(options.checkpoint)
    if options.list and options.file and not file.exists():
        raise ValueError(f'expected a file of `mujo teach`, {file} is not there')
    taught = load_taught(file) if file.exists() else {}
    if options.list:
        rows = [
            [name, str(len(label.examples)), ', '.join(label.subsets), label.label.description]
            for name, label in taught.items()
        ]
        print_table(f'taught, in {file}', ['label', 'examples', 'sensors', 'words'], rows)
        return 0
    if options.forget:
        name = identifier(options.name)
        save_taught(forget(taught, name), file)
        print(f'forgot {name}; {len(taught) - 1} taught labels are left in {file}')
        return 0

    from mujo_core.model.checkpoint import load_checkpoint
    from mujo_core.recognition.teaching import example_windows, label_named, show

    examples = _examples(options)
    checkpoint = load_checkpoint(options.checkpoint)
    known = taught.get(identifier(options.name))
    if known and options.description not in ('', known.label.description):
        raise ValueError(
            f'{known.label.name!r} was taught as {known.label.description!r}: leave out '
            '--description, or forget it first'
        )
    words = (
        known.label if known else label_named(checkpoint, options.name, options.description, taught)
    )
    lesson = None
    for source, recording in examples:
        lesson = show(checkpoint, taught, words, example_windows(recording, checkpoint), source)
        taught = lesson.taught
    assert lesson is not None
    save_taught(taught, file)
    report = {'file': str(file), **lesson.to_dict()}
    write_json(report, options.json)
    _print(report)
    where = [
        word
        for option, value in (('--checkpoint', options.checkpoint), ('--file', options.file))
        if value
        for word in (option, value)
    ]
    undo = shlex.join(['mujo', 'teach', lesson.name, '--forget', *where])
    print(f'kept in {file}; undo: {undo}')
    return 0


def _print(report: dict[str, Any]) -> None:
    rows = [
        [
            name,
            f'{c["nearest"]} ({c["similarity"]:.2f})',
            f'{c["own"]:.2f}',
            f'{100 * c["closer"]:.0f} %',
            f'{100 * c["said_share"]:.0f} %' + (f' ({c["said"]})' if c['said'] else ''),
            f'{100 * c["taken"]:.0f} %' + (f' ({c["taken_by"]})' if c['taken_by'] else ''),
        ]
        for name, c in report['subsets'].items()
    ]
    columns = ['sensors', 'nearest label', 'own examples', 'labels closer', 'said so far', 'lost']
    count = len(report['examples'])
    print_table(f'{report["label"]}: {count} example{"s" * (count > 1)}', columns, rows)
    if report['collides_with']:
        hit = ', '.join(report['collides_with'])
        print(f'collides with {hit}: show it again, or from another sensor')
    if not report['text']:
        print("its words do not count: no text encoder here (pip install '.[text]')")


def _check(options: argparse.Namespace) -> None:
    if options.list and options.forget:
        raise ValueError('expected either --list or --forget, both came')
    if options.list:
        return
    if not options.name:
        raise ValueError('expected the name of an activity, such as "wipe the table", none came')
    if options.forget:
        return
    if bool(options.bag) == bool(options.dataset):
        raise ValueError('expected what shows it: either --bag BAG or --dataset NAME --root DIR')
    if options.dataset and not options.recording:
        raise ValueError('expected --recording NAME beside --dataset; * stands for any letters')
    if options.bag and (options.recording or options.root):
        raise ValueError('expected --recording and --root with --dataset alone, --bag came')
    if len(options.start) != len(options.end):
        raise ValueError(
            f'expected as many --from as --to, {len(options.start)} and {len(options.end)} came'
        )
    for start, end in zip(options.start, options.end, strict=True):
        if not start < end or not math.isfinite(end - start):
            raise ValueError(f'expected --from before --to, {start:g} to {end:g} s came')


def _examples(options: argparse.Namespace) -> list[tuple[str, Recording]]:
    """Return where each example comes from, and a recording of it alone."""
    if options.bag:
        recordings = load_recordings('bag', options.bag)
        if len(recordings) != 1:
            raise ValueError(f'expected one bag, {options.bag} holds {len(recordings)}: name one')
    else:
        found = load_recordings(options.dataset, options.root)
        named = {
            pattern: [recording.name for recording in found if fnmatchcase(recording.name, pattern)]
            for pattern in options.recording
        }
        missing = [pattern for pattern, names in named.items() if not names]
        if missing:
            raise ValueError(
                f'expected recordings called {", ".join(missing)} under {options.root}, '
                'there are none; `mujo data` says what is there'
            )
        wanted = {name for names in named.values() for name in names}
        recordings = [recording for recording in found if recording.name in wanted]
    examples = []
    for recording in recordings:
        spans = list(zip(options.start, options.end, strict=True))
        if not spans and len(recording.segments) > 1:
            first = recording.segments[0]
            raise ValueError(
                f'expected --from and --to of an example, since {recording.name} shows '
                f'{len(recording.segments)} activities, of which the first is {first.label} from '
                f'{first.start:.1f} to {first.end:.1f} s; none came'
            )
        for start, end in spans or [(recording.start, recording.end)]:
            part = recording.cut(start, end)
            if not part.streams:
                raise ValueError(
                    f'expected an example within {recording.name}, which lasts from '
                    f'{recording.start:.1f} to {recording.end:.1f} s; {start:g} to {end:g} s came'
                )
            first, last = max(start, recording.start), min(end, recording.end)
            examples.append((f'{recording.name} {first:.1f}-{last:.1f} s', part))
    return examples
