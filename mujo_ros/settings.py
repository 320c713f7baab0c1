"""A node's parameters as a table: declared with descriptors from it, and checked against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

MAX_TEXT = 4096  # characters of a parameter, as long as a path may be


@dataclass(frozen=True)
class Setting:
    """One parameter: default, a line for people, limits; `live`: may change while loaded."""

    default: Any
    description: str
    range: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    live: bool = False


def declare(node: Node, settings: Mapping[str, Setting]) -> None:
    """Declare every parameter with its description and range."""
    for name, setting in settings.items():
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


def refusal(
    settings: Mapping[str, Setting], parameters: Iterable[Parameter[Any]], loaded: bool
) -> str:
    """One line on why `parameters` cannot be set, '' when they can; `loaded`: configured."""
    for parameter in parameters:
        setting, value = settings.get(parameter.name), parameter.value
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
    return ''


def names_of(parameter: str, value: Any) -> list[str]:
    """The strings of a list parameter, [''] and None being empty; each may occur once.

    Raises:
        ValueError: not a list of strings, or one of them twice.
    """
    if value is None:
        return []
    is_list = isinstance(value, list | tuple) or hasattr(value, 'tolist')
    if not is_list or not all(isinstance(name, str) for name in value):
        raise ValueError(f"expected {parameter} as a list such as ['a', 'b'], got {value!r}")
    names = [name for name in value if name != '']
    if len(set(names)) != len(names):
        raise ValueError(f'expected each of {parameter} once, got {", ".join(names)}')
    return names
