"""Several `har_node`s in one process, one a namespace, on one model in memory.

    ros2 run mujo_ros har_nodes left right --ros-args -p rate:=5.0
    ros2 run mujo_ros har_nodes kitchen hall --pose --ros-args --params-file several.yaml

Each has topics, parameters and lifecycle of its own: `/left/har_node`, `/left/activity`. A
parameter on the command line is that of all, one in a YAML file is by the node's name.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from rclpy.utilities import remove_ros_args

from mujo_ros.run import run_all

MAX_NAMESPACES = 32
_NAMESPACE = re.compile(r'/?[A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*')


def namespaces(words: Sequence[str]) -> list[str]:
    """Check namespaces; ValueError with one line for what is none, double or too many."""
    for word in words:
        if not _NAMESPACE.fullmatch(word):
            raise ValueError(f'expected a namespace such as left or robot1/left, got {word!r}')
    names = [word.strip('/') for word in words]
    if not names or len(set(names)) != len(names) or len(names) > MAX_NAMESPACES:
        raise ValueError(
            f'expected 1 to {MAX_NAMESPACES} different namespaces, got {" ".join(words) or "none"}'
        )
    return names


def make_nodes(names: Sequence[str], pose: bool) -> list[Any]:
    """A `har_node` a namespace, and with `pose` also a `pose_node`."""
    from mujo_ros.har_node import HarNode
    from mujo_ros.models import load_for_good

    nodes: list[Any] = [HarNode(load_for_good, namespace=name) for name in names]
    if pose:
        from mujo_ros.pose_node import PoseNode

        nodes += [PoseNode(namespace=name) for name in names]
    return nodes


def main(args: Sequence[str] | None = None) -> int:
    """Run the nodes until SIGINT or SIGTERM; ends with 1 when one of them fails to start."""
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    argv = list(sys.argv if args is None else args)
    parser = argparse.ArgumentParser('har_nodes', description=__doc__.splitlines()[0])
    parser.add_argument('namespaces', nargs='+', help='one a person, camera or robot')
    parser.add_argument('--pose', action='store_true', help='also a pose_node in each')
    given = parser.parse_args(remove_ros_args(argv)[1:])
    try:
        names = namespaces(given.namespaces)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return run_all(lambda: make_nodes(names, given.pose), argv)


if __name__ == '__main__':
    sys.exit(main())
