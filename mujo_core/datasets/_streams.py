"""The files of one recording in a folder of one's own: npz, CSV and video to streams."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mujo_core.datasets._archive import read_arrays
from mujo_core.datasets._layouts import OwnLayout, layout_of
from mujo_core.datasets._table import read_numbers
from mujo_core.datasets._video_file import open_video
from mujo_core.inertial import check_placement, looks_like_unit
from mujo_core.layouts import get_layout
from mujo_core.recording import Stream
from mujo_core.sides import SWAPPED, handedness

log = logging.getLogger(__name__)

_SEEN = 0.5  # visibility below which a joint is not seen
_WIDEST = 20.0  # metres over which nobody's joints are spread, in whichever unit but metres
_IMU = 't,ax,ay,az,gx,gy,gz'


def read_streams(root: Path, name: str, layouts: dict[str, OwnLayout]) -> dict[str, Stream]:
    """Return every stream of a recording that can be read; what cannot be is named in the log."""
    streams: dict[str, Stream] = {}
    archive = root / f'{name}.npz'
    if archive.is_file():
        streams.update(_from_archive(archive, layouts))
    sources = [
        *sorted(root.glob(f'{glob_name(name)}.imu.*.csv')),
        *(p for p in (root / f'{name}.skeleton.csv', root / f'{name}.mp4') if p.is_file()),
    ]
    for path in sources:
        try:
            if path.suffix == '.mp4':
                stamps, frames = open_video(path)
                streams['video'] = Stream(stamps, frames)  # type: ignore[arg-type]
            elif path.name == f'{name}.skeleton.csv':
                streams['pose'] = _skeleton_csv(path, layouts)
            else:
                placement = check_placement(path.name[len(name) + len('.imu.') : -len('.csv')])
                table = _read_csv(path, _IMU)
                streams[f'imu/{placement}'] = imu_stream(table[:, 0], table[:, 1:4], table[:, 4:])
        except (OSError, ValueError) as error:
            log.warning('%s: %s; left out', path.name, _without(str(error), path))
    for key, stream in streams.items():
        _check(f'{name}: {key}', key, stream)
    return streams


def glob_name(name: str) -> str:
    """Return a name with what `glob` reads as a pattern taken literally."""
    return ''.join(f'[{c}]' if c in '*?[' else c for c in name)


def _without(message: str, path: Path) -> str:
    return message.removeprefix(f'{path}').removeprefix(f'{path.name}').lstrip(':, ')


def imu_stream(stamps: np.ndarray, acceleration: np.ndarray, gyro: np.ndarray) -> Stream:
    """Return an IMU's stream; ValueError where shapes or stamps are wrong."""
    _expect('acc', acceleration, (len(stamps), 3))
    _expect('gyro', gyro, (len(stamps), 3))
    samples = np.concatenate([acceleration, gyro], axis=1).astype(np.float32)
    _finite('acc and gyro', samples)
    return Stream(_ordered(stamps), samples)


def pose_stream(
    stamps: np.ndarray,
    xyz: np.ndarray,
    name: str,
    layouts: dict[str, OwnLayout],
    up: tuple[float, float, float] | None = None,
) -> Stream:
    """Return a skeleton's stream; a layout of one's own becomes ``canonical16`` with z up."""
    layout = layout_of(name, layouts)
    _expect('xyz', xyz, (len(stamps), len(layout.joints), 3))
    xyz = xyz.astype(np.float32)
    if isinstance(layout, OwnLayout):
        return Stream(_ordered(stamps), layout.to_canonical(xyz), 'canonical16', (0.0, 0.0, 1.0))
    return Stream(_ordered(stamps), xyz, name, up)


def _expect(what: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f'expected {what} of shape {shape}, {array.shape} came')


def _finite(what: str, array: np.ndarray) -> None:
    bad = ~np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    if bad.any():
        raise ValueError(f'{what} of sample {int(np.argmax(bad)) + 1} is not a finite number')


def _ordered(stamps: np.ndarray) -> np.ndarray:
    stamps = np.asarray(stamps, dtype=np.float64)
    if stamps.ndim != 1 or len(stamps) < 2:
        raise ValueError(f'expected two stamps or more, shape {stamps.shape} came')
    _finite('t', stamps)
    back = np.flatnonzero(np.diff(stamps) <= 0)
    if len(back):
        at = int(back[0]) + 1
        raise ValueError(
            f't must increase: sample {at + 1} at {stamps[at]:g} s follows {stamps[at - 1]:g} s'
        )
    return stamps


