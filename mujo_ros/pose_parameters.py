"""Declared, described and checked parameters of `pose_node`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

TRANSPORTS = ('raw', 'compressed')
LIVE = ('horizontal_fov',)  # may change while the model is loaded

# name: default, description, limits
PARAMETERS: dict[str, tuple[Any, str, tuple[float, float] | None]] = {
    'image_transport': (
        'raw',
        'Which camera topic: raw (camera/image_raw) or compressed (camera/image_raw/compressed)',
        None,
    ),
    'horizontal_fov': (
        1.15,
        'Field of view assumed while no camera/camera_info comes, rad',
        (0.1, 3.0),
    ),
    'min_confidence': (0.5, 'Below it a body is not reported', (0.0, 1.0)),
    'model_complexity': (1, 'MediaPipe model: 0 lite, 1 full (comes with it), 2 heavy', (0, 2)),
    'autostart': (True, 'Configure and activate at the start, without a lifecycle manager', None),
}


def declare(node: Node) -> None:
    """Declare every parameter with its description and range."""
    for name, (default, description, limits) in PARAMETERS.items():
        descriptor = ParameterDescriptor(description=description)
        if limits and isinstance(default, float):
            low, high = limits
            descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        elif limits:
            descriptor.integer_range = [
                IntegerRange(from_value=int(limits[0]), to_value=int(limits[1]))
            ]
        node.declare_parameter(name, default, descriptor)


def refusal(parameters: Iterable[Parameter[Any]], loaded: bool) -> str:
    """One line on why `parameters` cannot be set, '' when they can; `loaded`: configured."""
    for parameter in parameters:
        name, value = parameter.name, parameter.value
        if name == 'image_transport' and value not in TRANSPORTS:
            return f'expected {name} out of {", ".join(TRANSPORTS)}, got {value!r}'
        if loaded and name in PARAMETERS and name not in LIVE:
            return (
                f'{name} is read when the node is configured: deactivate and clean up first '
                '(ros2 lifecycle set), then set and configure'
            )
    return ''


def check(parameters: Iterable[Parameter[Any]], loaded: bool) -> SetParametersResult:
    """Validate a change of parameters, for `add_on_set_parameters_callback`."""
    reason = refusal(parameters, loaded)
    return SetParametersResult(successful=not reason, reason=reason)
