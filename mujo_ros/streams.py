"""Subscriptions of a node: QoS, counting, one line for each kind of trouble."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSCompatibility,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from rclpy.qos_overriding_options import InvalidQosOverridesError, QoSOverridingOptions
from rclpy.subscription import Subscription

from mujo_ros.convert import MessageError
from mujo_ros.health import REMEDIES, Finding, StreamHealth

OVERRIDABLE = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
)
AT_ONCE = 50  # messages that are stored together at most


def sensor_qos(depth: int) -> QoSProfile:
    """Best effort, which takes reliable and best effort publishers; `depth` rides out a burst."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT
    )


def overridable() -> QoSOverridingOptions:
    """Lets parameters `qos_overrides.<topic>.<kind>.<policy>` change QoS."""
    return QoSOverridingOptions(OVERRIDABLE)


@contextmanager
def overrides_of(topic: str) -> Iterator[None]:
    """Turn what rclpy raises for QoS overrides of a topic that are none into a line for people."""
    try:
        yield
    except (RuntimeError, InvalidQosOverridesError, InvalidParameterTypeException) as error:
        raise ValueError(f'{topic}: {error}: correct qos_overrides of that topic') from error


def node_seconds(node: Node) -> float:
    """The node's clock (simulated time included), s."""
    return float(node.get_clock().now().nanoseconds * 1e-9)


