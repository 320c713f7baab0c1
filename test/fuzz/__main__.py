"""Fuzzes file readers and message converters with atheris, guided by coverage.

    python test/fuzz TARGET [SECONDS]    one target, for 60 s unless told
    python test/fuzz --list              the targets

A crash, more than 10 s for an input or more than 2 GiB of memory ends it with the input kept in
the current folder, and exit code 77.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=['mujo_core', 'mujo_ros', 'yaml']):
    import readers

    try:
        import messages
    except ImportError:  # without ROS there are no messages
        messages = None

CHECKPOINT = ('config.yaml', 'labels.yaml', 'calibration.yaml', 'model.safetensors')
CONVERTERS = sorted(messages.CONVERTERS) if messages else []
TARGETS = [
    *CONVERTERS,
    *sorted(readers.READERS),
    *(f'checkpoint/{name}' for name in CHECKPOINT),
]


def main() -> int:
    if sys.argv[1:] == ['--list']:
        print(' '.join(TARGETS))
        return 0
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        print(f'expected a target out of {" ".join(TARGETS)}, got {sys.argv[1:]}', file=sys.stderr)
        return 2
    name, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60
    logging.disable(logging.CRITICAL)
    corpus = Path(tempfile.mkdtemp(prefix='mujo_fuzz_'))
    if name in CONVERTERS:

        def one(data: bytes) -> None:
            messages.attempt(name, data)

    else:
        reader = _reader(name)
        (corpus / 'whole').write_bytes(reader.whole())

        def one(data: bytes) -> None:
            readers.attempt(reader, data)

    options = [f'-max_total_time={seconds}', '-timeout=10', '-rss_limit_mb=2048']
    atheris.Setup([sys.argv[0], str(corpus), '-max_len=65536', *options], one)
    atheris.Fuzz()
    return 0


def _reader(name: str) -> readers.Reader:
    if not name.startswith('checkpoint/'):
        return readers.READERS[name]
    from mujo_core.model.checkpoint import DEFAULT

    return readers.checkpoint_reader(name.partition('/')[2], DEFAULT)


if __name__ == '__main__':
    sys.exit(main())
