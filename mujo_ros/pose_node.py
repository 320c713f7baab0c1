"""`pose_node`: camera in, `skeleton` out (layout `mediapipe33`). A lifecycle node.

Callbacks only keep the newest image; one worker thread of its own estimates. Each cloud has stamp
and frame of its image, and lies where the body is in the camera's optical frame.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from numpy.typing import NDArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

from mujo_core.bags.intrinsics import Intrinsics
from mujo_core.pose_estimator import DepthFilter, PoseEstimator, place_in_camera
from mujo_ros import settings
from mujo_ros.autostart import SUCCESS, AutostartNode
from mujo_ros.convert import MessageError, header_seconds, joints_to_cloud, seconds_to_stamp
from mujo_ros.health import REMEDIES
from mujo_ros.image_order import ImageOrder
from mujo_ros.images import image_to_rgb
from mujo_ros.mailbox import Newest
from mujo_ros.pose_parameters import SETTINGS
from mujo_ros.run import run
from mujo_ros.silence import SilenceWatch
from mujo_ros.streams import Streams, node_seconds, overridable, overrides_of

JOINTS = 33
IMAGE_GAP = 0.5  # s between images that counts as a gap
PATIENCE = 5.0  # s


class PoseNode(AutostartNode):
    """Estimates the joints of one person in the images of one camera.

    Args:
        estimator_factory: (model_complexity, min_confidence) to a `PoseEstimator`.
        **arguments: of the node (context, parameter_overrides, namespace, ...).

    """

    def __init__(
        self, estimator_factory: Callable[..., Any] = PoseEstimator, **arguments: Any
    ) -> None:
        super().__init__('pose_node', **arguments)
        self._factory = estimator_factory
        self._estimator: Any = None
        self._publisher: Any = None
        self._streams: Streams | None = None
        self._info_streams: Streams | None = None
        self._watch: SilenceWatch | None = None
        self._newest = Newest()
        self._worker: threading.Thread | None = None
        self._intrinsics = Intrinsics()
        self._depth = DepthFilter()
        self._order = ImageOrder()
        self._counts: Counter[str] = Counter()
        self._took: deque[float] = deque(maxlen=100)  # s an estimate
        self._diagnosed = (0.0, 0)  # when, and how many images had come
        self._said: set[str] = set()
        settings.declare(self, SETTINGS)
        self.add_on_set_parameters_callback(self._check)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._diagnostics_timer = self.create_timer(1.0, self._diagnose, clock=self._steady)
        self._begin()

    # Lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the pose model; FAILURE with one line where that does not work."""
        self.refused = settings.refusal(SETTINGS, self.get_parameters(list(SETTINGS)), loaded=False)
        if self.refused:
            return self._refuse(self.refused)
        try:
            self._estimator = self._factory(
                self._value('model_complexity'), self._value('min_confidence')
            )
            self._estimator.estimate(np.zeros((240, 320, 3), np.uint8))
        except (ValueError, OSError, ImportError, RuntimeError) as error:
            return self._refuse(f'cannot load the pose model: {error}')
        try:
            with overrides_of('skeleton'):
                self._publisher = self.create_lifecycle_publisher(
                    PointCloud2, 'skeleton', 10, qos_overriding_options=overridable()
                )
        except ValueError as error:
            self._free()
            return self._refuse(str(error))
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe the camera and start to estimate."""
        self._counts.clear()
        self._order.restart()
        self._took.clear()
        self._intrinsics = Intrinsics()
        self._newest = Newest()
        self._streams = streams = Streams(self, dict)
        raw = self._value('image_transport') == 'raw'
        kind = Image if raw else CompressedImage
        topic = 'camera/image_raw' if raw else 'camera/image_raw/compressed'
        streams.add('video', kind, topic, self._keep, 1, IMAGE_GAP)
        self._watch = SilenceWatch(
            streams.health,
            streams.describe,
            lambda line: self.get_logger().warning(line),
            lambda line: self.get_logger().info(line),
            PATIENCE,
            node_seconds(self),
        )
        self._info_streams = infos = Streams(self, dict)
        infos.add('info', CameraInfo, 'camera/camera_info', self._camera_info, 1, 1e9)
        self._worker = threading.Thread(target=self._work, name='pose', daemon=True)
        self._worker.start()
        self.get_logger().info(f'{topic} to skeleton')
        return super().on_activate(state)

    def _stop(self) -> None:
        for streams in (self._streams, self._info_streams):
            if streams is not None:
                streams.close()
        self._newest.close()
        # Not alive: interrupted between making the thread and starting it.
        if self._worker is not None and self._worker.is_alive():
            self._worker.join(5.0)
        self._worker = self._watch = None

    def _free(self) -> None:
        self._stop()
        if self._publisher is not None:
            self.destroy_lifecycle_publisher(self._publisher)
        if self._estimator is not None:
            self._estimator.close()
        self._publisher = self._estimator = None

    def _check(self, changed: Sequence[Parameter[Any]]) -> SetParametersResult:
        reason = settings.refusal(SETTINGS, changed, self._estimator is not None)
        return SetParametersResult(successful=not reason, reason=reason)

    # Callbacks, which only keep

    def _keep(self, msg: Image | CompressedImage, now: float) -> tuple[float, bool, bool]:
        stamp = self._order(msg.header, now)
        self._newest.put(msg)
        return stamp, True, False

    def _camera_info(self, msg: CameraInfo, now: float) -> tuple[float, bool, bool]:
        self._intrinsics = Intrinsics.from_message(msg)
        return header_seconds(msg.header), True, False

    # Worker

    def _work(self) -> None:
        newest = self._newest
        while (msg := newest.take()) is not None:
            try:
                self._estimate(msg)
            except MessageError as error:
                assert self._streams is not None
                health = self._streams.health['video']
                health.refuse(error.kind)
                line = f'{health.topic}: {error.kind}: {error}'
                self._say(error.kind, f'{line} (said once, counted on /diagnostics)')
            except Exception as error:
                self._counts['failures'] += 1
                line = traceback.format_exception_only(error)[-1].strip()
                trace = ''.join(traceback.format_exception(error))
                self._say(line, f'an estimate failed (said once): {line}\n{trace}')

    def _estimate(self, msg: Image | CompressedImage) -> None:
        stamp, rgb = image_to_rgb(msg)
        started = time.monotonic()
        pose = self._estimator.estimate(rgb)
        self._took.append(time.monotonic() - started)
        joints: NDArray[np.float32] = np.full((JOINTS, 3), np.nan, np.float32)
        visibility = np.zeros(JOINTS, np.float32)
        if pose is not None:
            height, width = rgb.shape[:2]
            focal, center = self._intrinsics.of_image(width, height, self._value('horizontal_fov'))
            joints = self._depth(stamp, place_in_camera(pose, focal, center))
            visibility = pose.visibility
        self._counts['bodies' if np.isfinite(joints).any() else 'nobody in view'] += 1
        header = msg.header
        self._publisher.publish(joints_to_cloud(header.stamp, header.frame_id, joints, visibility))

    def _say(self, kind: str, line: str) -> None:
        if kind not in self._said and len(self._said) < 100:
            self._said.add(kind)
            self.get_logger().warning(line)

    def _diagnose(self) -> None:
        now = node_seconds(self)
        values: dict[str, object] = {'lifecycle state': self.state}
        level, text = DiagnosticStatus.OK, self.state
        if self.refused:
            level, text = DiagnosticStatus.ERROR, self.refused
        if self._watch is not None and self._streams is not None:
            health = self._streams.health['video']
            live = self._watch.has_data(now)
            level = DiagnosticStatus.OK if live else DiagnosticStatus.STALE
            odd = '; '.join(f'{kind}: {REMEDIES[kind]}' for kind in health.odd(now))
            if not live:
                text = self._watch.look(now)['video'].text
            elif odd:
                level, text = DiagnosticStatus.WARN, odd
            else:
                text = 'estimating'
            before, count = self._diagnosed
            self._diagnosed = now, health.accepted
            came = max(health.accepted - count, 0)
            took = sorted(self._took.copy())
            values |= {
                'rate (Hz)': f'{came / (now - before):.1f}' if now > before > 0.0 else 'unknown',
                'images': health.accepted,
                'dropped for a newer one': self._newest.dropped,
                'delay (ms)': f'{1e3 * health.delay:.1f}',
                'gaps': health.gaps,
                'largest gap (s)': f'{health.largest_gap:.3f}',
                'estimate p50 (ms)': f'{1e3 * took[len(took) // 2]:.1f}' if took else 'none yet',
                'estimate max (ms)': f'{1e3 * took[-1]:.1f}' if took else 'none yet',
                'camera_info': 'yes' if self._intrinsics.known else 'no, horizontal_fov is assumed',
                **self._counts,
                **{f'refused {kind}': count for kind, count in health.refused.items()},
            }
        namesakes = self._namesakes.look()
        if namesakes:
            level, text = DiagnosticStatus.ERROR, namesakes
        status = DiagnosticStatus(
            level=level,
            name=f'{self.get_fully_qualified_name().lstrip("/")}: camera',
            message=text,
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = seconds_to_stamp(max(now, 0.0))
        self._diagnostics.publish(array)


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(PoseNode, args)


if __name__ == '__main__':
    sys.exit(main())
