"""Another node of the same name: services and lifecycle events then reach either of both."""

from __future__ import annotations

from rclpy.node import Node

LOOKS = 30  # in a row, at 1 Hz: for so long a node that was killed stays in the graph


class Namesakes:
    """Tells, once in the log, that other nodes have the name of this one.

    As when the process of a launch file that was killed runs on: it takes the `configure` that
    was meant for its successor, which stays unconfigured.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._seen = 0
        self._said = False

    def look(self) -> str:
        """One line where it has been so for `LOOKS` looks, else ''."""
        own = self._node.get_name(), self._node.get_namespace()
        count = self._node.get_node_names_and_namespaces().count(own)
        self._seen = self._seen + 1 if count > 1 else 0
        if self._seen < LOOKS:
            return ''
        name = self._node.get_fully_qualified_name()
        line = (
            f'{count} nodes are called {name}, which confuses lifecycle and parameters: end the '
            'one that was left over, or give this one a namespace (-r __ns:=/NAME)'
        )
        if not self._said:
            self._said = True
            self._node.get_logger().warning(line)
        return line
