"""What is raised for a message that cannot be used, in a bag or on a topic."""

from __future__ import annotations


class MessageError(ValueError):
    """A message that cannot be used; `kind` is one word to count by, the text is one line."""

    def __init__(self, kind: str, line: str) -> None:
        super().__init__(line)
        self.kind = kind
