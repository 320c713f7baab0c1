"""YAML that others wrote: plain values, or one line on what is wrong."""

from __future__ import annotations

from typing import Any

import yaml

# libyaml's, where PyYAML has it: a file of many taught examples takes a twentieth of the time.
Loader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
Dumper: Any = getattr(yaml, 'CSafeDumper', yaml.SafeDumper)

_DEEPEST = 50
_OPENS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSES = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def _refuse_what_is_not_plain(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        depth += isinstance(event, _OPENS) - isinstance(event, _CLOSES)
        mark: Any = event.start_mark
        # A few lines of aliases stand for more than fits into memory.
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem='aliases (*name) are not taken', problem_mark=mark)
        if depth > _DEEPEST:
            raise yaml.MarkedYAMLError(problem='nested too deeply', problem_mark=mark)


def read_yaml(content: bytes | str, source: str) -> Any:
    """Parse a YAML document of plain values (no aliases, no tags of one's own).

    Args:
        content: the file's; source: how messages call it.

    Raises:
        ValueError: it is no such document; the line names the source.
    """
    try:
        text = content if isinstance(content, str) else content.decode('utf-8-sig')
        _refuse_what_is_not_plain(text)
        return Loader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        row = '' if error.problem_mark is None else f', row {error.problem_mark.line + 1}'
        reason = f'{error.problem or error.context}{row}'
    # A timestamp such as 2020-99-99 and a number out of bounds are plain ValueErrors.
    except (yaml.YAMLError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
    raise ValueError(f'{source}: not a YAML file ({reason})')
