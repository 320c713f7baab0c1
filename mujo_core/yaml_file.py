"""YAML that others wrote: plain values, or one line on what is wrong."""

from __future__ import annotations

from typing import Any

import yaml


class _PlainLoader(yaml.SafeLoader):
    """Takes no aliases: a few lines of them stand for more than fits into memory."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem='aliases (*name) are not taken', problem_mark=mark)
        return super().compose_node(parent, index)


def read_yaml(content: bytes | str, source: str) -> Any:
    """Parse a YAML document of plain values (no aliases, no tags of one's own).

    Args:
        content: the file's; source: how messages call it.

    Raises:
        ValueError: it is no such document; the line names the source.
    """
    try:
        text = content if isinstance(content, str) else content.decode('utf-8-sig')
        return _PlainLoader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        row = '' if error.problem_mark is None else f', row {error.problem_mark.line + 1}'
        reason = f'{error.problem or error.context}{row}'
    except RecursionError:
        reason = 'nested too deeply'
    # A timestamp such as 2020-99-99 and a number out of bounds are plain ValueErrors.
    except (yaml.YAMLError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
    raise ValueError(f'{source}: not a YAML file ({reason})')
