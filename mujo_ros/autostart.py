"""What every node of this package does alike: a lifecycle node that can bring itself up."""

from __future__ import annotations

import traceback
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.task import Future
from rclpy.timer import Timer

from mujo_ros.namesakes import Namesakes

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class AutostartNode(LifecycleNode):
    """A lifecycle node that configures and activates itself where its `autostart` says so.

    A node implements `_stop` (what activation made goes) and `_free` (everything goes), both of
    which may be called in any state, and calls `_begin` at the end of its constructor.

    Attributes:
        failure: done when the node cannot go on and its process should end.
        refused: why the last transition was not made, one line; '' after one that was.
    """

    def __init__(self, name: str, **arguments: Any) -> None:
        super().__init__(name, **arguments)
        self.failure: Future[str] = Future()
        # Steady, so that it also runs when simulated time stands still.
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._start_timer: Timer | None = None
        self._namesakes = Namesakes(self)
        self.refused = ''

    def _stop(self) -> None:
        raise AssertionError(f'{type(self).__name__} implements _stop')

    def _free(self) -> None:
        raise AssertionError(f'{type(self).__name__} implements _free')

    def _begin(self) -> None:
        if self._value('autostart'):
            self._start_timer = self.create_timer(0.0, self._autostart, clock=self._steady)

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    @property
    def state(self) -> str:
        """Label of the lifecycle state."""
        return str(self._state_machine.current_state[1])

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe and stop; the model stays loaded."""
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model."""
        self._free()
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free, from any state."""
        self._free()
        return SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Back to unconfigured, from where it can be configured again."""
        self.get_logger().error(f'a transition from {state.label} failed: now unconfigured')
        self._free()
        return SUCCESS

    def destroy_node(self) -> None:
        """Stop the worker before its publishers go; leave the domain at once."""
        self._free()
        super().destroy_node()
        # It holds the participant until the garbage collector comes by.
        self._state_machine.destroy_when_not_in_use()

    def _autostart(self) -> None:
        assert self._start_timer is not None
        self.destroy_timer(self._start_timer)
        started = self.state != 'unconfigured' or (
            self.trigger_configure() == SUCCESS and self.trigger_activate() == SUCCESS
        )
        if not started:
            self.failure.set_result('autostart failed')

    def _refuse(self, line: str) -> TransitionCallbackReturn:
        """Say in one line why a transition is not made."""
        self.refused = line
        self.get_logger().error(line)
        return FAILURE


def line_of(error: Exception) -> str:
    """The line of an expected error; of any other also its name and where it was raised."""
    if isinstance(error, ValueError | OSError | ImportError):
        return str(error)
    return ''.join(traceback.format_exception(error)).strip()
