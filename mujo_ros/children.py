"""Processes that a measurement starts, what they say, and what they cost."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_TICKS_A_SECOND = os.sysconf('SC_CLK_TCK')
_PAGE = os.sysconf('SC_PAGE_SIZE')


class MeasurementError(RuntimeError):
    """Something did not come about; one line."""


@dataclass(frozen=True)
class Child:
    """A Python process and the file it logs to."""

    process: subprocess.Popen[str]
    log: IO[str]

    @property
    def last_line(self) -> str:
        """The last line that it logged."""
        self.log.seek(0)
        return (self.log.read().strip().splitlines() or ['nothing'])[-1]

    @property
    def resident_mib(self) -> float:
        """Memory that it holds, MiB."""
        pages = int(Path(f'/proc/{self.process.pid}/statm').read_text().split()[1])
        return pages * _PAGE / 2**20


@contextmanager
def running(arguments: Sequence[str]) -> Iterator[Child]:
    """A Python process that ends with the context."""
    with tempfile.TemporaryFile('w+', prefix='mujo_bench_') as log:
        process = subprocess.Popen([sys.executable, *arguments], stdout=log, stderr=log, text=True)
        try:
            yield Child(process, log)
        finally:
            process.terminate()
            try:
                process.wait(5.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def check_alive(children: Mapping[str, Child]) -> None:
    """Raise `MeasurementError` where one has ended."""
    for name, child in children.items():
        if child.process.poll() is not None:
            raise MeasurementError(
                f'{name} ended with status {child.process.returncode} and said: {child.last_line}'
            )


def _stat_seconds(path: Path) -> tuple[str, float]:
    """Name and CPU seconds so far, of a `stat` file of /proc."""
    head, _, tail = path.read_text().rpartition(')')
    user, system = tail.split()[11:13]
    return head.partition('(')[2], (int(user) + int(system)) / _TICKS_A_SECOND


def cpu_seconds(pid: int) -> dict[str, float]:
    """CPU seconds of a process so far: ``all``, its ``main`` thread, every other by its number.

    Threads of DDS are in ``all`` only.
    """
    spent = {'all': _stat_seconds(Path(f'/proc/{pid}/stat'))[1]}
    for task in Path(f'/proc/{pid}/task').iterdir():
        name, seconds = _stat_seconds(task / 'stat')
        if not name.startswith('dds.'):
            spent['main' if int(task.name) == pid else task.name] = seconds
    return spent


def cpu_percent(
    before: dict[str, float], after: dict[str, float], seconds: float
) -> dict[str, float]:
    """Percent of a core in between, by the keys of `cpu_seconds`."""
    return {key: 100.0 * (s - before.get(key, 0.0)) / seconds for key, s in after.items()}
