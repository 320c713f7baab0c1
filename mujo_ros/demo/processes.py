"""The demo's processes: a ROS domain of their own, a log each, and an end for all of them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

SHARED_MEMORY_NEEDED = 64 * 2**20  # bytes free in /dev/shm for images to go that way
DOMAINS = range(51, 102)  # their ports lie below the ephemeral ones; tests have those below 51


class DemoError(RuntimeError):
    """The demo cannot go on; the text is one line for people."""


def free_domain() -> int:
    """A ROS domain in which nobody on this machine listens."""
    candidates = list(DOMAINS)
    random.shuffle(candidates)
    for domain in candidates:
        if is_free(domain):
            return domain
    raise DemoError(f'expected a free ROS domain out of {len(DOMAINS)}, all are in use')


def is_free(domain: int) -> bool:
    """Whether nobody on this machine listens in a ROS domain."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # The first participant of a domain listens here (RTPS 9.6.1.1).
            probe.bind(('', 7410 + 250 * domain))
        except OSError:
            return False
    return True


def local_environment(domain: int) -> dict[str, str]:
    """Variables that keep ROS in `domain` on this machine, with shared memory for images."""
    variables = {
        'ROS_DOMAIN_ID': str(domain),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'PYTHONUNBUFFERED': '1',
    }
    profile = _config('fastdds_shm.xml')
    memory = Path('/dev/shm')
    if profile and memory.is_dir() and shutil.disk_usage(memory).free > SHARED_MEMORY_NEEDED:
        old = os.environ.get('ROS_DISTRO') in ('humble', 'iron', 'jazzy')
        variables[f'{"FASTRTPS" if old else "FASTDDS"}_DEFAULT_PROFILES_FILE'] = str(profile)
    return variables


def _config(name: str) -> Path | None:
    """A file of config/, in a checkout or installed."""
    root = Path(__file__).parents[2]
    prefixes = [Path(p) for p in os.environ.get('AMENT_PREFIX_PATH', '').split(':') if p]
    places = [root, *(p / 'share' / 'mujo_ros' for p in (Path(sys.prefix), *prefixes))]
    found = (place / 'config' / name for place in places)
    return next((path for path in found if path.is_file()), None)


class Children:
    """Processes that this one started; leaving the context ends them and no others.

    Args:
        logs: folder for a log file a process.
        environment: of the processes, on top of this one's.
    """

    def __init__(self, logs: Path, environment: dict[str, str]) -> None:
        self._logs = logs
        self._environment = {**os.environ, **environment}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str) -> None:
        """Run this Python with `arguments`."""
        with (self._logs / f'{name}.log').open('wb') as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches only this process, which ends the others
            )

    def check(self) -> None:
        """Raise `DemoError` for a process that ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise DemoError(self._obituary(name, process.returncode))

    def finished(self, name: str) -> bool:
        """Whether a process that is to end by itself did; `DemoError` if it failed."""
        code = self._running[name].poll()
        if code is None:
            return False
        if code != 0:
            raise DemoError(self._obituary(name, code))
        del self._running[name]
        return True

    def _obituary(self, name: str, code: int) -> str:
        log = self._logs / f'{name}.log'
        lines = log.read_text(errors='replace').strip().splitlines()
        said = lines[-1] if lines else 'nothing'
        return f'{name} ended with exit code {code}, its last line: {said} (all of it: {log})'

    def stop(self, names: Sequence[str] = (), patience: float = 5.0) -> None:
        """Interrupt some processes (all without names), kill what does not end in `patience` s."""
        chosen = {n: p for n, p in self._running.items() if not names or n in names}
        for process in chosen.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + patience
        for name, process in chosen.items():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            del self._running[name]

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
