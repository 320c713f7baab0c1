"""Spins one node until it is told to stop, and leaves cleanly from any state."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor


def run(make_node: Callable[[], Any], args: Sequence[str] | None = None) -> int:
    """Spin the node; a node may end this with its future `failure`.

    Returns:
        0 after SIGINT or SIGTERM, 1 when the node failed, 2 for parameters that are no good.
    """
    _interrupt_once()
    node = executor = None
    try:
        rclpy.init(args=list(sys.argv if args is None else args))
        node = make_node()
        # Not the MultiThreadedExecutor: it loses most of a fast topic.
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        executor.spin_until_future_complete(node.failure)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (ParameterException, InvalidParameterTypeException) as error:
        print(f'bad parameter: {error}', file=sys.stderr)
        return 2
    finally:
        if executor is not None:
            executor.shutdown()  # left to the garbage collector it may fail with a traceback
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 1 if node is not None and node.failure.done() else 0


def _interrupt_once() -> None:
    """The first SIGINT or SIGTERM interrupts, wherever the node is; later ones are ignored.

    Set before `rclpy.init`, whose own handlers then call this one. A launch file and a terminal
    both send SIGINT, and the second one must not interrupt the way out.
    """

    def interrupt(signum: int, frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
