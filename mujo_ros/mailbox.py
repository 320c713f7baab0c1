"""Hands the newest thing from one thread to another."""

from __future__ import annotations

import threading
from typing import Any


class Newest:
    """One slot between threads: a thing that was not taken when the next one comes is dropped."""

    def __init__(self) -> None:
        self.dropped = 0
        self._slot: Any = None
        self._closed = False
        self._changed = threading.Condition()

    def put(self, thing: Any) -> None:
        """Replace what is in the slot."""
        with self._changed:
            self.dropped += self._slot is not None
            self._slot = thing
            self._changed.notify()

    def take(self) -> Any:
        """Wait for a thing; None when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._slot is not None or self._closed)
            thing, self._slot = self._slot, None
            return None if self._closed else thing

    def clear(self) -> None:
        """Take out what is in the slot."""
        with self._changed:
            self._slot = None

    def close(self) -> None:
        """Let `take` return."""
        with self._changed:
            self._closed = True
            self._changed.notify()
