"""Streams that are emptied when asked, instead of one wake-up of the executor for each message."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
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
        for name in self._subscriptions:
            waiting = self._waiting(name)
            while taken := list(islice(waiting, self._at_once[name])):
                times = [now - max(wall - received, 0.0) for _, received in taken]
                self._receivers[name]([msg for msg, _ in taken], times)

    def discard(self) -> None:
        """Forget all messages that wait."""
        for name in self._subscriptions:
            for _ in self._waiting(name):
                pass

    def _waiting(self, name: str) -> Iterator[tuple[Any, float]]:
        """Messages of a stream that wait, and when each arrived (system clock, s)."""
        health, subscription = self.health[name], self._subscriptions[name]
        kind, depth = subscription.msg_type, subscription.qos_profile.depth
        # At most what may wait, so that no flood keeps the executor here.
        for _ in range(depth):
            with subscription.handle:
                taken = subscription.handle.take_message(kind, False)
            if taken is None:
                break
            msg, info = taken
            if depth > 1:  # else the newest alone is wanted, and what it replaced is not missed
                self._count_lost(health, info)
            yield msg, 1e-9 * info['received_timestamp']

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
