"""Other answers beside ours, on the same people and windows; a baseline is one file.

A baseline is a class with `fit` and `probabilities`, registered by name::

    @baseline('minirocket', 'MiniRocket features and a ridge classifier')
    class MiniRocket: ...
"""

from mujo_core.evaluation.baselines.comparison import baseline_table, compare_with_baseline
from mujo_core.evaluation.baselines.registry import (
    Baseline,
    baseline,
    baselines,
    get_baseline,
    make_baseline,
)

__all__ = [
    'Baseline',
    'baseline',
    'baseline_table',
    'baselines',
    'compare_with_baseline',
    'get_baseline',
    'make_baseline',
]
