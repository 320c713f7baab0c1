"""Clips worked on by processes of one machine, or by Ray on one or many.

A clip that fails, or takes its process with it, fails alone.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from mujo_core.builder.clip import Clip
from mujo_core.builder.settings import BuildSettings
from mujo_core.builder.work import build_clip

_DONE, _FAILED, _MISSING = b'+', b'-', b'!'
_ONE_THREAD = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')


@dataclass(frozen=True)
class Outcome:
    """What came of the work on a clip: its result, or a line on why there is none."""

    clip: Clip
    result: bytes | None
    error: str = ''


def by_processes(clips: Sequence[Clip], settings: BuildSettings, workers: int) -> Iterator[Outcome]:
    """Yield outcomes as they come from `workers` processes of this machine.

    Raises:
        ImportError: what the work needs is not installed.
    """
    # Each process is one worker: libraries that start threads of their own would fight over cores.
    for name in _ONE_THREAD:
        os.environ.setdefault(name, '1')
    waiting = list(reversed(clips))
    team = [_Worker(settings) for _ in range(min(workers, len(clips)))]
    try:
        for worker in team:
            worker.give(waiting.pop())
        while busy := {worker.pipe: worker for worker in team if worker.clip is not None}:
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]
                outcome = worker.take()
                if outcome is None:
                    continue
                yield outcome
                if waiting:
                    worker.give(waiting.pop())
    finally:
        for worker in team:
            worker.end()


class _Worker:
    """A process and the clip it works on; a new process where the old one has died."""

    def __init__(self, settings: BuildSettings) -> None:
        self._settings = settings
        self.clip: Clip | None = None
        self._deaths = 0
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context('spawn')
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._settings), daemon=True)
        self._process.start()
        # With the other end held by the process alone, its death is the end of the pipe.
        theirs.close()

    def give(self, clip: Clip) -> None:
        """Send a clip."""
        if not self._process.is_alive():
            self._start()
        self.clip, self._deaths = clip, 0
        self._send(clip)

    def _send(self, clip: Clip) -> None:
        try:
            self.pipe.send(clip)
        except OSError:  # It died while it had nothing to do.
            self._process.join()
            self._start()
            self.pipe.send(clip)

    def take(self) -> Outcome | None:
        """Return what came of the clip that was sent; None where it is tried once more."""
        clip = self.clip
        assert clip is not None
        try:
            answer = self.pipe.recv_bytes()
        except (EOFError, OSError):
            self._process.join()
            self._deaths += 1
            if self._deaths == 1:
                # Another process may have taken the memory: only the second time it is the clip.
                self._start()
                self._send(clip)
                return None
            self.clip = None
            return Outcome(clip, None, f'its process died ({_cause(self._process.exitcode)})')
        self.clip = None
        return _outcome(clip, answer)

    def end(self) -> None:
        """Stop the process, at once where it is at work."""
        self.pipe.close()
        if self.clip is not None:
            self._process.kill()
        self._process.join()


def _serve(pipe: Connection, settings: BuildSettings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # MediaPipe and decoders write there what says nothing; what fails comes back by the pipe.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    # What a reader warns of is noted in the sample.
    logging.getLogger('mujo_core.datasets').propagate = False
    while True:
        try:
            clip = pipe.recv()
            pipe.send_bytes(_answer(clip, settings))
        except (EOFError, OSError):
            # The builder has ended or was killed.
            return


def _answer(clip: Clip, settings: BuildSettings) -> bytes:
    try:
        return _DONE + build_clip(clip, settings)
    except ImportError as error:
        return _MISSING + str(error).encode()
    except Exception as error:  # Whatever a decoder raises for one damaged file ends that clip.
        line = (str(error).splitlines() or [''])[0] or type(error).__name__
        named = isinstance(error, ValueError | OSError)
        return _FAILED + (line if named else f'{type(error).__name__}: {line}').encode()


def _outcome(clip: Clip, answer: bytes) -> Outcome:
    kind, content = answer[:1], answer[1:]
    if kind == _MISSING:
        raise ImportError(content.decode())
    if kind == _FAILED:
        return Outcome(clip, None, content.decode())
    return Outcome(clip, content)


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        return f'signal {signal.Signals(-code).name}'
    return f'exit status {code}'


def by_ray(clips: Sequence[Clip], settings: BuildSettings, address: str) -> Iterator[Outcome]:
    """Yield outcomes as they come from Ray.

    Sources must be readable under the same path on every machine; results come back by Ray, so
    that only this process writes.

    Args:
        address: of a cluster (``auto`` for the one this machine belongs to), or ``local`` for
            this machine alone.

    Raises:
        ImportError: Ray, or what the work needs, is not installed.
        ConnectionError: no cluster there.
    """
    try:
        import ray
    except ImportError as error:
        raise ImportError("Ray is not installed: pip install 'mujo_ros[build]'") from error
    try:
        ray.init(
            address=None if address == 'local' else address,
            log_to_driver=False,
            include_dashboard=False if address == 'local' else None,
            runtime_env={'env_vars': dict.fromkeys(_ONE_THREAD, '1')},
            configure_logging=False,
        )
    except Exception as error:  # Ray's own are of the bare class.
        line = (str(error).splitlines() or [''])[0]
        raise ConnectionError(
            f'expected Ray at {address}, it did not answer or start ({line[:200]}); '
            'start it, or build with --workers'
        ) from error
    try:
        remote = ray.remote(num_cpus=1, max_retries=1)(_answer)
        held = ray.put(settings)
        waiting = list(reversed(clips))
        # Twice as many as can run, so that no core waits for this process.
        room = 2 * max(1, int(ray.cluster_resources().get('CPU', 1)))
        running: dict[Any, Clip] = {}
        while waiting or running:
            while waiting and len(running) < room:
                clip = waiting.pop()
                running[remote.remote(clip, held)] = clip
            (ready, *_), _ = ray.wait(list(running), num_returns=1)
            clip = running.pop(ready)
            try:
                answer = ray.get(ready)
            except ray.exceptions.RayError as error:
                yield Outcome(clip, None, f'Ray: {type(error).__name__}')
                continue
            yield _outcome(clip, answer)
    finally:
        ray.shutdown()
