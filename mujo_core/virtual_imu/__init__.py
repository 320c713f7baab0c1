"""What an accelerometer and gyroscope on a moving skeleton would measure.

A device on a limb has x along the bone, away from the trunk. Where it faces around the bone
follows the hinge of the limb (elbow, knee): the normal of the plane of its two bones, as far as
they span one, and otherwise where that hinge points when the limb swings there from hanging
without twist. The turn from hinge to the device's y was fitted to UTD-MHAD's wrist and thigh
devices; a device on the left is worn as in a mirror. Devices on chest, waist, back and head have
x forward, y left, z up (REP-103). At rest the accelerometer reads 1 g along up (REP-145).

What comes is clean. `with_noise` adds a sensor's errors; a `Likeness` fitted to a few real
recordings moves the distribution of the samples onto theirs.
"""

from mujo_core.virtual_imu.likeness import Likeness, fit_likeness, read_likeness, write_likeness
from mujo_core.virtual_imu.noise import NOISES, ImuNoise, SensorNoise, noise_named, with_noise
from mujo_core.virtual_imu.placements import PLACEMENTS
from mujo_core.virtual_imu.samples import MAX_GAP, OnlineVirtualImu, virtual_imu

__all__ = [
    'MAX_GAP',
    'NOISES',
    'PLACEMENTS',
    'ImuNoise',
    'Likeness',
    'OnlineVirtualImu',
    'SensorNoise',
    'fit_likeness',
    'noise_named',
    'read_likeness',
    'virtual_imu',
    'with_noise',
    'write_likeness',
]
