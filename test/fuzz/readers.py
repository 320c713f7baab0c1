"""File readers to be fuzzed: whole files to start from, and what reads them.

A reader may raise ValueError or OSError with one line, or leave out what it names in the log.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from mujo_core.datasets._acclaim import bone_ends, read_amc, read_asf
from mujo_core.datasets._bvh import joint_positions, read_bvh
from mujo_core.datasets._layouts import read_layouts
from mujo_core.datasets._mat import read_variables
from mujo_core.datasets.bag import load_bag
from mujo_core.datasets.folder import load_folder
from mujo_core.labels import load_labels
from mujo_core.skeleton import CANONICAL_JOINTS

BVH = b"""HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT Chest
  {
    OFFSET 0 5 0
    CHANNELS 3 Zrotation Yrotation Xrotation
    End Site
    {
      OFFSET 0 3 0
    }
  }
}
MOTION
Frames: 3
Frame Time: 0.0333
0 1 0 0 0 0 10 20 30
0 1 0 0 5 0 11 20 30
0 1 0 0 9 0 12 20 30
"""
ASF = b""":units
  length 0.45
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name upper
    direction 0 1 0
    length 2
    axis 0 0 0 XYZ
    dof rx ry
  end
  begin
    id 2
    name lower
    direction 0 -1 0
    length 3
    axis 0 0 90 XYZ
    dof rx
  end
:hierarchy
  begin
    root upper
    upper lower
  end
"""
AMC = b""":FULLY-SPECIFIED
:DEGREES
1
root 0 1 0 0 0 0
upper 10 20
lower 30
2
root 0 1 0 0 5 0
upper 11 20
lower 31
"""
LABELS = b"""walk:
  description: somebody walks
  synonyms: [go, stroll]
  prompts: ['a person walks']
rest: {background: true}
jog: somebody runs slowly
"""
LAYOUTS = b"""mine:
  joints: [Hips, LHip, RHip, LSho, RSho]
  canonical: {LHip: left_hip, RHip: right_hip, LSho: left_shoulder, RSho: right_shoulder}
  up: [0, 1, 0]
"""
MANIFEST = b"""recording,subject,label,start,end,split
one,ann,walk,0,1,train
one,ann,jog,1,,test
"""
IMU_CSV = b't,ax,ay,az,gx,gy,gz\n0,0,0,9.8,0,0,0\n0.02,0,0,9.8,0,0,0\n0.04,0,0.1,9.8,0,0,0\n'
_COLUMNS = ','.join(f'{joint}_{axis}' for joint in CANONICAL_JOINTS for axis in 'xyz')
_ROWS = '\n'.join(f'{step / 30},' + ','.join(['0.5'] * 48) for step in range(3))
SKELETON_CSV = f'# layout=canonical16\nt,{_COLUMNS}\n{_ROWS}\n'.encode()


@dataclass(frozen=True)
class Reader:
    """A whole file's content, and what reads a folder that holds the damaged one as `name`."""

    whole: Callable[[], bytes]
    name: str
    read: Callable[[Path], object]


def _npz() -> bytes:
    file, t = io.BytesIO(), np.arange(0, 0.2, 0.02)
    np.savez_compressed(
        file,
        **{
            'imu/right_wrist/t': t,
            'imu/right_wrist/acc': np.full((10, 3), 9.8),
            'imu/right_wrist/gyro': np.zeros((10, 3)),
            'skeleton/t': t,
            'skeleton/xyz': np.zeros((10, 20, 3), np.float32),
            'skeleton/layout': np.array('kinect20'),
        },
    )
    return file.getvalue()


def _mat() -> bytes:
    import scipy.io

    file = io.BytesIO()
    scipy.io.savemat(file, {'d_iner': np.ones((9, 6))}, do_compression=True)
    return file.getvalue()


