"""Loss terms and the strategies that weigh them, each registered by its name.

Importing the room registers its own ones.
"""

from mujo_core.objectives import (
    classification,
    consistency,
    contrastive,
    gradient_strategies,
    outlier_exposure,
    reconstruction,
    regression,
    strategies,
)
from mujo_core.objectives.registry import STRATEGIES, TERMS, strategy, term

__all__ = [
    'STRATEGIES',
    'TERMS',
    'classification',
    'consistency',
    'contrastive',
    'gradient_strategies',
    'outlier_exposure',
    'reconstruction',
    'regression',
    'strategies',
    'strategy',
    'term',
]
