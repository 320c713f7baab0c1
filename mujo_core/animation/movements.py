"""Key poses of `data/movements.yaml` to recordings, each of another body, pace and style."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml
from scipy.spatial.transform import Rotation

from mujo_core.animation.body import ANGLES, LIMBS, SIDES, TRUNK, joints_of, standard_lengths
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.skeleton import MIRRORED_JOINTS

RATE = 25.0
SECONDS = 6.0
"""Of a recording of what is done again and again, or of a posture."""
_STILL = (0.3, 2.5)
"""Seconds of stillness before and after what is done once."""
_UNEVEN = 0.08
"""Spread of extent and pace from one time to the next."""
_ONE_SIDED = 6.0
"""Degrees by which left and right differ."""
_SWAY = 2.5
"""Degrees by which every angle wanders."""
_SIZES = 0.08
"""Spread of the bones' lengths."""

Pose = dict[str, float]


@cache
def _described() -> dict[str, Any]:
    text = resources.files('mujo_core').joinpath('data/movements.yaml').read_text('utf-8')
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def animated_labels() -> tuple[str, ...]:
    """Return the labels that have movements."""
    return tuple(_described()['movements'])


def animate(label: str, name: str, seed: int) -> Recording:
    """Return a recording (pose, canonical16, z up) of a movement, the same for the same seed."""
    rng = np.random.default_rng((seed, *label.encode()))
    ways = _described()['movements'][label]
    way = ways[int(rng.integers(len(ways)))]
    poses = _drawn_poses(way, rng)
    if way.get('once'):
        stamps, angles, segments = _once(label, way, poses, rng)
    else:
        stamps, angles = _again(way, poses, rng)
        segments = [Segment(label, 0.0, float(stamps[-1]))]
    _sway(stamps, angles, rng)
    speed = rng.uniform(*way['speed']) if 'speed' in way else 0.0
    angles['ahead'] = angles['ahead'] + speed * stamps
    joints = joints_of(angles, _lengths(rng))
    if rng.random() < 0.5:
        joints = joints[:, list(MIRRORED_JOINTS)] * np.array([1.0, -1.0, 1.0], np.float32)
    facing = Rotation.from_euler('z', rng.uniform(0.0, 2 * np.pi)).as_matrix().astype(np.float32)
    pose = Stream(stamps, joints @ facing.T, layout='canonical16', up=(0.0, 0.0, 1.0))
    return Recording(name, 'animated', 'nobody', {'pose': pose}, segments)


def _lengths(rng: np.random.Generator) -> np.ndarray:
    sizes = np.exp(rng.normal(size=len(MIRRORED_JOINTS)) * _SIZES)
    for side, other in enumerate(MIRRORED_JOINTS):
        sizes[max(side, other)] = sizes[min(side, other)]
    return standard_lengths() * sizes


def _drawn_poses(way: Mapping[str, Any], rng: np.random.Generator) -> list[Pose]:
    """Draw the angles of each pose from their ranges."""
    style: Mapping[str, Any] = {}
    if arms := way.get('arms'):
        styles = _described()['arms']
        chosen = list(styles) if arms == 'any' else arms
        style = styles[str(rng.choice(chosen))]
    held = _drawn(style, rng)
    return [{**_drawn(pose, rng), **held} for pose in way['poses']]


def _drawn(pose: Mapping[str, Any], rng: np.random.Generator) -> Pose:
    found: Pose = {}
    # What is said of both sides comes first, so that what is said of one replaces it.
    for name, bounds in sorted(pose.items(), key=lambda item: item[0] not in LIMBS):
        value = float(rng.uniform(*bounds))
        if name in LIMBS:
            for side in SIDES:
                found[f'{side}_{name}'] = value + float(rng.normal()) * _ONE_SIDED * bool(value)
        else:
            found[name] = value
    return found


def _mirrored(pose: Pose) -> Pose:
    other = {'left': 'right', 'right': 'left'}
    found: Pose = {}
    for name, value in pose.items():
        side, _, angle = name.partition('_')
        if side in other:
            found[f'{other[side]}_{angle}'] = value
        else:
            found[name] = -value if name in ('roll', 'side', 'twist') else value
    return found


def _again(
    way: Mapping[str, Any], poses: list[Pose], rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return stamps (T,) and angles of what is done again and again, or of a posture."""
    stamps = np.arange(round(SECONDS * RATE)) / RATE
    if len(poses) == 1:
        return stamps, _through([0.0, SECONDS], [poses[0]] * 2, stamps, 1.0)
    once = float(np.exp(rng.uniform(*np.log(way['seconds']))))
    at, keys, time, turn = [], [], -once * rng.random(), 0
    while time < SECONDS + once:
        lasts = once * np.exp(rng.normal() * _UNEVEN)
        extent = np.exp(rng.normal() * _UNEVEN)
        for place, pose in enumerate(poses):
            pose = _mirrored(pose) if way.get('alternate') and turn % 2 else pose
            at.append(time + lasts * place / len(poses))
            keys.append({n: v * extent if n != 'pitch' else v for n, v in pose.items()})
        time += lasts
        turn += 1
    return stamps, _through(at, keys, stamps, float(rng.uniform(0.7, 1.8)))


def _once(
    label: str, way: Mapping[str, Any], poses: list[Pose], rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, np.ndarray], list[Segment]]:
    """Return stamps (T,), angles and segments of what is done once, between two stillnesses."""
    before, after = rng.uniform(*_STILL, size=2)
    lasts = float(np.exp(rng.uniform(*np.log(way['seconds']))))
    moves = before + lasts * np.linspace(0.0, 1.0, len(poses))
    at = [0.0, *moves, before + lasts + after]
    stamps = np.arange(round(at[-1] * RATE)) / RATE
    angles = _through(at, [poses[0], *poses, poses[-1]], stamps, float(rng.uniform(0.7, 1.5)))
    segments = [Segment(label, float(before), float(before + lasts))]
    if follows := way.get('then'):
        segments.append(Segment(follows, float(before + lasts), float(stamps[-1])))
    return stamps, angles, segments


def _through(
    at: list[float], keys: list[Pose], stamps: np.ndarray, ease: float
) -> dict[str, np.ndarray]:
    """Return each angle (T,) between key poses, slow at them and fast between.

    Args:
        ease: of how long a pose is held beside the way to the next; 1 for a cosine.
    """
    times = np.asarray(at)
    place = np.clip(np.searchsorted(times, stamps, side='right') - 1, 0, len(times) - 2)
    share = np.clip((stamps - times[place]) / np.maximum(np.diff(times)[place], 1e-6), 0.0, 1.0)
    slow = 0.5 - 0.5 * np.cos(np.pi * share)
    slow = slow**ease / (slow**ease + (1.0 - slow) ** ease)
    found = {}
    for name in ANGLES:
        values = np.array([key.get(name, 0.0) for key in keys])
        found[name] = values[place] * (1.0 - slow) + values[place + 1] * slow
    return found


def _sway(stamps: np.ndarray, angles: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """Let every angle wander a little, as of a living body."""
    for name in ANGLES:
        if name in TRUNK[-2:]:
            continue
        waves, phases = rng.uniform(0.1, 1.0, 3), rng.uniform(0.0, 2 * np.pi, 3)
        sizes = rng.normal(size=3) * _SWAY / 3**0.5
        angles[name] = angles[name] + np.sin(2 * np.pi * stamps[:, None] * waves + phases) @ sizes
