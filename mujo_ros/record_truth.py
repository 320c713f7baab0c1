"""`record_truth`: ground truth by keyboard on the node's clock, as a file and on `truth`.

Record `truth` with the sensors (`ros2 bag record`), or keep the file; `mujo evaluate_bag` takes
either. With `use_sim_time` a bag is labelled while it is replayed.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import String

from mujo_core.bags.truth_prompt import ask_truth
from mujo_ros.streams import node_seconds


class TruthNode(Node):
    """Publishes what is typed; parameters `file` (CSV, '' for none) and `labels`."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__('record_truth', **arguments)
        self.declare_parameter('file', '')
        self.declare_parameter('labels', [''])
        self._publisher = self.create_publisher(String, 'truth', 10)

    def publish(self, stamp: float, label: str) -> None:
        """Say that from `stamp` (s) on `label` holds."""
        self._publisher.publish(String(data=json.dumps({'stamp': stamp, 'label': label})))


def main(args: Sequence[str] | None = None) -> int:
    """Take labels until the end of the input; 2 where the file cannot be written."""
    rclpy.init(args=list(sys.argv if args is None else args))
    node = TruthNode()
    ended = threading.Event()
    # Typing blocks; the clock has to go on meanwhile.
    spinning = threading.Thread(target=_spin, args=(node, ended), daemon=True)
    spinning.start()
    try:
        file = node.get_parameter('file').value
        if file and Path(file).exists():
            raise FileExistsError(f'{file} is there already; give a new name')
        labels = [label for label in node.get_parameter('labels').value if label]
        log = ask_truth(sys.stdin, lambda: node_seconds(node), labels, print, node.publish)
        if file:
            log.write(file)
            print(f'{len(log.rows)} activities written to {file}')
    except OSError as error:
        print(f'record_truth: {error}', file=sys.stderr)
        return 2
    finally:
        ended.set()
        spinning.join(5.0)
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _spin(node: Node, ended: threading.Event) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    with contextlib.suppress(ExternalShutdownException):
        while not ended.is_set():
            executor.spin_once(timeout_sec=0.1)


if __name__ == '__main__':
    sys.exit(main())
