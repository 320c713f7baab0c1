"""Classification against label embeddings, of each modality alone and of their fusion."""

from __future__ import annotations

import torch
from torch.nn import functional


def classification(
    logits: torch.Tensor, labels: torch.Tensor, present: torch.Tensor, smoothing: float
) -> torch.Tensor:
    """Cross entropy of (B, L) logits with label smoothing over the windows that are `present`.

    Returns:
        The mean loss; 0 with no such window.
    """
    if not bool(present.any()):
        return logits.sum() * 0.0
    return functional.cross_entropy(logits[present], labels[present], label_smoothing=smoothing)
