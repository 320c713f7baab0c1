"""Every term and strategy by its name.

    @term('my_term')
    class MyTerm(Term):
        def __init__(self, model: JointSpace, *, option: float = 1.0) -> None: ...

is all that `--objectives.terms.my_term 0.5 --objectives.options.my_term.option 2` needs, once the
module that holds the class is imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from torch import nn

from mujo_core.objectives.strategy import Strategy
from mujo_core.objectives.term import Term

Kind = TypeVar('Kind', bound=nn.Module)


class Registry(Generic[Kind]):
    """Classes of one kind by name.

    Args:
        kind: the word for one of them, for messages.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.classes: dict[str, type[Kind]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self.classes))

    def register(self, name: str) -> Callable[[type[Kind]], type[Kind]]:
        """Return a decorator that files a class under a name."""

        def file(found: type[Kind]) -> type[Kind]:
            if name in self.classes:
                raise ValueError(f'a {self.kind} {name!r} is there already; choose another name')
            self.classes[name] = found
            return found

        return file

    def defaults(self, name: str) -> dict[str, Any]:
        """Return the options of a class with their defaults.

        Raises:
            ValueError: an unknown name; the message lists the names.
        """
        if name not in self.classes:
            raise ValueError(
                f'expected a {self.kind} out of {", ".join(self.names)}; {name!r} came'
            )
        parameters = inspect.signature(self.classes[name]).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    def check(self, name: str, options: Mapping[str, Any]) -> None:
        """Raise ValueError for an unknown name or option, or a value of another type."""
        defaults = self.defaults(name)
        for key, value in options.items():
            if key not in defaults:
                known = ', '.join(defaults) or 'none'
                raise ValueError(f'{self.kind} {name} has the options {known}; {key!r} came')
            if not _fits(value, defaults[key]):
                raise ValueError(
                    f'option {key} of {self.kind} {name}: expected a value such as '
                    f'{defaults[key]!r}, {value!r} came'
                )

    def make(self, name: str, *arguments: Any, **options: Any) -> Kind:
        """Build one, with its options checked."""
        self.check(name, options)
        return self.classes[name](*arguments, **options)


def _fits(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    if isinstance(default, tuple):
        # None of them is usual: names.
        like = default[0] if default else ''
        return isinstance(value, list | tuple) and all(_fits(v, like) for v in value)
    return isinstance(value, type(default))


TERMS: Registry[Term] = Registry('term')
STRATEGIES: Registry[Strategy] = Registry('strategy')
term = TERMS.register
strategy = STRATEGIES.register
