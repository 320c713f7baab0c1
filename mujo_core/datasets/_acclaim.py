"""Acclaim motion capture: an ASF skeleton and its AMC motion to joint positions."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bone:
    """A rigid segment: where it points at rest, the axes it turns about, what moves.

    Attributes:
        parent: name of the bone (or ``'root'``) at whose end this one starts.
        offset: (3,) start to end at rest, in file units.
        axes: rest orientation of the axes that its angles are measured in.
        channels: what the motion file holds of it, such as ``('rx', 'rz')``.
    """

    parent: str
    offset: np.ndarray
    axes: Rotation
    channels: tuple[str, ...]


@dataclass(frozen=True)
class AcclaimSkeleton:
    """An ASF file: `bones` from the root outwards, the root's channels, its unit."""

    bones: dict[str, Bone]
    root_channels: tuple[str, ...]
    root_axes: Rotation
    length_unit: float


def read_asf(path: Path) -> AcclaimSkeleton:
    """Read a skeleton.

    Raises:
        OSError: the file can't be read.
        ValueError: it is not a complete ASF file; the line says what is missing.
    """
    sections = _sections(path.read_text(encoding='latin-1'))
    try:
        units = {words[0]: words[1] for words in sections['units'] if len(words) == 2}
        degrees = units['angle'].startswith('deg')
        root = {words[0]: words[1:] for words in sections['root'] if words}
        root_angles = [float(v) for v in root['orientation']]
        parents = {
            child: words[0]
            for words in sections['hierarchy']
            if len(words) > 1
            for child in words[1:]
        }
        found = {}
        for words in _blocks(sections['bonedata']):
            length = float(words['length'][0])
            direction = np.array(words['direction'], dtype=np.float64)
            found[words['name'][0]] = Bone(
                parent=parents[words['name'][0]],
                offset=length * direction / np.linalg.norm(direction),
                axes=_euler(words['axis'][3], [float(v) for v in words['axis'][:3]], degrees),
                channels=tuple(channel.lower() for channel in words.get('dof', ())),
            )
        return AcclaimSkeleton(
            bones=_root_first(found),
            root_channels=tuple(channel.lower() for channel in root['order']),
            root_axes=_euler(root['axis'][0], root_angles, degrees),
            length_unit=float(units['length']),
        )
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(
            f'{path.name}: expected a whole ASF skeleton (units, root, bonedata, hierarchy), '
            f'could not read {error}; get the file again'
        ) from error


def read_amc(path: Path, skeleton: AcclaimSkeleton) -> dict[str, np.ndarray]:
    """Read a motion: bone name to its channels (N, C) in file units and radians.

    A last frame that is cut off is dropped with a warning.

    Raises:
        OSError: the file can't be read.
        ValueError: it is empty, damaged before its last frame, or does not fit the skeleton.
    """
    lines = path.read_text(encoding='latin-1').split('\n')
    first = next((i for i, line in enumerate(lines) if line.strip() == '1'), None)
    if first is None:
        raise ValueError(f'{path.name}: expected frames from 1 on, found none; get the file again')
    degrees = not any(line.strip().upper() == ':RADIANS' for line in lines[:first])
    second = next((i for i in range(first + 1, len(lines)) if lines[i].strip() == '2'), len(lines))
    layout = [line.split() for line in lines[first + 1 : second] if line.strip()]
    words = ' '.join(lines[first:]).split()
    width = 1 + sum(len(entry) for entry in layout)
    frames = len(words) // width
    channels_of = {}
    for name, *values in layout:
        channels = skeleton.root_channels if name == 'root' else _channels(skeleton, name, path)
        channels_of[name] = channels
        if len(values) != len(channels):
            raise ValueError(
                f'{path.name}: expected {len(channels)} values for {name}, {len(values)} came; '
                'use the skeleton that belongs to it'
            )
    motion = {}
    column = 1
    for name, channels in channels_of.items():
        names = words[column : frames * width : width]
        wrong = next((i for i, other in enumerate(names) if other != name), None)
        if wrong is not None:
            raise ValueError(
                f'{path.name}: expected {name} in frame {wrong + 1}, {names[wrong]!r} came; '
                'get the file again'
            )
        motion[name] = _numbers(words, column + 1, len(channels), width, frames, name, path)
        turns = [channel.startswith('r') for channel in channels]
        if degrees:
            motion[name][:, turns] = np.deg2rad(motion[name][:, turns])
        column += 1 + len(channels)
    if len(words) % width:
        _LOG.warning(
            '%s: its last frame is cut off after %d of %d values; kept the %d whole ones',
            path.name, len(words) % width, width, frames,
        )  # fmt: skip
    return motion


