"""Loss terms; each is a function of unit vectors and labels, masked where a modality is absent."""

from mujo_core.objectives.classification import classification
from mujo_core.objectives.contrastive import info_nce

__all__ = ['classification', 'info_nce']
