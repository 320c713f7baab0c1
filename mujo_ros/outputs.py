"""What `har_node` publishes of an answer; what nobody listens to costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import String
from visualization_msgs.msg import MarkerArray

from mujo_core.layouts import get_layout
from mujo_ros.convert import activity_to_classification, activity_to_json
from mujo_ros.intake import Intake
from mujo_ros.markers import activity_markers
from mujo_ros.overlay import Overlay
from mujo_ros.streams import overridable, overrides_of


class Outputs:
    """The publishers of a configured node: `activity`, its typed form, `~/markers`, `~/overlay`.

    Raises:
        ValueError: a QoS override is none.
    """

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        self._made: list[Any] = []
        self._overlay: Overlay | None = None
        self._activity = self._make(String, 'activity', 10)
        self._markers = self._make(MarkerArray, '~/markers', 1)
        self._classification: Any = None
        try:
            from vision_msgs.msg import Classification
        except ImportError:
            node.get_logger().info('vision_msgs is not installed: no activity/classification')
        else:
            self._classification = self._make(Classification, 'activity/classification', 10)

    def _make(self, msg_type: type, topic: str, depth: int) -> Any:
        try:
            with overrides_of(topic):
                publisher: Any = self._node.create_lifecycle_publisher(
                    msg_type, topic, depth, qos_overriding_options=overridable()
                )
        except ValueError:
            self.close()
            raise
        self._made.append(publisher)
        return publisher

    def show(self, intake: Intake, camera: str, field_of_view: Callable[[], float]) -> None:
        """Offer the overlay of an active node; arguments as for `Overlay`."""
        source = intake.video.source if intake.video is not None else 'rgb'
        self._overlay = Overlay(self._node, intake.pairing, camera, source, field_of_view)

    def hide(self) -> None:
        """End the overlay."""
        if self._overlay is not None:
            self._overlay.close()
        self._overlay = None

    def publish(
        self, activity: Any, intake: Intake, age: float, latency: float, person: str
    ) -> None:
        """Publish an `Activity`; `age` and `latency` in s."""
        self._activity.publish(String(data=activity_to_json(activity, age, latency, person)))
        if self._classification is not None:
            self._classification.publish(activity_to_classification(activity, intake.frame_id))
        text = f'{activity.label} {activity.confidence:.0%}'
        if intake.skeleton is not None and self._markers.get_subscription_count():
            self._publish_markers(activity.stamp, text, intake)
        overlay = self._overlay  # may be taken away meanwhile, this being the worker's thread
        if overlay is not None:
            overlay.say(activity.stamp, text)

    def _publish_markers(self, stamp: float, text: str, intake: Intake) -> None:
        assert intake.skeleton is not None
        frame_id, xyz = intake.skeleton
        layout = get_layout(self._node.get_parameter('layout').value)
        up = intake.skeleton_up or layout.up
        self._markers.publish(activity_markers(stamp, frame_id, xyz, layout.name, up, text))

    def close(self) -> None:
        """Destroy the publishers."""
        self.hide()
        while self._made:
            self._node.destroy_lifecycle_publisher(self._made.pop())
