"""Declared, described and checked parameters of `har_node`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.lifecycle import LifecycleNode
from rclpy.parameter import Parameter

from mujo_core.inertial import check_placement
from mujo_core.skeleton import LAYOUTS

MAX_PLACEMENTS = 32
MAX_TEXT = 4096  # characters of a parameter, as long as a path may be


@dataclass(frozen=True)
class Setting:
    """One parameter: default, a line for people, limits; `live`: may change while loaded."""

    default: Any
    description: str
    range: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    live: bool = False


UP_AXES = ('auto', 'x', '-x', 'y', '-y', 'z', '-z')

SETTINGS: dict[str, Setting] = {
    'checkpoint': Setting('', 'Folder of the checkpoint; empty: the one that comes with mujo'),
    'rate': Setting(10.0, 'Answers a second on the clock of the node, Hz', (0.1, 100.0), live=True),
    'placements': Setting(
        ['right_wrist'], 'Where IMUs are worn; each has a topic imu/<placement>; may be empty'
    ),
    'skeleton_type': Setting(
        'cloud',
        'What skeletons are: cloud, sensor_msgs/PointCloud2 on skeleton; hri, hri_msgs/Skeleton2D '
        'on skeleton2d (REP-155, with layout openpose18)',
        choices=('cloud', 'hri'),
    ),
    'image_aspect': Setting(
        4 / 3,
        'Width by height of the image that a skeleton of hri_msgs was found in',
        (0.1, 10.0),
        live=True,
    ),
    'layout': Setting(
        'mediapipe33', 'Joint list of the clouds on skeleton', choices=tuple(sorted(LAYOUTS))
    ),
    'skeleton_up': Setting(
        'auto',
        'Axis of the frame of skeleton that points up; auto: -y for frames that end in '
        '_optical_frame (camera_pitch is applied), else found from the body',
        choices=UP_AXES,
        live=True,
    ),
    'camera_pitch': Setting(
        0.0,
        'How far the camera looks down, rad; negative: up; for skeletons in optical frames',
        (-1.6, 1.6),
        live=True,
    ),
    'camera': Setting(
        'raw',
        'Camera topic, where the checkpoint has video: camera/image_raw, its /compressed '
        '(/compressedDepth for a checkpoint of depth), or off',
        choices=('raw', 'compressed', 'off'),
    ),
    'horizontal_fov': Setting(
        1.15,
        'Field of view of the camera assumed while no camera/camera_info comes, rad',
        (0.1, 3.0),
        live=True,
    ),
    'device': Setting('cpu', 'Where the model runs', choices=('auto', 'cpu', 'cuda')),
    'top_k': Setting(5, 'How many scores an answer lists', (1, 100)),
    'false_alarm_rate': Setting(
        0.05, 'Share of known activities that may be called unknown', (0.001, 0.5)
    ),
    'person': Setting('', 'Name put into the field person of each answer', live=True),
    'autostart': Setting(True, 'Configure and activate at the start, without a lifecycle manager'),
}


def declare(node: LifecycleNode) -> None:
    """Declare every parameter with its description and range."""
    for name, setting in SETTINGS.items():
        descriptor = ParameterDescriptor(description=setting.description)
        if setting.choices:
            descriptor.additional_constraints = f'one of {", ".join(setting.choices)}'
        if setting.range and isinstance(setting.default, float):
            low, high = setting.range
            descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        elif setting.range:
            low, high = setting.range
            descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
        # An empty list on the command line or in YAML has no type.
        descriptor.dynamic_typing = isinstance(setting.default, list)
        node.declare_parameter(name, setting.default, descriptor)


def refusal(parameters: Iterable[Parameter[Any]], loaded: bool) -> str:
    """One line on why `parameters` cannot be set, '' when they can; `loaded`: configured."""
    for parameter in parameters:
        setting, value = SETTINGS.get(parameter.name), parameter.value
        if setting is None:
            continue
        if loaded and not setting.live:
            return (
                f'{parameter.name} is read when the node is configured: deactivate and clean up '
                'first (ros2 lifecycle set), then set and configure'
            )
        if isinstance(value, str) and len(value) > MAX_TEXT:
            return f'expected {parameter.name} of at most {MAX_TEXT} characters, got {len(value)}'
        if setting.choices and value not in setting.choices:
            return f'expected {parameter.name} out of {", ".join(setting.choices)}, got {value!r}'
        if parameter.name == 'placements':
            line = _placements_refusal(value)
            if line:
                return line
    return ''


def _placements_refusal(value: Any) -> str:
    try:
        names = placements(value)
    except ValueError as error:
        return str(error)
    if len(names) > MAX_PLACEMENTS:
        return f'expected at most {MAX_PLACEMENTS} placements, got {len(names)}'
    return ''


def placements(value: Any) -> list[str]:
    """Names of the parameter `placements`; ValueError unless each can be part of a topic."""
    if value is None:
        return []
    if not isinstance(value, list | tuple) and not hasattr(value, 'tolist'):
        raise ValueError(f"expected placements as a list such as ['right_wrist'], got {value!r}")
    names = [name for name in value if name != '']
    for name in names:
        check_placement(str(name))
    if len(set(names)) != len(names):
        raise ValueError(f'expected each placement once, got {", ".join(names)}')
    return names


def check(parameters: Iterable[Parameter[Any]], loaded: bool) -> SetParametersResult:
    """Validate a change of parameters, for `add_on_set_parameters_callback`."""
    reason = refusal(parameters, loaded)
    return SetParametersResult(successful=not reason, reason=reason)