class Streams:
    """The subscriptions of a node and the health of each.

    Args:
        node: whose clock, log and subscriptions these are.
        refused: the recognizer's refusals so far, by stream and kind.
        group: callback group of the subscriptions; None: the node's own.
    """

    def __init__(
        self,
        node: Node,
        refused: Callable[[], Mapping[str, Counter[str]]],
        group: CallbackGroup | None = None,
    ) -> None:
        self.health: dict[str, StreamHealth] = {}
        self._node = node
        self._refused = refused
        self._seen: dict[str, Counter[str]] = {}
        self._said: set[tuple[str, str]] = set()
        self._group = group
        self._receivers: dict[str, Callable[[Sequence[Any], Sequence[float]], None]] = {}
        self._at_once: dict[str, int] = {}
        self._subscriptions: dict[str, Subscription[Any]] = {}

    def add(
        self,
        name: str,
        msg_type: type,
        topic: str,
        store: Callable[[Any, float], tuple[float, bool, bool]],
        depth: int,
        max_gap: float,
        store_all: Callable[[Sequence[Any], float], Iterable[float] | None] | None = None,
    ) -> None:
        """Subscribe a stream.

        `store(msg, now)` converts and stores, and returns (stamp in s, whether it was stored,
        whether it is empty); it raises `MessageError` for a message that cannot be used.
        `store_all(msgs, now)` stores several at once and returns their stamps, or does nothing and
        returns None where one of them is odd, which then go to `store` one by one.
        """
        health = self.health.setdefault(name, StreamHealth(name, topic, max_gap))

        def accept(stamp: float, now: float, empty: bool = False) -> None:
            health.accept(stamp, now, empty)
            clocks = health.clocks(now)
            if clocks:
                self.note(name, clocks, now)

        def receive(msg: Any, now: float) -> None:
            health.received_at = now
            try:
                stamp, stored, empty = store(msg, now)
            except MessageError as error:
                self.refuse(name, error)
                return
            if stored:
                accept(stamp, now, empty)
            else:
                self.take_over_refusals(name)

        def receive_all(msgs: Sequence[Any], times: Sequence[float]) -> None:
            stamps = store_all(msgs, times[-1]) if store_all is not None else None
            if stamps is None:
                for msg, now in zip(msgs, times, strict=True):
                    receive(msg, now)
                return
            health.received_at = times[-1]
            for stamp, now in zip(stamps, times, strict=True):
                accept(stamp, now)

        self._receivers[name] = receive_all
        self._at_once[name] = AT_ONCE if store_all is not None else 1
        # The default callbacks would log what `describe` finds, the remedy left out.
        events = SubscriptionEventCallbacks(use_default_callbacks=False)
        with overrides_of(topic):
            self._subscriptions[name] = self._node.create_subscription(
                msg_type,
                topic,
                lambda msg: receive(msg, node_seconds(self._node)),
                sensor_qos(depth),
                callback_group=self._group,
                event_callbacks=events,
                qos_overriding_options=overridable(),
            )

    def refuse(self, name: str, error: MessageError) -> None:
        """Count a message that cannot be used; say its kind once."""
        health = self.health[name]
        health.refuse(error.kind)
        self._say(health, error.kind, str(error))

    def note(self, name: str, kind: str, now: float) -> None:
        """Count something odd about a message that is used all the same; say it once."""
        health = self.health[name]
        health.note(kind, now)
        self._say(health, kind, REMEDIES[kind])

    def close(self) -> None:
        """Unsubscribe; healths stay readable."""
        while self._subscriptions:
            self._node.destroy_subscription(self._subscriptions.popitem()[1])

    def describe(self, health: StreamHealth, now: float) -> Finding:
        """What there is of a stream, or why it is silent: its topic, publishers, messages."""
        resolved = self._node.resolve_topic_name(health.topic)
        name = health.topic if resolved == f'/{health.topic}' else f'{health.topic} ({resolved})'
        infos = self._node.get_publishers_info_by_topic(resolved)
        if not infos:
            return Finding('no_publisher', f'{name}: no publisher (start its driver, or remap it)')
        count = f'{name}: {len(infos)} publisher{"s" if len(infos) > 1 else ""}'
        subscription = self._subscriptions.get(health.name)
        if subscription is not None:
            expected = _type_name(subscription.msg_type)
            fitting = [info for info in infos if info.topic_type == expected]
            if not fitting:
                text = f'{count} of {infos[0].topic_type}, expected {expected} (remap it)'
                return Finding('wrong_type', text, fault=True)
            ours = subscription.qos_profile
            checks = [qos_check_compatible(i.qos_profile, ours) for i in fitting]
            if all(verdict == QoSCompatibility.ERROR for verdict, _ in checks):
                why, advice = checks[0][1].strip(), _advice(resolved, fitting[0].qos_profile, ours)
                text = f'{count}, QoS does not match ({why} {advice})'
                return Finding('incompatible_qos', text, fault=True)
        if health.received_at is None:
            return Finding('no_message', f'{count}, no message yet')
        if health.is_live(now):
            absent = ' but nobody is in view' if health.empty_since is not None else ''
            return Finding('live', f'{count}, messages come{absent}')
        if now - health.received_at <= 1.0:
            text = f'{count}, every message refused ({_counts(health.refused)})'
            return Finding('refused', text)
        return Finding('silent', f'{count}, no message for {now - health.received_at:.1f} s')

    def take_over_refusals(self, name: str) -> None:
        """Count what the recognizer newly refused of a stream."""
        health = self.health[name]
        counts = Counter(self._refused().get(health.name, {}))
        for kind, count in (counts - self._seen.get(health.name, Counter())).items():
            health.refuse(kind, count)
            self._say(health, kind, REMEDIES.get(kind, kind))
        self._seen[health.name] = counts

    def _say(self, health: StreamHealth, kind: str, line: str) -> None:
        if (health.name, kind) not in self._said:
            self._said.add((health.name, kind))
            self._node.get_logger().warning(
                f'{health.topic}: {kind}: {line} (said once, counted on /diagnostics)'
            )


def _advice(topic: str, offered: QoSProfile, asked: QoSProfile) -> str:
    """Which parameter lets the subscription take what is offered."""
    reliable, lasting = ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL
    if asked.reliability == reliable and offered.reliability != reliable:
        return f'set qos_overrides.{topic}.subscription.reliability: best_effort'
    if asked.durability == lasting and offered.durability != lasting:
        return f'set qos_overrides.{topic}.subscription.durability: volatile'
    return "change the publisher's"


def _type_name(msg_type: Any) -> str:
    return f'{msg_type.__module__.split(".")[0]}/msg/{msg_type.__name__}'


def _counts(counter: Counter[str]) -> str:
    return ', '.join(f'{kind} {count}' for kind, count in counter.most_common())
