"""`har_node`: skeleton, IMUs and camera in, `/activity` out. A lifecycle node.

Callbacks convert and store; one worker thread of its own runs the model, triggered by a timer on
the node's clock. Model loaded on configure, streams on activate, both freed the same way back.
"""

from __future__ import annotations

import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import JumpHandle, JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.timer import Timer

from mujo_core.upright import UpDirection
from mujo_ros import parameters, settings
from mujo_ros.autostart import SUCCESS, AutostartNode, line_of
from mujo_ros.diagnostics import Diagnostics, Figures
from mujo_ros.health import StreamHealth
from mujo_ros.intake import Intake
from mujo_ros.models import load_for_good, load_recognizer
from mujo_ros.outputs import Outputs
from mujo_ros.pacing import Pacer
from mujo_ros.run import run
from mujo_ros.silence import SilenceWatch
from mujo_ros.streams import node_seconds
from mujo_ros.teaching import Teaching
from mujo_ros.worker import Worker

BACKWARD, FORWARD = 0.1, 10.0  # s: the clock has jumped when it moves so between two ticks
LEAD = 0.01  # s: the last poll between two ticks lies so long before the second
SOON = 0.0005  # s to a tick that is put off to about now
AT_HAND = 0.004  # s by which a tick is put off without leaving it to the executor
STALLED = 0.5  # s: a tick that comes later than this judges nothing
POLL_RATE = 20.0  # Hz: where ticks are rarer, streams are emptied about so often
CLOCK_STANDS = 5  # s of real time without simulated time before that is said

Tick = tuple[float, float]  # the node's clock and a monotonic one, s


