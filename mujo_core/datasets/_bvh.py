"""Biovision hierarchy (BVH) motion capture to joint positions."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Joint:
    """One joint of a hierarchy.

    Attributes:
        parent: name of its parent; None for the root.
        offset: (3,) from the parent in the parent's axes, in file units.
        channels: its channels in the file's order, such as ``('zrotation', 'yrotation')``.
    """

    parent: str | None
    offset: np.ndarray
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Bvh:
    """A BVH file: joints from the root outwards, motion (N, C), seconds between frames.

    The end site of a joint is a joint of its own, called ``<joint>/end``.
    """

    joints: dict[str, Joint]
    motion: np.ndarray
    frame_time: float


def read_bvh(path: Path) -> Bvh:
    """Read hierarchy and motion; a last frame that is cut off is dropped with a warning.

    Raises:
        OSError: the file can't be read.
        ValueError: it is not a BVH file, or damaged; the line says where.
    """
    text = path.read_text(encoding='latin-1')
    head, _, tail = text.partition('MOTION')
    header = re.match(r'\s*Frames:\s*(\d+)\s*Frame Time:\s*(\S+)', tail, re.IGNORECASE)
    if header is None:
        raise ValueError(
            f'{path.name}: expected HIERARCHY, MOTION, Frames and Frame Time, they are not all '
            'there; get the file again'
        )
    joints = _hierarchy(head, path)
    width = sum(len(joint.channels) for joint in joints.values())
    try:
        frame_time = float(header[2])
        values = np.array(tail[header.end() :].split(), dtype=np.float64)
    except ValueError as error:
        raise ValueError(
            f'{path.name}: expected numbers in MOTION, {error}; get the file again'
        ) from error
    frames = len(values) // width
    if frames == 0:
        raise ValueError(f'{path.name}: expected frames, none came whole; get the file again')
    if len(values) != int(header[1]) * width:
        _LOG.warning(
            '%s: expected %s frames of %d values, %d values came; kept the %d whole frames',
            path.name, header[1], width, len(values), frames,
        )  # fmt: skip
    return Bvh(joints, values[: frames * width].reshape(frames, width), frame_time)


def joint_positions(bvh: Bvh) -> dict[str, np.ndarray]:
    """Return where each joint is: name to (N, 3) in file units."""
    turned: dict[str, Rotation] = {}
    places: dict[str, np.ndarray] = {}
    column = 0
    for name, joint in bvh.joints.items():
        values = bvh.motion[:, column : column + len(joint.channels)]
        column += len(joint.channels)
        place = np.tile(joint.offset, (len(bvh.motion), 1))
        moves = [i for i, channel in enumerate(joint.channels) if channel.endswith('position')]
        turns = [i for i, channel in enumerate(joint.channels) if channel.endswith('rotation')]
        for i in moves:
            place[:, 'xyz'.index(joint.channels[i][0])] += values[:, i]
        if joint.parent is not None:
            place = places[joint.parent] + turned[joint.parent].apply(place)
        places[name] = place
        if turns:
            # each channel turns the axes the one before left: scipy's upper case
            order = ''.join(joint.channels[i][0] for i in turns).upper()
            local = Rotation.from_euler(order, values[:, turns], degrees=True)
            turned[name] = local if joint.parent is None else turned[joint.parent] * local
        elif joint.parent is not None:
            turned[name] = turned[joint.parent]
        else:
            turned[name] = Rotation.identity(len(bvh.motion))
    return places


def _hierarchy(text: str, path: Path) -> dict[str, Joint]:
    """Parse the tokens of HIERARCHY, depth first as the motion's columns are."""
    words = iter(text.split())
    joints: dict[str, Joint] = {}
    stack: list[str] = []
    name = ''
    offset = np.zeros(3)
    try:
        for word in words:
            if word in ('ROOT', 'JOINT'):
                name = next(words)
            elif word == 'End':
                next(words)
                name = f'{stack[-1]}/end'
            elif word == 'OFFSET':
                offset = np.array([float(next(words)) for _ in range(3)])
                joints[name] = Joint(stack[-2] if len(stack) > 1 else None, offset, ())
            elif word == 'CHANNELS':
                count = int(next(words))
                channels = tuple(channel.lower() for channel in islice(words, count))
                if len(channels) != count:
                    raise ValueError(f'{len(channels)} channels')
                joints[name] = Joint(joints[name].parent, offset, channels)
            elif word == '{':
                stack.append(name)
            elif word == '}':
                stack.pop()
    except (StopIteration, IndexError, KeyError, ValueError) as error:
        raise ValueError(
            f'{path.name}: expected a whole HIERARCHY, it breaks off at {name!r}; '
            'get the file again'
        ) from error
    if stack or not any(joint.channels for joint in joints.values()):
        raise ValueError(
            f'{path.name}: expected a whole HIERARCHY, {len(stack)} braces are left open; '
            'get the file again'
        )
    known: set[str] = set()
    for name, joint in joints.items():
        if joint.parent is not None and joint.parent not in known:
            raise ValueError(
                f'{path.name}: expected {joint.parent!r} with an OFFSET before {name!r}, it has '
                'none; get the file again'
            )
        known.add(name)
    return joints
