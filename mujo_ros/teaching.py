"""`~/teach` and `~/forget` of `har_node`: activities taught by showing them, while it runs.

What is taught is named by the parameter `teach.label`, since std_srvs/Trigger, which every
installation has, carries no words. The answer's message is a JSON object, or the one line on why
nothing was changed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from mujo_core.labels import identifier, merge
from mujo_core.recognition.taught import TaughtLabel, load_taught, save_taught
from mujo_ros.autostart import line_of

Report = dict[str, Any]


class Teaching:
    """The two services, and the file that keeps what they change.

    Args:
        node: has the parameters `taught` and `teach.*`.
        recognizer: gives the one at work; None while the node is not active.
    """

    def __init__(self, node: Node, recognizer: Callable[[], Any]) -> None:
        self._node = node
        self._recognizer = recognizer
        # Of its own: the node's other callbacks go on while an answer is awaited.
        group = MutuallyExclusiveCallbackGroup()
        for name, change in (('~/teach', self._teach), ('~/forget', self._forget)):
            node.create_service(Trigger, name, self._service(change), callback_group=group)

    def load(self, recognizer: Any) -> None:
        """Let a recognizer say what the file holds, where one is named.

        Raises:
            OSError: it cannot be read; ValueError: it is no such file, or of another model.
        """
        file = self._file()
        if file is None:
            return
        if file.exists():
            recognizer.learn(load_taught(file))
        else:
            self._node.get_logger().warning(f'{file} is not there yet: ~/teach will make it')

    def _file(self) -> Path | None:
        name = self._value('taught')
        return Path(name).expanduser() if name else None

    def _value(self, name: str) -> Any:
        return self._node.get_parameter(name).value

    def _service(self, change: Callable[[Any, str], Report]) -> Callable[..., Any]:
        async def answer(request: Any, response: Any) -> Any:
            try:
                recognizer = self._recognizer()
                if recognizer is None:
                    raise ValueError('expected an active node: ros2 lifecycle set NODE activate')
                words = self._value('teach.label')
                if not identifier(words.partition(':')[0]):
                    raise ValueError(
                        'expected the name of an activity in the parameter teach.label, such as '
                        f'"wipe the table", {words!r} came'
                    )
                report = await _beside(lambda: change(recognizer, words))
                response.success, response.message = True, json.dumps(report)
            except Exception as error:  # rclpy would end the node
                response.message = line_of(error)
                self._node.get_logger().warning(f'refused: {line_of(error)}')
            return response

        return answer

    def _teach(self, recognizer: Any, words: str) -> Report:
        kept = self._kept()
        name, _, description = (part.strip() for part in words.partition(':'))
        self._take_over(recognizer, kept, name)
        lesson = recognizer.teach(name, description, self._value('teach.seconds'))
        kept[lesson.name] = lesson.taught[lesson.name]
        report = {**lesson.to_dict(), 'file': self._keep(kept, lesson.name)}
        hit = ', '.join(report['collides_with']) or 'nothing'
        self._node.get_logger().info(f'taught {lesson.name}: collides with {hit}')
        return report

    def _forget(self, recognizer: Any, words: str) -> Report:
        kept = self._kept()
        name = identifier(words.partition(':')[0])
        self._take_over(recognizer, kept, name)
        recognizer.forget(name)
        kept.pop(name, None)
        self._node.get_logger().info(f'forgot {name}')
        file = self._keep(kept, name)
        return {'label': name, 'taught': list(recognizer.taught), 'file': file}

    @staticmethod
    def _take_over(recognizer: Any, kept: Mapping[str, TaughtLabel], name: str) -> None:
        """Let the recognizer know examples that others put into the file meanwhile."""
        for meant in (identifier(name), merge(name)):
            known = recognizer.taught.get(meant)
            if meant in kept and (known is None or known.sources != kept[meant].sources):
                recognizer.learn({meant: kept[meant]})

    def _kept(self) -> dict[str, TaughtLabel]:
        """What the file holds now, which others may have changed; read before anything changes."""
        file = self._file()
        return load_taught(file) if file is not None and file.exists() else {}

    def _keep(self, kept: Mapping[str, TaughtLabel], name: str) -> str:
        file = self._file()
        if file is None:
            return ''
        try:
            save_taught(kept, file)
        except OSError as error:
            raise OSError(f'{name} is changed until the node is cleaned up, but {error}') from error
        return str(file)


async def _beside(work: Callable[[], Report]) -> Report:
    """Do work in a thread of its own: a text encoder may take seconds to load."""
    done: Future[Report] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except Exception as error:
            done.set_exception(error)

    threading.Thread(target=run, name='teaching', daemon=True).start()
    result = await done
    assert result is not None
    return result
