"""Modules that lay out their weights once for all that they infer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch
from torch import nn

T = TypeVar('T')


class Prepared(nn.Module, Generic[T]):
    """A module that keeps something made of its weights, for as long as these cannot change.

    That is in inference mode, until the next `train`, `eval`, `to` or `load_state_dict`; who writes
    to weights in another way calls `forget_prepared`.
    """

    _kept: T | None = None

    def prepared(self, make: Callable[[], T]) -> T:
        """Return what `make` makes of the weights as they are."""
        if not torch.is_inference_mode_enabled():
            return make()
        if self._kept is None:
            self._kept = make()
        return self._kept

    def forget_prepared(self) -> None:
        """Have it made anew."""
        self._kept = None

    def train(self, mode: bool = True) -> Any:
        """Train or evaluate."""
        self.forget_prepared()
        return super().train(mode)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Any:
        self.forget_prepared()
        return super()._apply(fn, recurse)

    def _load_from_state_dict(self, *arguments: Any) -> None:
        self.forget_prepared()
        super()._load_from_state_dict(*arguments)
