"""Where in the joint space each label of training lies, and how near to one of them a window is.

What was never met lies far from every label, also where its direction resembles one's: direction
and length count together, each by how much it usually varies (Lee et al., NeurIPS 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

_LEAST = 2
"""Windows of a label from which on it has a place."""


class ModalityClusters(nn.Module):
    """(B, size) vectors of one modality to their (B, L) squared distances from L labels.

    Distances are Mahalanobis': in units of how much windows of one label usually differ.
    """

    def __init__(self, labels: int, size: int) -> None:
        super().__init__()
        self.register_buffer('whitening', torch.eye(size))
        self.whitening: torch.Tensor
        self.register_buffer('places', torch.zeros(labels, size))
        self.places: torch.Tensor
        self.register_buffer('known', torch.zeros(labels, dtype=torch.bool))
        self.known: torch.Tensor

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return squared distances; those of labels that are not `known` mean nothing."""
        # Squares of what may be far would not fit into half precision.
        with torch.autocast(vectors.device.type, enabled=False):
            own = vectors.float() @ self.whitening
            return (own.unsqueeze(1) - self.places).square().sum(dim=2)

    @torch.no_grad()
    def measure(self, vectors: torch.Tensor, labels: torch.Tensor, shrinkage: float) -> None:
        """Set the places of the labels, and what a distance of 1 is.

        Args:
            vectors: (N, size) of windows of training; labels: (N,) of each.
            shrinkage: of the covariance towards one that is the same in all directions.
        """
        count = torch.bincount(labels, minlength=len(self.places))
        means = torch.zeros_like(self.places).index_add_(0, labels, vectors)
        means /= count.clamp(min=1).unsqueeze(1)
        self.known.copy_(count >= _LEAST)
        rest = (vectors - means[labels])[self.known[labels]].double()
        covariance = rest.T @ rest / max(len(rest), 1)
        usual = covariance.diagonal().mean().clamp(min=1e-9)
        covariance += shrinkage * usual * torch.eye(len(covariance), dtype=torch.double)
        values, axes = torch.linalg.eigh(covariance)
        whitening = (axes * values.rsqrt()) @ axes.T
        self.whitening.copy_(whitening)
        self.places.copy_(means.double() @ whitening)


class Clusters(nn.Module):
    """(B, size) vectors of each modality to how near (B,) a window is to a label of training.

    Args:
        modalities: their names; labels: how many; size: of a vector.
    """

    def __init__(self, modalities: Sequence[str], labels: int, size: int) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({m: ModalityClusters(labels, size) for m in modalities})

    def of(self, modality: str) -> ModalityClusters:
        """Return those of a modality."""
        found = self.parts[modality]
        assert isinstance(found, ModalityClusters)
        return found

    def forward(
        self, vectors: Mapping[str, torch.Tensor], among: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return one over the distance to the nearest label.

        A label is judged by the modalities that training knew it from; their squared distances
        add up.

        Args:
            vectors: modality to (B, size), zero where absent.
            among: (L,) bool of the labels that count; None for all.
        """
        distances, judged, present = [], [], []
        for modality, found in vectors.items():
            clusters = self.of(modality)
            there = (found != 0).any(dim=1, keepdim=True)
            known = clusters.known if among is None else clusters.known & among
            judged.append((there & known).float())
            distances.append(clusters(found) * judged[-1])
            present.append(there.float())
        total, count = torch.stack(distances).sum(dim=0), torch.stack(judged).sum(dim=0)
        # As if what a label is not known from said the same of it.
        total = total / count.clamp(min=1.0) * torch.stack(present).sum(dim=0)
        total = torch.where(count > 0, total, torch.full_like(total, torch.inf))
        return total.amin(dim=1).clamp(min=1e-6).rsqrt()
