"""Symmetric InfoNCE between two modalities (van den Oord et al. 2018; Radford et al. 2021)."""

from __future__ import annotations

import torch
from torch.nn import functional


def info_nce(
    first: torch.Tensor,
    second: torch.Tensor,
    labels: torch.Tensor,
    present: torch.Tensor,
    scale: torch.Tensor,
) -> torch.Tensor:
    """Pull the two views of a window together and push other activities' windows away.

    Windows of one label are not each other's negatives: they are left out of the denominator.

    Args:
        first, second: (B, E) unit vectors of two modalities.
        labels: (B,) label of each window.
        present: (B,) bool, windows that hold both modalities.
        scale: 1 / temperature.

    Returns:
        The mean loss; 0 with fewer than two such windows.
    """
    if int(present.sum()) < 2:
        return first.sum() * 0.0
    first, second, labels = first[present], second[present], labels[present]
    similarity = scale * first @ second.T
    same = labels[:, None] == labels[None, :]
    same.fill_diagonal_(False)
    similarity = similarity.masked_fill(same, float('-inf'))
    target = torch.arange(len(labels), device=first.device)
    forward = functional.cross_entropy(similarity, target)
    backward = functional.cross_entropy(similarity.T, target)
    return (forward + backward) / 2
