"""One thread for the inference, so that callbacks only store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Task = TypeVar('Task')


class Worker(Generic[Task]):
    """Runs `work(task)` in one thread; one task may wait, the newest: what it replaces is missed.

    Args:
        work: what to do with a task.
        failed: called with an exception out of `work`; the thread goes on.
    """

    def __init__(self, work: Callable[[Task], None], failed: Callable[[Exception], None]) -> None:
        self.missed = 0
        self._work = work
        self._failed = failed
        self._waiting: list[Task] = []
        self._busy = False
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name='inference', daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> bool:
        """Whether a task waits for the one at hand, so that another one would replace it."""
        return bool(self._waiting)

    def trigger(self, task: Task) -> bool:
        """Hand over a task; False when one is missed: the one that waited, or this at the end."""
        with self._changed:
            missed = bool(self._waiting) or self._stopping
            self.missed += missed
            if not self._stopping:
                self._waiting[:] = [task]
                self._changed.notify_all()
            return not missed

    def settle(self, timeout: float = 2.0) -> bool:
        """Drop what waits, wait for the task at hand; False when that takes over `timeout` s."""
        with self._changed:
            self._waiting.clear()
            return self._changed.wait_for(lambda: not self._busy, timeout)

    def stop(self, timeout: float = 2.0) -> bool:
        """End the thread after the task at hand; False when that takes longer than `timeout` s."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                if self._stopping:
                    return
                task = self._waiting.pop()
                self._busy = True
            try:
                self._work(task)
            except Exception as error:
                self._failed(error)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()