@cache
def _bag(storage: str) -> bytes:
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    types = store.types
    zeros = np.zeros(9)
    vector = types['geometry_msgs/msg/Vector3'](0.1, 0.2, 9.8)
    turn = types['geometry_msgs/msg/Quaternion'](0.0, 0.0, 0.0, 1.0)
    kind = 'sensor_msgs/msg/Imu'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'bag'
        with Writer(path, version=9, storage_plugin=StoragePlugin[storage]) as writer:
            connection = writer.add_connection('/imu/right_wrist', kind, typestore=store)
            for step in range(20):
                nanoseconds = 1_700_000_000 * 10**9 + step * 20_000_000
                stamp = types['builtin_interfaces/msg/Time'](*divmod(nanoseconds, 10**9))
                header = types['std_msgs/msg/Header'](stamp, 'wrist')
                msg = types[kind](header, turn, zeros, vector, zeros, vector, zeros)
                writer.write(connection, nanoseconds, store.serialize_cdr(msg, kind))
        (file,) = (one for one in path.iterdir() if one.suffix in ('.mcap', '.db3'))
        return file.read_bytes()


def _bvh(folder: Path) -> None:
    joint_positions(read_bvh(folder / 'one.bvh'))


def _asf(folder: Path) -> None:
    read_asf(folder / 'one.asf')


def _amc(folder: Path) -> None:
    (folder / 'one.asf').write_bytes(ASF)
    skeleton = read_asf(folder / 'one.asf')
    bone_ends(skeleton, read_amc(folder / 'one.amc', skeleton))


def _folder(folder: Path) -> None:
    if not (folder / 'manifest.csv').exists():
        (folder / 'manifest.csv').write_bytes(MANIFEST)
    if not list(folder.glob('one.*')):
        (folder / 'one.imu.right_wrist.csv').write_bytes(IMU_CSV)
    list(load_folder(folder))


def _labelled_bag(folder: Path) -> None:
    (folder / 'one.mcap').write_bytes(_bag('MCAP'))
    list(load_bag(folder))


READERS = {
    'bvh': Reader(lambda: BVH, 'one.bvh', _bvh),
    'asf': Reader(lambda: ASF, 'one.asf', _asf),
    'amc': Reader(lambda: AMC, 'one.amc', _amc),
    'labels': Reader(lambda: LABELS, 'labels.yaml', lambda f: load_labels(f / 'labels.yaml')),
    'layout': Reader(lambda: LAYOUTS, 'layout.yaml', lambda f: read_layouts(f / 'layout.yaml')),
    'manifest': Reader(lambda: MANIFEST, 'manifest.csv', _folder),
    'own_labels': Reader(lambda: LABELS, 'labels.yaml', _folder),
    'imu_csv': Reader(lambda: IMU_CSV, 'one.imu.left_wrist.csv', _folder),
    'skeleton_csv': Reader(lambda: SKELETON_CSV, 'one.skeleton.csv', _folder),
    'npz': Reader(_npz, 'one.npz', _folder),
    'mat': Reader(_mat, 'one.mat', lambda f: read_variables(f / 'one.mat', 'd_iner')),
    'mcap': Reader(lambda: _bag('MCAP'), 'one.mcap', lambda f: list(load_bag(f))),
    'db3': Reader(lambda: _bag('SQLITE3'), 'one.db3', lambda f: list(load_bag(f))),
    'bag_labels': Reader(
        lambda: b'start,end,label,subject\n0,1,walk,ann\n1,2,jog,ann\n',
        'one.labels.csv',
        _labelled_bag,
    ),
}


def checkpoint_reader(name: str, folder: Path) -> Reader:
    """The reader of a checkpoint whose file `name` is damaged; `folder` holds a whole one."""
    from mujo_core.model.checkpoint import load_checkpoint

    others = {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}

    def read(damaged: Path) -> None:
        for other, content in others.items():
            if other != name:
                (damaged / other).write_bytes(content)
        load_checkpoint(damaged)

    return Reader(lambda: others[name], name, read)


def attempt(reader: Reader, data: bytes) -> str:
    """Read `data` as the reader's file: 'read', or the line by which it was refused.

    Any other exception than ValueError and OSError goes through.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / reader.name).write_bytes(data)
        try:
            reader.read(Path(folder))
        except (ValueError, OSError) as error:
            line = str(error)
            assert line and len(line) < 4000, json.dumps(line[:400])
            return line
    return 'read'
