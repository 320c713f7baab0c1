"""What a data set holds, in figures."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mujo_core.recording import Recording

log = logging.getLogger(__name__)

_LOADERS = 'mujo_core.datasets'  # the logger above those of all loaders


class Summary:
    """Counts recordings as they pass by, so that none has to be kept."""

    def __init__(self) -> None:
        self.recordings = 0
        self.seconds = 0.0
        self.subjects: set[str] = set()
        self.classes: Counter[str] = Counter()
        self.class_seconds: defaultdict[str, float] = defaultdict(float)
        self.streams: Counter[str] = Counter()
        self.steps: defaultdict[str, list[float]] = defaultdict(list)

    def watch(self, recordings: Iterable[Recording]) -> Iterator[Recording]:
        """Yield the recordings, counted."""
        for recording in recordings:
            self.add(recording)
            yield recording

    def add(self, recording: Recording) -> None:
        """Count a recording."""
        self.recordings += 1
        self.seconds += recording.end - recording.start
        self.subjects.add(recording.subject)
        for segment in recording.segments:
            self.classes[segment.label] += 1
            self.class_seconds[segment.label] += segment.end - segment.start
        for name, stream in recording.streams.items():
            self.streams[name] += 1
            if len(stream) > 1:
                self.steps[name].append(float(np.median(np.diff(stream.stamps))))

    def to_dict(self) -> dict[str, Any]:
        """Return the figures: hours, counts and seconds by class, count and Hz by stream."""
        return {
            'recordings': self.recordings,
            'subjects': sorted(self.subjects, key=lambda s: (len(s), s)),
            'hours': round(self.seconds / 3600, 4),
            'classes': dict(self.classes),
            'class_seconds': {name: round(s, 1) for name, s in self.class_seconds.items()},
            'streams': dict(self.streams),
            'rates': {n: round(1 / float(np.median(s)), 2) for n, s in self.steps.items()},
        }


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def collected_problems() -> Iterator[list[str]]:
    """Collect what loaders warn of while the context lasts, one line each."""
    logger, collector = logging.getLogger(_LOADERS), _Collector()
    logger.addHandler(collector)
    try:
        yield collector.lines
    finally:
        logger.removeHandler(collector)


@contextmanager
def reported_problems() -> Iterator[list[str]]:
    """Collect problems for a report that lists them: they go to the log only where none comes."""
    logger, problems = logging.getLogger(_LOADERS), list[str]()
    logger.propagate = False
    try:
        with collected_problems() as problems:
            yield problems
    except BaseException:
        logger.propagate = True
        for problem in problems:
            log.warning('%s', problem)
        raise
    finally:
        logger.propagate = True
