"""`har_bodies`: a `har_node` for each body that ROS4HRI tracks (REP-155), all on one model.

`/humans/bodies/tracked` (hri_msgs/IdsList) says who there is; `/humans/bodies/<id>/skeleton2d` in,
`/humans/bodies/<id>/activity` out. Needs hri_msgs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.task import Future

from mujo_ros.hri import LAYOUT, body_ids
from mujo_ros.run import run_all

BODIES = '/humans/bodies'
MAX_AT_ONCE = 16
FORGET_AFTER = 5.0  # s of real time after which a body that is tracked no longer is let go

MakeNode = Callable[[str], Any]


def body_node(body: str, context: Any = None) -> Any:
    """The `har_node` of a body, in its namespace."""
    from mujo_ros.har_node import HarNode

    overrides = {
        'skeleton_type': 'hri',
        'layout': LAYOUT,
        'placements': [''],
        'camera': 'off',
        'person': body,
        'autostart': True,
    }
    return HarNode(
        namespace=f'{BODIES}/{body}',
        context=context,
        parameter_overrides=[Parameter(name, value=value) for name, value in overrides.items()],
    )


class HarBodies(Node):
    """Starts and ends a `har_node` a body.

    Args:
        make_node: identifier of a body to its node.
        **arguments: of the node (context, parameter_overrides, ...).

    Attributes:
        bodies: identifier to node of those that are followed now.
        failure: never done; the node of a body that fails leaves the others alone.
    """

    def __init__(self, make_node: MakeNode = body_node, **arguments: Any) -> None:
        super().__init__('har_bodies', **arguments)
        self.failure: Future[str] = Future()
        self.bodies: dict[str, Any] = {}
        self._make_node = make_node
        self._seen: dict[str, float] = {}
        self._full = False
        self._clock_for_real = Clock(clock_type=ClockType.STEADY_TIME)
        self.declare_parameter(
            'max_bodies',
            MAX_AT_ONCE,
            ParameterDescriptor(description='Bodies that are followed at once at most'),
        )
        self._timer = self.create_timer(1.0, self._forget, clock=self._clock_for_real)

    def listen(self) -> None:
        """Subscribe `/humans/bodies/tracked`; ImportError where hri_msgs is not installed."""
        from hri_msgs.msg import IdsList

        self.create_subscription(IdsList, f'{BODIES}/tracked', lambda msg: self.follow(msg.ids), 10)

    def follow(self, ids: Sequence[str]) -> None:
        """Take in who is tracked now; bodies beyond `max_bodies` are left out."""
        now = self._now()
        for body in body_ids(ids):
            if body in self.bodies:
                self._seen[body] = now
            elif len(self.bodies) < self.get_parameter('max_bodies').value:
                self._begin(body, now)
            elif not self._full:
                self._full = True
                self.get_logger().warning(
                    f'{len(self.bodies)} bodies are followed, {body!r} is not: raise max_bodies '
                    '(said once)'
                )

    def destroy_node(self) -> None:
        """End all."""
        for body in list(self.bodies):
            self._end(body)
        super().destroy_node()

    def _now(self) -> float:
        return float(self._clock_for_real.now().nanoseconds * 1e-9)

    def _begin(self, body: str, now: float) -> None:
        node = self._make_node(body)
        self.bodies[body], self._seen[body] = node, now
        if self.executor is not None:
            self.executor.add_node(node)
        self.get_logger().info(f'following body {body}')

    def _end(self, body: str) -> None:
        node = self.bodies.pop(body)
        del self._seen[body]
        if self.executor is not None:
            self.executor.remove_node(node)
        node.destroy_node()
        self.get_logger().info(f'body {body} is gone')

    def _forget(self) -> None:
        oldest = self._now() - FORGET_AFTER
        for body in [one for one, seen in self._seen.items() if seen < oldest]:
            self._end(body)


def make_nodes() -> list[Any]:
    """The node, listening."""
    node = HarBodies()
    node.listen()
    return [node]


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM; 2 where hri_msgs is not installed."""
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    try:
        import hri_msgs.msg  # noqa: F401
    except ImportError:
        print(
            'har_bodies needs hri_msgs: install ros-$ROS_DISTRO-hri-msgs, or start har_node with '
            'a skeleton of your own',
            file=sys.stderr,
        )
        return 2
    return run_all(make_nodes, args)


if __name__ == '__main__':
    sys.exit(main())
