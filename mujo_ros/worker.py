"""One thread for the inference, so that callbacks only store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Task = TypeVar('Task')


class Worker(Generic[Task]):
    """Runs `work(task)` in one thread; a task that comes while it is busy is dropped and counted.

    Args:
        work: what to do with a task.
        failed: called with an exception out of `work`; the thread goes on.
    """

    def __init__(self, work: Callable[[Task], None], failed: Callable[[Exception], None]) -> None:
        self.missed = 0
        self._work = work
        self._failed = failed
        self._task: Task | None = None
        self._busy = False
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name='inference', daemon=True)
        self._thread.start()

    def trigger(self, task: Task) -> bool:
        """Hand over a task; False when the one before is still at work."""
        with self._changed:
            if self._busy or self._stopping:
                self.missed += 1
                return False
            self._task, self._busy = task, True
            self._changed.notify_all()
            return True

    def settle(self, timeout: float = 2.0) -> bool:
        """Wait until it has nothing to do; False when that takes longer than `timeout` s."""
        with self._changed:
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
                self._changed.wait_for(lambda: self._busy or self._stopping)
                if self._stopping:
                    return
                task = self._task
            try:
                self._work(task)  # type: ignore[arg-type]
            except Exception as error:
                self._failed(error)
            finally:
                with self._changed:
                    self._task, self._busy = None, False
                    self._changed.notify_all()