def bone_ends(skeleton: AcclaimSkeleton, motion: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return where each bone ends: name to (N, 3) in file units, with ``'root'`` itself.

    Raises:
        ValueError: the motion has no root.
    """
    if 'root' not in motion:
        raise ValueError('expected a motion with a root, none came; get the file again')
    root = dict(zip(skeleton.root_channels, motion['root'].T, strict=True))
    turned = {'root': _turn(skeleton.root_channels, motion['root']) * skeleton.root_axes}
    ends = {'root': np.stack([root['tx'], root['ty'], root['tz']], axis=1)}
    for name, bone in skeleton.bones.items():
        turn = turned[bone.parent]
        if name in motion and bone.channels:
            local = bone.axes * _turn(bone.channels, motion[name]) * bone.axes.inv()
            turn = turn * local
        turned[name] = turn
        ends[name] = ends[bone.parent] + turn.apply(bone.offset)
    return ends


def _sections(text: str) -> dict[str, list[list[str]]]:
    """Split at the lines that start with a colon; each line as its words."""
    sections: dict[str, list[list[str]]] = {}
    for line in text.splitlines():
        words = line.split()
        if words and words[0].startswith(':'):
            sections[words[0][1:].lower()] = lines = []
        elif words and not words[0].startswith('#') and sections:
            lines.append(words)
    return sections


def _blocks(lines: list[list[str]]) -> list[dict[str, list[str]]]:
    """Return each begin..end block as first word to the rest."""
    blocks: list[dict[str, list[str]]] = []
    for words in lines:
        if words[0] == 'begin':
            blocks.append({})
        elif words[0] != 'end':
            blocks[-1][words[0]] = words[1:]
    return blocks


def _euler(order: str, angles: list[float], degrees: bool) -> Rotation:
    # Acclaim lists turns about fixed axes: scipy's lower case
    return Rotation.from_euler(order.lower(), angles, degrees=degrees)


def _turn(channels: tuple[str, ...], values: np.ndarray) -> Rotation:
    turns = [i for i, channel in enumerate(channels) if channel.startswith('r')]
    order = ''.join(channels[i][1] for i in turns)
    return Rotation.from_euler(order, values[:, turns])


def _root_first(bones: dict[str, Bone]) -> dict[str, Bone]:
    ordered: dict[str, Bone] = {}
    while len(ordered) < len(bones):
        ready = {
            name: bone
            for name, bone in bones.items()
            if name not in ordered and (bone.parent == 'root' or bone.parent in ordered)
        }
        if not ready:
            raise ValueError(f'parents of {sorted(set(bones) - set(ordered))}')
        ordered.update(ready)
    return ordered


def _channels(skeleton: AcclaimSkeleton, name: str, path: Path) -> tuple[str, ...]:
    if name not in skeleton.bones:
        raise ValueError(
            f'{path.name}: expected bones of its skeleton, {name!r} came; '
            'use the skeleton that belongs to it'
        )
    return skeleton.bones[name].channels


def _numbers(
    words: list[str], first: int, count: int, width: int, frames: int, name: str, path: Path
) -> np.ndarray:
    """Return `count` neighbouring columns of the frames as (frames, count) float64."""
    end = frames * width
    try:
        columns = [np.array(words[first + i : end : width], dtype=np.float64) for i in range(count)]
    except ValueError as error:
        raise ValueError(
            f'{path.name}: expected numbers for {name}, {error}; get the file again'
        ) from error
    return np.stack(columns, axis=1)
