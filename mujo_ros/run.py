"""Spins nodes until they are told to stop, and leaves cleanly from any state."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.task import Future


def run(make_node: Callable[[], Any], args: Sequence[str] | None = None) -> int:
    """Spin one node; see `run_all`."""
    return run_all(lambda: [make_node()], args)


def run_all(make_nodes: Callable[[], Sequence[Any]], args: Sequence[str] | None = None) -> int:
    """Spin nodes in one executor; each may end this with its future `failure`.

    Returns:
        0 after SIGINT or SIGTERM, 1 when a node failed, 2 for parameters that are no good.
    """
    _interrupt_once()
    nodes: Sequence[Any] = ()
    executor = None
    try:
        rclpy.init(args=list(sys.argv if args is None else args))
        nodes = make_nodes()
        # Not the MultiThreadedExecutor: it loses most of a fast topic.
        executor = SingleThreadedExecutor()
        failed: Future[str] = Future()

        def end(failure: Future[str]) -> None:
            if not failed.done():
                failed.set_result('a node failed')

        for node in nodes:
            executor.add_node(node)
            node.failure.add_done_callback(end)
        executor.spin_until_future_complete(failed)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (ParameterException, InvalidParameterTypeException) as error:
        print(f'bad parameter: {error}', file=sys.stderr)
        return 2
    finally:
        if executor is not None:
            executor.shutdown()  # left to the garbage collector it may fail with a traceback
        for node in nodes:
            node.destroy_node()
        rclpy.try_shutdown()
    return 1 if any(node.failure.done() for node in nodes) else 0


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
