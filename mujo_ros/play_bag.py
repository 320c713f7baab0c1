"""`play_bag BAG`: a bag's messages and `/clock`, as `ros2 bag play --clock`, without rosbag2.

Messages are published as they were recorded, byte for byte, on the topics they were recorded on.
`/clock` goes on evenly from whole multiples of its period, and a message always comes before the
clock that has passed it. Nothing is played before those listen that are waited for.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

import rclpy
from rclpy.exceptions import InvalidTopicNameException
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from rosgraph_msgs.msg import Clock

from mujo_core.bags.reader import open_bag, topics_of
from mujo_ros.convert import seconds_to_stamp

CLOCK_RATE = 100.0  # Hz of the bag's time
TAIL = 1.5  # s for which the clock goes on after the last message
SETTLE = 0.5  # s of real time between the first clock and the first message
MATCH_WITHIN = 120.0  # s
LATCHED = ('/tf_static', '/robot_description')


class BagPlayer(Node):
    """Publishes what an open bag holds.

    Args:
        reader: the bag, from `open_bag`.
        **arguments: of the node.
    """

    def __init__(self, reader: Any, **arguments: Any) -> None:
        super().__init__('bag_player', **arguments)
        self._reader = reader
        self._clock_publisher = self.create_publisher(Clock, '/clock', 10)
        self._outlets: dict[str, Any] = {}
        for topic, kind in topics_of(reader).items():
            message = self._message_type(kind)
            if message is None:
                self.get_logger().warning(f'{topic}: {kind} is not installed here: left out')
            elif topic != '/clock':
                self._outlets[topic] = self.create_publisher(message, topic, _qos(topic))

    @staticmethod
    def _message_type(kind: str) -> Any:
        package, _, name = kind.split('/')
        try:
            return getattr(import_module(f'{package}.msg'), name)
        except (ImportError, AttributeError):
            return None

    def wait(self, topics: Sequence[str], within: float = MATCH_WITHIN) -> None:
        """Wait until each of these topics, and the clock, has a subscription.

        Raises:
            TimeoutError: one has none after so many seconds.
        """
        deadline = time.monotonic() + within
        wanted = [self.resolve_topic_name(topic) for topic in topics]
        while missing := [topic for topic in (*wanted, '/clock') if not self._is_heard(topic)]:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f'expected subscriptions of {", ".join(missing)} within {within:g} s: '
                    'is har_node active, and its use_sim_time true?'
                )
            time.sleep(0.02)

    def _is_heard(self, topic: str) -> bool:
        outlet = self._clock_publisher if topic == '/clock' else self._outlets.get(topic)
        heard = outlet.get_subscription_count() if outlet else self.count_subscribers(topic)
        return bool(heard)

    def play(self, rate: float = 1.0) -> int:
        """Play once at `rate` times real time; returns how many messages were published."""
        start = math.floor(self._reader.start_time * 1e-9 * CLOCK_RATE) / CLOCK_RATE
        self._tell(start)
        time.sleep(SETTLE)
        began, count = time.monotonic(), 0
        for stamp, topic, raw in self._schedule(start):
            time.sleep(max(0.0, began + (stamp - start) / rate - time.monotonic()))
            if raw is None:
                self._tell(stamp)
            else:
                self._outlets[topic].publish(raw)
                count += 1
        return count

    def _schedule(self, start: float) -> Iterator[tuple[float, str, bytes | None]]:
        """Yield (time in s, topic, message) in order; without a message it is the clock's turn."""
        first = round(start * CLOCK_RATE)
        tick = first + 1
        chosen = [c for c in self._reader.connections if c.topic in self._outlets]
        messages = self._reader.messages(connections=chosen) if chosen else ()
        for connection, nanoseconds, raw in messages:
            while tick * 1e9 < nanoseconds * CLOCK_RATE:
                yield tick / CLOCK_RATE, '', None
                tick += 1
            yield nanoseconds * 1e-9, connection.topic, bytes(raw)
        for last in range(tick, tick + round(TAIL * CLOCK_RATE)):
            yield last / CLOCK_RATE, '', None

    def _tell(self, seconds: float) -> None:
        self._clock_publisher.publish(Clock(clock=seconds_to_stamp(seconds)))


def _qos(topic: str) -> QoSProfile:
    """Reliable, which best effort subscriptions take too."""
    latched = topic in LATCHED
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=100,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def main(args: Sequence[str] | None = None) -> int:
    """Play a bag once: 0 done, 1 nobody listens, 2 a bag that cannot be played."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('bag', help='a folder with metadata.yaml, a .mcap or a .db3 file')
    parser.add_argument('--rate', type=float, default=1.0, help='times real time')
    parser.add_argument(
        '--wait-for',
        nargs='*',
        default=[],
        metavar='TOPIC',
        help='play once all have subscriptions',
    )
    arguments = list(sys.argv if args is None else args)
    given = parser.parse_args(remove_ros_args(arguments)[1:])
    if not 0.01 <= given.rate <= 100.0:
        parser.error(f'expected --rate from 0.01 to 100, {given.rate:g} came')
    player = None
    try:
        with open_bag(given.bag) as reader:
            rclpy.init(args=arguments)
            player = BagPlayer(reader)
            player.wait(given.wait_for)
            count = player.play(given.rate)
        print(f'{count} messages played', flush=True)
    except TimeoutError as error:
        print(f'play_bag: {error}', file=sys.stderr)
        return 1
    except (ValueError, OSError, ImportError, InvalidTopicNameException) as error:
        print(f'play_bag: {str(error).splitlines()[0]}', file=sys.stderr)
        return 2
    except (KeyboardInterrupt, ExternalShutdownException):
        print('stopped', flush=True)
    finally:
        if player is not None:
            player.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