class HarNode(AutostartNode):
    """Recognizes human activity from whatever streams there are.

    Args:
        recognizer_factory: (checkpoint, device) to a recognizer.
        **arguments: of the node (context, parameter_overrides, namespace, ...).

    """

    def __init__(
        self, recognizer_factory: Callable[..., Any] = load_recognizer, **arguments: Any
    ) -> None:
        super().__init__('har_node', **arguments)
        self._factory = recognizer_factory
        self._recognizer: Any = None
        self._intake: Intake | None = None
        self._watch: SilenceWatch | None = None
        self._worker: Worker[Tick] | None = None
        self._timer: Timer | None = None
        self._poll_timer: Timer | None = None
        self._pacer = Pacer()
        self._jump: JumpHandle | None = None
        self._outputs: Outputs | None = None
        self._answered: bool | None = None
        self._figures = Figures()
        self._said: set[str] = set()
        self._last_tick = self._seen_clock = 0.0
        self._standing = 0
        settings.declare(self, parameters.SETTINGS)
        self.add_on_set_parameters_callback(self._check)
        self.add_post_set_parameters_callback(self._apply)
        self._teaching = Teaching(self, lambda: self._recognizer if self._worker else None)
        self._diagnostics = Diagnostics(self.get_fully_qualified_name().lstrip('/'))
        self._diagnostics_publisher = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._diagnostics_timer = self.create_timer(1.0, self._diagnose, clock=self._steady)
        self._begin()

    @property
    def health(self) -> dict[str, StreamHealth]:
        """Health of each stream by name; empty while there are no subscriptions."""
        return self._intake.streams.health if self._intake is not None else {}

    # Lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load and warm up the model; FAILURE with one line where parameters do not work."""
        self.refused = parameters.refusal(self.get_parameters(list(parameters.SETTINGS)), None)
        if self.refused:
            return self._refuse(self.refused)
        try:
            recognizer = self._factory(self._value('checkpoint'), self._value('device'))
            self._teaching.load(recognizer)
            recognizer.decision = parameters.decision(self._value)
            recognizer.warm_up()
        except Exception as error:  # rclpy would swallow it
            return self._refuse(f'cannot load the model: {line_of(error)}')
        try:
            self._outputs = Outputs(self)
        except ValueError as error:
            return self._refuse(str(error))
        self._recognizer = recognizer
        self._figures = Figures()
        loaded = recognizer.settings
        self.get_logger().info(
            f'{len(loaded.labels)} labels from {", ".join(loaded.modalities)}; '
            f'window {loaded.window_seconds:g} s'
        )
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and start to tick."""
        try:
            self._start()
        except Exception as error:  # rclpy would swallow it
            self._refuse(f'cannot start: {line_of(error)}')
            return TransitionCallbackReturn.ERROR
        return super().on_activate(state)

    def _start(self) -> None:
        self._recognizer.reset()
        self._answered = None
        self._last_tick = now = node_seconds(self)
        self._intake = Intake(
            self,
            self._recognizer,
            self._value('layout'),
            self._new_up(),
            parameters.placements(self._value('placements')),
            self._value('camera'),
            self._field_of_view,
            self._image_aspect if self._value('skeleton_type') == 'hri' else None,
        )
        if self._outputs is not None and self._value('camera') != 'off':
            self._outputs.show(self._intake, self._value('camera'), self._field_of_view)
        streams, log = self._intake.streams, self.get_logger()
        patience = self._recognizer.settings.window_seconds
        self._watch = SilenceWatch(
            streams.health, streams.describe, log.warning, log.info, patience, now
        )
        self._worker = Worker(self._recognize, self._failed)
        self._jump = self.get_clock().create_jump_callback(
            JumpThreshold(
                min_forward=Duration(seconds=FORWARD), min_backward=Duration(seconds=-BACKWARD)
            ),
            post_callback=lambda _: self._follow_clock(node_seconds(self)),
        )
        self._timer = self.create_timer(1.0 / self._value('rate'), self._tick)
        self._poll_timer = self.create_timer(
            1.0 / POLL_RATE, self._intake.streams.poll, clock=self._steady
        )
        self._plan()

    def _plan(self) -> None:
        """Plan the next tick, and polls before it, the last of which leaves it little to store.

        So messages are stored when the inference of a tick is over, and not while it is awaited.
        """
        assert self._timer is not None and self._poll_timer is not None
        period = 1.0 / self._value('rate')
        delay = self._pacer.delay(node_seconds(self), period, self._paced())
        _restart(self._timer, delay)
        polls = math.ceil(POLL_RATE * period) - 1
        if polls < 1:
            self._poll_timer.cancel()
            return
        _restart(self._poll_timer, max(delay - LEAD, LEAD) / polls)

    def _paced(self) -> Iterable[StreamHealth]:
        """The streams that ticks go along with: none in simulated time, whose ticks are even."""
        return () if self._value('use_sim_time') else self.health.values()

    def _stop(self) -> None:
        for timer in (self._timer, self._poll_timer):
            if timer is not None:
                self.destroy_timer(timer)
        if self._jump is not None:
            self._jump.unregister()
        if self._intake is not None:
            self._intake.close()
        if self._outputs is not None:
            self._outputs.hide()
        if self._worker is not None and not self._worker.stop():
            self.get_logger().warning('left an inference behind that takes more than 2 s')
        self._timer = self._poll_timer = self._jump = self._worker = self._watch = None

    def _free(self) -> None:
        self._stop()
        if self._outputs is not None:
            self._outputs.close()
        self._outputs = self._recognizer = self._intake = None

    # Parameters

    def _field_of_view(self) -> float:
        return float(self._value('horizontal_fov'))

    def _image_aspect(self) -> float:
        return float(self._value('image_aspect'))

    def _new_up(self) -> UpDirection:
        return UpDirection(*map(self._value, ('skeleton_up', 'camera_pitch', 'layout')))

    def _check(self, changed: Sequence[Parameter[Any]]) -> SetParametersResult:
        check = self._recognizer.check_labels if self._recognizer is not None else None
        line = parameters.refusal(changed, check)
        return SetParametersResult(successful=not line, reason=line)

    def _apply(self, changed: Sequence[Parameter[Any]]) -> None:
        names = {parameter.name for parameter in changed}
        if names & set(parameters.DECISION) and self._recognizer is not None:
            self._recognizer.decision = parameters.decision(self._value)
        if 'rate' in names and self._timer is not None:
            self._plan()
        if names & {'skeleton_up', 'camera_pitch'} and self._intake is not None:
            self._intake.up = self._new_up()

    # Ticks

    def _tick(self) -> None:
        now, begun = node_seconds(self), time.monotonic()
        stalled = now - self._last_tick > 1.0 / self._value('rate') + STALLED
        self._follow_clock(now)
        assert self._intake and self._watch and self._worker
        self._intake.streams.poll()
        while not stalled and (hold := self._hold(now)) > 0.0:
            if hold > AT_HAND or not self._may_wait():
                self._come_again(now + hold)
                return
            time.sleep(hold)  # for a round of the executor it is too short
            now, begun = node_seconds(self), time.monotonic()
            self._intake.streams.poll()
        self._plan()
        if stalled:  # this process stood still, and more may have come than waits here
            self._figures.missed += 1
            return
        answered, self._answered = self._answered, None
        if not self._watch.has_data(now):
            return
        if answered is not None:
            self._watch.answered(answered, now)
        self._figures.ticks += 1
        if not self._worker.trigger((now, begun)):
            self._figures.missed += 1

    def _hold(self, now: float) -> float:
        """Seconds by which this tick is put off: for a sample, or for room to wait; mostly 0."""
        assert self._worker is not None
        if self._worker.waiting:
            return self._pacer.make_room(now)
        return self._pacer.hold(now, self._paced())

    def _may_wait(self) -> bool:
        """Whether a moment of waiting here keeps nothing else from its turn: no node, no clock."""
        alone = self.executor is not None and len(self.executor.get_nodes()) == 1
        return alone and not self._value('use_sim_time')

    def _come_again(self, at: float) -> None:
        """Let this tick come once more at a later time of the node's clock, s."""
        assert self._timer is not None
        _restart(self._timer, max(at - node_seconds(self), SOON))

    def _follow_clock(self, now: float) -> None:
        """Start anew when time went back (a bag loops), be patient again when it leapt ahead."""
        step, self._last_tick = now - self._last_tick, now
        if -BACKWARD <= step <= FORWARD + 1.0 / self._value('rate'):
            return
        assert self._intake and self._watch and self._worker
        if step < 0.0:
            self._intake.streams.discard()  # what waits is of the time before
            self._worker.settle()  # a reset must not meet a running inference
            self._intake.restart()
            self._recognizer.reset()
            self._figures.jumps += 1
            self.get_logger().info(f'time went back by {-step:.1f} s: starting anew')
        for health in self.health.values():
            health.forget_times()
        self._watch.restart(now)

    def _recognize(self, tick: Tick) -> None:
        now, begun = tick
        figures, started = self._figures, time.monotonic()
        activity = self._recognizer.recognize(now)
        figures.inference.append(time.monotonic() - started)
        self._answered = activity is not None
        if activity is None:
            return
        age = node_seconds(self) - activity.newest
        latency = time.monotonic() - begun
        assert self._outputs is not None and self._intake is not None
        self._outputs.publish(activity, self._intake, age, latency, self._value('person'))
        figures.answers += 1
        figures.latency.append(latency)
        figures.age.append(age)
        figures.coverage = dict(activity.coverage)

    def _failed(self, error: Exception) -> None:
        if not self.context.ok():  # the process is on its way out: nothing can be published
            return
        self._figures.failures += 1
        line = traceback.format_exception_only(error)[-1].strip()
        if line not in self._said and len(self._said) < 100:
            self._said.add(line)
            trace = ''.join(traceback.format_exception(error))
            self.get_logger().error(f'an inference failed (said once): {line}\n{trace}')

    def _diagnose(self) -> None:
        now = node_seconds(self)
        self._standing = self._standing + 1 if now == self._seen_clock else 0
        self._seen_clock = now
        fault = self._namesakes.look() or self.refused
        if self._standing >= CLOCK_STANDS:
            clocks = self.count_publishers('/clock')
            fault = f'use_sim_time is true and time stands still, /clock has {clocks} publishers'
            if self._standing == CLOCK_STANDS:
                self.get_logger().warning(fault)
        findings = self._watch.look(now) if self._watch is not None else {}
        self._diagnostics_publisher.publish(
            self._diagnostics.message(now, self.state, self.health, self._figures, findings, fault)
        )


def _restart(timer: Timer, period: float) -> None:
    timer.timer_period_ns = int(1e9 * period)
    timer.reset()


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM."""
    # One thread for torch, which is not loaded yet: inference beside callbacks, not against them.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    return run(lambda: HarNode(load_for_good), args)


if __name__ == '__main__':
    sys.exit(main())