def _from_archive(path: Path, layouts: dict[str, OwnLayout]) -> dict[str, Stream]:
    try:
        arrays = read_arrays(path)
    except ValueError as error:
        log.warning('%s: %s; left out', path.name, error)
        return {}
    return streams_of(arrays, path.name, layouts)


def streams_of(
    arrays: Mapping[str, np.ndarray], where: str, layouts: dict[str, OwnLayout]
) -> dict[str, Stream]:
    """Return the streams that an npz file's arrays make; what cannot be used is named in the log.

    Args:
        arrays: by name, see `mujo_core.datasets.folder`; where: how messages call the file.
    """
    streams: dict[str, Stream] = {}
    placements = sorted({key.split('/')[1] for key in arrays if key.startswith('imu/')})
    try:
        if any(key.startswith('skeleton/') for key in arrays):
            up = arrays.get('skeleton/up')
            streams['pose'] = pose_stream(
                _array(arrays, 'skeleton/t'),
                _array(arrays, 'skeleton/xyz'),
                str(_array(arrays, 'skeleton/layout')),
                layouts,
                None if up is None else (float(up[0]), float(up[1]), float(up[2])),
            )
    except (ValueError, IndexError) as error:
        log.warning('%s: skeleton: %s; left out', where, error)
    for placement in placements:
        try:
            streams[f'imu/{check_placement(placement)}'] = imu_stream(
                *(_array(arrays, f'imu/{placement}/{part}') for part in ('t', 'acc', 'gyro'))
            )
        except ValueError as error:
            log.warning('%s: imu/%s: %s; left out', where, placement, error)
    if 'video/frames' in arrays:
        try:
            streams['video'] = Stream(_ordered(_array(arrays, 'video/t')), arrays['video/frames'])
        except ValueError as error:
            log.warning('%s: video: %s; left out', where, error)
    return streams


def _array(arrays: Mapping[str, np.ndarray], key: str) -> np.ndarray:
    if key not in arrays:
        raise ValueError(f'expected the array {key}, it is not there')
    return arrays[key]


def _read_csv(path: Path, header: str) -> np.ndarray:
    text = path.read_text(encoding='utf-8-sig')
    first = text.partition('\n')[0].strip()
    if first != header:
        raise ValueError(f'expected the columns {header}; {first[:60]!r} came')
    return read_numbers(text, path.name, header.count(',') + 1, ',', skip=1)


def _skeleton_csv(path: Path, layouts: dict[str, OwnLayout]) -> Stream:
    text = path.read_text(encoding='utf-8-sig')
    lines = text.split('\n', 2)
    name = lines[0].partition('layout=')[2].strip()
    if not lines[0].startswith('#') or not name or len(lines) < 3:
        raise ValueError(f"expected '# layout=NAME' in row 1, {lines[0][:60]!r} came")
    joints = layout_of(name, layouts).joints
    columns = [c.strip() for c in lines[1].split(',')]
    place = {column: index for index, column in enumerate(columns)}
    needed = ['t', *(f'{joint}_{axis}' for joint in joints for axis in 'xyz')]
    if missing := [column for column in needed if column not in place]:
        raise ValueError(f'expected the column {missing[0]} of layout {name}, it is not there')
    table = read_numbers(text, path.name, len(columns), ',', skip=2, empty=True)
    xyz = table[:, [place[column] for column in needed[1:]]].reshape(len(table), -1, 3)
    for index, joint in enumerate(joints):
        if f'{joint}_v' in place:
            xyz[table[:, place[f'{joint}_v']] < _SEEN, index] = np.nan
    return pose_stream(table[:, place['t']], xyz, name, layouts)


def _check(where: str, key: str, stream: Stream) -> None:
    """Name what loads but looks wrong."""
    if key.startswith('imu/') and (unit := looks_like_unit(stream.values[:, :3])) != 'm/s^2':
        log.warning('%s: acceleration looks like %s; expected m/s^2 with gravity', where, unit)
    if key == 'pose' and stream.layout:
        some = stream.values[:: max(1, len(stream) // 200)]
        if get_layout(stream.layout).dimensions == 3 and (width := _width(some)) > _WIDEST:
            log.warning(
                '%s: joints lie %.0f apart; expected metres (mm: divide by 1000)', where, width
            )
        if handedness(some, stream.layout, stream.up) < SWAPPED:
            log.warning('%s: left and right look swapped; check the joints of its layout', where)


def _width(xyz: np.ndarray) -> float:
    """Return how far the joints (N, J, 3) of a usual frame are spread along an axis."""
    seen = xyz[np.isfinite(xyz).any(axis=(1, 2))]
    if not len(seen):
        return 0.0
    return float(np.median(np.nanmax(np.nanmax(seen, axis=1) - np.nanmin(seen, axis=1), axis=1)))
