"""Streams that are emptied when asked, instead of one wake-up of the executor for each message."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

from mujo_ros.health import StreamHealth
from mujo_ros.streams import Streams, node_seconds

PUBLISHERS = 64  # whose numbering is remembered, a topic


class _NeverExecuted(CallbackGroup):
    """Keeps its subscriptions out of the executor's wait set."""

    def can_execute(self, entity: Any) -> bool:
        return False

    def beginning_execution(self, entity: Any) -> bool:
        return False


class PolledStreams(Streams):
    """Subscriptions whose messages wait in the middleware until `poll`.

    The executor of rclpy builds its wait set anew for each message, which takes many times as long
    as storing a sample. Messages keep their time of arrival, which the middleware notes; what it
    did not hand over is seen by the numbers that publishers give to messages.
    """

    def __init__(self, node: Node, refused: Callable[[], Mapping[str, Any]]) -> None:
        super().__init__(node, refused, _NeverExecuted())
        self._numbers: dict[str, dict[bytes, int]] = {}

    def poll(self) -> None:
        """Store all messages that wait."""
        now, wall = node_seconds(self._node), time.time()
        for name, subscription in self._subscriptions.items():
            # At most what may wait, so that no flood keeps the executor here.
            left = subscription.qos_profile.depth
            while left > 0:
                asked = min(self._at_once[name], left)
                taken = self._take(name, asked)
                if taken:
                    times = [now - max(wall - received, 0.0) for _, received in taken]
                    self._receivers[name]([msg for msg, _ in taken], times)
                if len(taken) < asked:
                    break
                left -= asked

    def discard(self) -> None:
        """Forget all messages that wait."""
        for name, subscription in self._subscriptions.items():
            self._take(name, subscription.qos_profile.depth)

    def _take(self, name: str, most: int) -> list[tuple[Any, float]]:
        """Messages of a stream that wait, and when each arrived (system clock, s)."""
        health, subscription = self.health[name], self._subscriptions[name]
        kind, handle = subscription.msg_type, subscription.handle
        # Of a depth of one the newest alone is wanted, and what it replaced is not missed.
        numbered = subscription.qos_profile.depth > 1
        taken: list[tuple[Any, float]] = []
        try:
            with handle:
                for _ in range(most):
                    waiting = handle.take_message(kind, False)
                    if waiting is None:
                        break
                    msg, info = waiting
                    if numbered:
                        self._count_lost(health, info)
                    taken.append((msg, 1e-9 * info['received_timestamp']))
        except RuntimeError:
            # A signal may end the context while a tick is under way.
            if self._node.context.ok():
                raise
        return taken

    def _count_lost(self, health: StreamHealth, info: Mapping[str, Any]) -> None:
        number = info.get('publication_sequence_number')
        publisher = info.get('publisher_gid')
        if number is None or publisher is None:  # before Kilted
            return
        numbers = self._numbers.setdefault(health.name, {})
        who = publisher['data']
        last = numbers.pop(who, None)
        numbers[who] = number
        if last is not None and number > last + 1:
            health.lost += number - last - 1
        if len(numbers) > PUBLISHERS:
            del numbers[next(iter(numbers))]
