"""Classification against label embeddings, of each modality alone and of their fusion."""

from __future__ import annotations

import torch
from torch.nn import functional

from mujo_core.objectives.global_mean import global_mean


def classification(
    logits: torch.Tensor, labels: torch.Tensor, present: torch.Tensor, smoothing: float
) -> torch.Tensor:
    """Cross entropy of (B, L) logits with label smoothing over the windows that are `present`.

    Returns:
        The mean loss; 0 with no such window.
    """
    losses = functional.cross_entropy(
        logits[present], labels[present], label_smoothing=smoothing, reduction='none'
    )
    return global_mean(losses)
