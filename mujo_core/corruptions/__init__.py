"""What goes wrong with sensors: registered changes of streams, each with its severities.

They act on streams, as a sensor, a driver or a wearer would, never on tensors, so that the same
classes judge a model (`mujo evaluate --protocol robustness`) and train one. A new one is a class::

    @corruption('imu_axis_dead', 'device', severities=('accelerometer', 'gyroscope'))
    class DeadAxis(Corruption):
        def change(self, streams, rng): ...
"""

from mujo_core.corruptions.augment import RandomCorruption
from mujo_core.corruptions.registry import (
    BOTH_MISSING,
    CLEAN,
    PUBLISHED,
    Corruption,
    corrupt,
    corruption,
    corruptions,
    get_corruption,
    make_corruption,
    suite,
)
from mujo_core.corruptions.sigma import Sigma, sigma_of

__all__ = [
    'BOTH_MISSING',
    'CLEAN',
    'PUBLISHED',
    'Corruption',
    'RandomCorruption',
    'Sigma',
    'corrupt',
    'corruption',
    'corruptions',
    'get_corruption',
    'make_corruption',
    'sigma_of',
    'suite',
]
