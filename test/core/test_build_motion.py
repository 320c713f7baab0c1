"""Motion capture files of any origin to canonical joints: names, units, axes."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from mujo_core.builder.joint_names import find_joints, find_unit
from mujo_core.builder.motion_files import read_motion
from mujo_core.datasets.cmu_mocap import read_first
from mujo_core.skeleton import JOINT

CMU = Path(__file__).parents[3] / 'shared' / 'data' / 'cmu_mocap'
needs_cmu = pytest.mark.skipif(not CMU.is_dir(), reason='CMU mocap is not beside the repository')

BODY = {
    'left_hip': (0.1, 0.9), 'left_knee': (0.1, 0.5), 'left_ankle': (0.1, 0.08),
    'left_shoulder': (0.18, 1.4), 'left_elbow': (0.2, 1.1), 'left_wrist': (0.2, 0.85),
}  # fmt: skip
"""Left and up, metres."""
NAMES = {
    'mixamo': {'hip': 'mixamorig:{0}UpLeg', 'knee': 'mixamorig:{0}Leg',
               'ankle': 'mixamorig:{0}Foot', 'shoulder': 'mixamorig:{0}Arm',
               'elbow': 'mixamorig:{0}ForeArm', 'wrist': 'mixamorig:{0}Hand'},
    'xsens': {'hip': '{0}UpperLeg', 'knee': '{0}LowerLeg', 'ankle': '{0}Foot',
              'shoulder': '{0}UpperArm', 'elbow': '{0}Forearm', 'wrist': '{0}Hand'},
    'daz': {'hip': '{1}Thigh', 'knee': '{1}Shin', 'ankle': '{1}Foot', 'shoulder': '{1}Shldr',
            'elbow': '{1}ForeArm', 'wrist': '{1}Hand'},
    'blender': {'hip': 'thigh.{2}', 'knee': 'shin.{2}', 'ankle': 'foot.{2}',
                'shoulder': 'upper_arm.{2}', 'elbow': 'forearm.{2}', 'wrist': 'hand.{2}'},
}  # fmt: skip
SIDES = {'left': ('Left', 'l', 'L'), 'right': ('Right', 'r', 'R')}


@pytest.mark.parametrize('program', NAMES)
@pytest.mark.parametrize('scale', [1.0, 100.0, 1000.0])
def test_names_and_units_in_use_are_known(program, scale):
    places = {'Hips': np.zeros((5, 3)), 'LeftShoulder': np.full((5, 3), np.nan)}
    for side, words in SIDES.items():
        for part, name in NAMES[program].items():
            across, up = BODY[f'left_{part}']
            point = np.array([across if side == 'left' else -across, up, 0.0]) * scale
            places[name.format(*words)] = np.tile(point, (5, 1))
    places['Head'] = np.tile(np.array([0.0, 1.65, 0.0]) * scale, (5, 1))
    joints = find_joints(places, 'x')
    assert find_unit(joints, 'x') == 1.0 / scale
    for name, (across, up) in BODY.items():
        np.testing.assert_allclose(joints[0, JOINT[name], :2] / scale, (across, up))
        mirrored = name.replace('left', 'right')
        np.testing.assert_allclose(joints[0, JOINT[mirrored], :2] / scale, (-across, up))


def test_unknown_names_and_sizes_end_in_a_line():
    with pytest.raises(ValueError, match=r'x\.bvh: expected joints or markers with names in use'):
        find_joints({'bone1': np.zeros((3, 3)), 'bone2': np.zeros((3, 3))}, 'x.bvh')
    with pytest.raises(ValueError, match='scale the file'):
        find_unit(np.full((3, 16, 3), 7e5) * np.arange(16)[:, None], 'x.bvh')


@needs_cmu
def test_an_amc_beside_its_skeleton_reads_as_by_cmus_own_reader(tmp_path):
    for name in ('02_01.amc', '02.asf'):
        shutil.copy(CMU / name, tmp_path)
    joints, rate = read_motion(tmp_path / '02_01.amc', {})
    known, _ = read_first(CMU, {'02_01.amc': '1 0'})
    assert rate == 120.0

    def bones(path):
        return np.linalg.norm(path[:, [6, 8, 12, 14]] - path[:, [4, 6, 10, 12]], axis=2)

    np.testing.assert_allclose(bones(joints), bones(known), atol=1e-4)
    np.testing.assert_allclose(joints[..., 2], known[..., 2], atol=1e-4)
    shutil.move(tmp_path / '02.asf', tmp_path / 'other.asf')
    shutil.copy(CMU / '16.asf', tmp_path)
    with pytest.raises(ValueError, match=r'expected its skeleton as 02_01\.asf'):
        read_motion(tmp_path / '02_01.amc', {})


def test_markers_of_a_c3d_file(tmp_path):
    ezc3d = pytest.importorskip('ezc3d', reason='the extra build is not installed')
    markers = {'ASI': (0.12, 0.1, 0.98), 'PSI': (0.05, -0.1, 0.98), 'KNE': (0.1, 0.0, 0.5),
               'ANK': (0.1, 0.0, 0.08), 'SHO': (0.18, 0.0, 1.4), 'ELB': (0.2, 0.0, 1.1),
               'WRA': (0.2, 0.02, 0.85), 'WRB': (0.2, -0.02, 0.85)}  # fmt: skip
    labels, points = [], []
    for side, sign in (('L', 1.0), ('R', -1.0)):
        for name, (across, ahead, up) in markers.items():
            labels.append(f'{side}{name}')
            # y ahead and x to the right, as in many laboratories; millimetres
            points.append((-sign * across * 1000, ahead * 1000, up * 1000))
    data = np.ones((4, len(labels), 50))
    data[:3] = np.array(points).T[:, :, None]
    data[1] += np.arange(50) * 10.0
    data[:3, labels.index('LKNE'), 10:20] = 0.0
    file = ezc3d.c3d()
    file['parameters']['POINT']['RATE']['value'] = [100.0]
    file['parameters']['POINT']['UNITS']['value'] = ['mm']
    file['parameters']['POINT']['LABELS']['value'] = labels
    file['data']['points'] = data
    path = tmp_path / 'gait.c3d'
    file.write(str(path))
    joints, rate = read_motion(path, {})
    assert rate == 100.0 and joints.shape == (50, 16, 3)
    assert joints[0, JOINT['left_wrist'], 2] == pytest.approx(0.85, abs=1e-3)
    assert 0.88 < joints[0, JOINT['left_hip'], 2] < 0.98
    assert np.isnan(joints[10:20, JOINT['left_knee']]).all()
    assert np.isfinite(joints[:10, JOINT['left_knee']]).all()
    path.write_bytes(b'nothing')
    with pytest.raises(ValueError, match=r'gait\.c3d: expected a C3D file'):
        read_motion(path, {})
