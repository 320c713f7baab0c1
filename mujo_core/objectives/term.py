"""What a loss term is, and what it is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn
from torch.nn import functional

from mujo_core.model.batch import Batch
from mujo_core.model.joint_space import JointSpace
from mujo_core.model.sequence import Steps

UNLABELLED = -1
"""The label of a window of which none is known."""
OUTLIER = -(2**40)
"""The label of a window that is known to be none of the labels, and whatever is below."""


@dataclass(frozen=True)
class CleanWindows:
    """The corrupted windows of a batch as they were before anything went wrong with them.

    Attributes:
        batch: M windows; rows: (M,) int64, their places in the batch, each at most once.
    """

    batch: Batch
    rows: torch.Tensor

    def to(self, device: torch.device | str) -> CleanWindows:
        """Return them on another device."""
        return CleanWindows(self.batch.to(device), self.rows.to(device))


@dataclass(frozen=True)
class TermInputs:
    """One training step, encoded once for all terms.

    Attributes:
        model: the joint space that is trained.
        batch: B windows.
        labels: (B,) int64 places among the labels, `UNLABELLED` where none is known, and
            `OUTLIER` where it is none of them, each or any number below that.
        label_vectors: (L, E) unit vectors of the labels.
        steps: modality to its encoder's steps; what no window holds is left out.
        vectors: every modality to (B, E) vectors, not normalized; 0 where absent.
        generator: what terms draw at random from; None for torch's own.
        clean: the windows that were corrupted, as they were before; None where that is not told.
        wider: (L, L) bool, is the label of the column wider than that of the row? None: none is.
    """

    model: JointSpace
    batch: Batch
    labels: torch.Tensor
    label_vectors: torch.Tensor
    steps: dict[str, Steps]
    vectors: dict[str, torch.Tensor]
    generator: torch.Generator | None = None
    clean: CleanWindows | None = None
    wider: torch.Tensor | None = None

    @classmethod
    def encode(
        cls,
        model: JointSpace,
        batch: Batch,
        labels: torch.Tensor,
        sentences: torch.Tensor,
        generator: torch.Generator | None = None,
        clean: CleanWindows | None = None,
        wider: torch.Tensor | None = None,
    ) -> TermInputs:
        """Run the encoders.

        Args:
            sentences: (L, 384) sentence embeddings of the labels.
        """
        label_vectors = model.label_vectors(sentences)
        steps = model.steps(batch)
        absent = label_vectors.new_zeros(len(batch), model.settings.size)
        vectors = dict.fromkeys(model.modalities, absent) | model.pool(steps)
        return cls(model, batch, labels, label_vectors, steps, vectors, generator, clean, wider)

    @cached_property
    def present(self) -> dict[str, torch.Tensor]:
        """Modality to (B,) bool: has the window any of it?"""
        return {modality: self.batch.present[modality] for modality in self.vectors}

    @cached_property
    def units(self) -> dict[str, torch.Tensor]:
        """Modality to (B, E) unit vectors; 0 where absent."""
        return {m: functional.normalize(v, dim=-1) for m, v in self.vectors.items()}

    @cached_property
    def fused(self) -> torch.Tensor:
        """(B, E) unit vectors of whatever the windows hold."""
        return self.model.fuse(self.vectors)

    def views(self, lone: float) -> list[tuple[torch.Tensor, torch.Tensor, float]]:
        """Return (B, E) unit vectors, (B,) which are there, and their weight: of the fused ones 1,
        of each modality's `lone`."""
        anything = torch.stack(list(self.present.values())).any(dim=0)
        alone = [(unit, self.present[m], lone) for m, unit in self.units.items()]
        return [(self.fused, anything, 1.0), *alone]

    @property
    def labelled(self) -> torch.Tensor:
        """(B,) bool: is the label known?"""
        return self.labels >= 0

    @property
    def outliers(self) -> torch.Tensor:
        """(B,) bool: is it none of the labels?"""
        return self.labels <= OUTLIER


class Term(nn.Module):
    """A loss term, registered by name; its options are keyword arguments with a default.

    Its heads serve training alone and are not in the checkpoint. It is built from the model's
    sizes but must not hold the model, which it is given with every step.
    """

    def __init__(self, model: JointSpace) -> None:
        super().__init__()

    def forward(self, inputs: TermInputs) -> torch.Tensor | None:
        """Return the loss of a step, or None where no window of it has what the term needs.

        With several processes all of them return None, or none (see `gather`). The loss of one
        that has no entry is a zero that still hangs on the encoders: with norms shared over
        processes, their backward pass is taken together.
        """
        raise NotImplementedError
