"""Motion capture files: hand-written ones with known positions, and the real ones."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from mujo_core.datasets._acclaim import bone_ends, read_amc, read_asf
from mujo_core.datasets._bvh import joint_positions, read_bvh
from mujo_core.datasets.cmu_mocap import load_cmu_mocap
from mujo_core.sides import handedness
from mujo_core.skeleton import JOINT
from mujo_core.virtual_imu import virtual_imu

REAL = Path(__file__).parents[3] / 'shared' / 'data' / 'cmu_mocap'
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason='CMU mocap is not beside the repository')

ASF = """# a comment
:version 1.10
:name TINY
:units
  mass 1.0
  length 0.45
  angle deg
:documentation
   two bones and a side branch
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 2
     name lower
     direction 0 -1 0
     length 3
     axis 0 0 90 XYZ
    dof rx rz
    limits (-160.0 20.0)
           (-60.0 70.0)
  end
  begin
     id 1
     name upper
     direction 0 1 0
     length 2
     axis 0 0 0 XYZ
    dof rx ry rz
  end
  begin
     id 3
     name stiff
     direction 2 0 0
     length 1
     axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root upper stiff
    upper lower
  end
"""
AMC = """#!OML:ASF tiny
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 0 0
upper 0 0 0
lower 0 0
2
root 0 0 0 0 90 0
upper 90 0 0
lower 0 0
3
root 0 0 0 0 0 0
upper 0 0 0
lower 90 0
4
root 0 0 0 90 0 90
upper 0 0 0
lower 0 90
"""
BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0 1 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT Knee
  {
    OFFSET 0 -2 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -1 0
    }
  }
}
MOTION
Frames: 3
Frame Time: 0.0250000
0 0 0 0 0 0 0 0 0
1 2 3 90 0 0 0 0 0
0 0 0 90 0 90 0 90 0
"""


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        stem, _, suffix = name.rpartition('_')
        (folder / f'{stem}.{suffix}').write_text(text)


def test_acclaim_positions(tmp_path):
    write(tmp_path, tiny_asf=ASF, tiny_amc=AMC.replace('\n', '\r\n'))
    skeleton = read_asf(tmp_path / 'tiny.asf')
    assert skeleton.length_unit == 0.45
    ends = bone_ends(skeleton, read_amc(tmp_path / 'tiny.amc', skeleton))
    expected = {
        'root': [(1, 2, 3), (0, 0, 0), (0, 0, 0), (0, 0, 0)],
        # frame 2: x turns y to z, then the root's y turns z to x
        # frame 4: fixed axes, x before z: y to z and there it stays
        'upper': [(1, 4, 3), (2, 0, 0), (0, 2, 0), (0, 0, 2)],
        # frame 3: its x axis is the world's y, along which it lies: nothing moves
        # frame 4: about z -y becomes x, which the root takes to x and then to y
        'lower': [(1, 1, 3), (-1, 0, 0), (0, -1, 0), (0, 3, 2)],
        'stiff': [(2, 2, 3), (0, 0, -1), (1, 0, 0), (0, 1, 0)],
    }
    for name, places in expected.items():
        assert ends[name] == pytest.approx(np.array(places, dtype=float), abs=1e-9), name


def test_bvh_positions(tmp_path):
    write(tmp_path, tiny_bvh=BVH)
    bvh = read_bvh(tmp_path / 'tiny.bvh')
    assert bvh.frame_time == 0.025
    places = joint_positions(bvh)
    expected = {
        'Hips': [(0, 1, 0), (1, 3, 3), (0, 1, 0)],
        # z by 90 degrees takes -y to x; frame 3: x first takes -y to -z, which z leaves
        'Knee': [(0, -1, 0), (3, 3, 3), (0, 1, -2)],
        # frame 3: the knee's x takes -y to -z, then the hips' x to y and their z to -x
        'Knee/end': [(0, -2, 0), (4, 3, 3), (-1, 1, -2)],
    }
    for name, points in expected.items():
        assert places[name] == pytest.approx(np.array(points, dtype=float), abs=1e-9), name


def test_a_cut_off_last_frame_is_dropped(tmp_path, caplog):
    write(tmp_path, tiny_asf=ASF, tiny_amc=AMC.rstrip()[:-3], tiny_bvh=BVH.rstrip()[:-4])
    skeleton = read_asf(tmp_path / 'tiny.asf')
    assert len(read_amc(tmp_path / 'tiny.amc', skeleton)['root']) == 3
    assert len(read_bvh(tmp_path / 'tiny.bvh').motion) == 2
    assert [record.message.partition(':')[0] for record in caplog.records] == [
        'tiny.amc',
        'tiny.bvh',
    ]


@pytest.mark.parametrize(
    ('name', 'text', 'says'),
    [
        ('tiny_amc', '', 'expected frames'),
        ('tiny_amc', AMC.replace('2\nroot 0 0 0 0 90 0\n', '2\n'), 'expected root in frame 2'),
        ('tiny_amc', AMC.replace('lower 0 0', 'lower 0 x'), 'expected numbers for lower'),
        ('tiny_amc', AMC.replace('upper', 'thigh'), "'thigh' came"),
        ('tiny_amc', AMC.replace('upper 0 0 0', 'upper 0 0'), 'expected 3 values for upper'),
        ('tiny_asf', ASF.partition(':hierarchy')[0], 'hierarchy'),
        ('tiny_asf', ASF.replace('length 3', 'length'), 'ASF'),
        ('tiny_bvh', BVH.partition('MOTION')[0], 'Frame Time'),
        ('tiny_bvh', BVH.replace('\n}\nMOTION', '\nMOTION'), 'braces'),
        ('tiny_bvh', BVH.replace('90 0 90', '90 0 up'), 'expected numbers'),
    ],
)
def test_a_damaged_file_is_named_in_one_line(tmp_path, name, text, says):
    write(tmp_path, **{'tiny_asf': ASF, 'tiny_amc': AMC, 'tiny_bvh': BVH, name: text})
    with pytest.raises(ValueError, match=says) as error:
        read_bvh(tmp_path / 'tiny.bvh')
        read_amc(tmp_path / 'tiny.amc', read_asf(tmp_path / 'tiny.asf'))
    assert '\n' not in str(error.value)
    assert str(error.value).startswith(name.replace('_', '.'))


def test_no_index_is_said_at_once(tmp_path):
    with pytest.raises(OSError, match=r'labels\.csv'):
        load_cmu_mocap(tmp_path)
    (tmp_path / 'labels.csv').write_text('file,label\n')
    with pytest.raises(ValueError, match='step, subject, tpose_first_frame is missing'):
        load_cmu_mocap(tmp_path)


@pytest.fixture
def some(tmp_path):
    """Copy a few real files and their rows of the index."""

    def copy(*names: str) -> Path:
        rows = (REAL / 'labels.csv').read_text().splitlines()
        kept = [row for row in rows[1:] if row.partition(',')[0] in names]
        (tmp_path / 'labels.csv').write_text('\n'.join([rows[0], *kept]) + '\n')
        for name in names:
            shutil.copy(REAL / name, tmp_path)
        return tmp_path

    return copy


@pytest.fixture(scope='module')
def every():
    """All recordings, and what was said of them."""
    said, handler = [], logging.Handler()
    handler.emit = said.append
    logging.getLogger().addHandler(handler)
    recordings = list(load_cmu_mocap(REAL))
    logging.getLogger().removeHandler(handler)
    return recordings, said


@needs_real
def test_every_trial_loads_once(every):
    recordings, said = every
    assert len(recordings) == 304 - 8 == len({r.name for r in recordings})
    # Five clips have swapped markers at their start, one lacks the end of its last frame.
    assert {record.getMessage().partition(':')[0] for record in said} == {
        '03_02.amc', '09_10.amc', '16_15.amc', '16_23.amc', '16_28.amc', 'golf_01.amc',
    }  # fmt: skip
    rates = {round(1 / np.diff(r.streams['pose'].stamps).mean(), 3) for r in recordings}
    assert rates == {40.0, 60.0, 120.0}
    assert {r.name: r for r in recordings}['golf_01'].subject == 'golf'
    assert sum(not r.segments for r in recordings) == 3
    for recording in recordings:
        pose = recording.streams['pose']
        joints = pose.values.astype(float)
        assert pose.layout == 'canonical16' and pose.up == (0.0, 0.0, 1.0)
        assert pose.values.dtype == np.float32 and np.isfinite(joints).all()
        assert pose.stamps[0] == 0.0 and all(s.end == pose.stamps[-1] for s in recording.segments)
        assert handedness(joints, 'canonical16') > 0.3, recording.name
        for side in ('left', 'right'):
            for a, b, low, high in (
                ('shoulder', 'elbow', 0.22, 0.37),
                ('elbow', 'wrist', 0.19, 0.34),
                ('hip', 'knee', 0.3, 0.5),
                ('knee', 'ankle', 0.36, 0.5),
            ):
                bone = joints[:, JOINT[f'{side}_{a}']] - joints[:, JOINT[f'{side}_{b}']]
                length = np.linalg.norm(bone, axis=1)
                assert low < length.mean() < high and np.ptp(length) < 1e-4, (recording.name, a)


@needs_real
def test_standing_people_have_heads_and_feet_where_they_belong():
    for recording in load_cmu_mocap(REAL, ['walk']):
        joints = recording.streams['pose'].values
        head = np.median(joints[:, JOINT['head'], 2])
        ankles = joints[:, [JOINT['left_ankle'], JOINT['right_ankle']], 2].min()
        chest = np.median(joints[:, JOINT['chest'], 2])
        assert 1.05 < head - ankles < 1.65 and 0.12 < head - chest < 0.28, recording.name


@needs_real
@pytest.mark.parametrize('trial', ['02_01', '02_04', '05_06', '09_01', '09_05', '16_01'])
def test_both_formats_of_a_trial_give_the_same_joints(some, trial):
    root = some(f'{trial}.amc', f'{trial}.bvh')
    shutil.copy(REAL / f'{trial.partition("_")[0]}.asf', root)
    preferred = next(load_cmu_mocap(root)).streams['pose']
    (root / f'{trial}.amc').unlink()
    other = next(load_cmu_mocap(root)).streams['pose']
    # 16_01.bvh keeps all 120 frames a second, though it says 30.
    step = 2 if trial == '16_01' else 1
    assert np.allclose(other.stamps[::step], preferred.stamps)
    assert np.abs(other.values[::step] - preferred.values).max() < 0.01


@needs_real
def test_rest_poses_at_the_start_are_not_motion(every):
    """A body that starts out of a rest pose, or blends in from one, is off in its first frames."""
    checked = 0
    for recording in every[0]:
        if (REAL / f'{recording.name}.amc').exists():
            continue
        joints = recording.streams['pose'].values.astype(float)
        body = joints - joints[:, :1]
        rate = 1 / np.diff(recording.streams['pose'].stamps)[0]
        speed = np.linalg.norm(np.diff(body, axis=0), axis=2).max(axis=1) * rate
        assert speed[:3].max() < max(1.5 * speed[3:].max(), 1.0) < 25.0, recording.name
        # arms stretched out to the sides
        wrists = body[0, JOINT['left_wrist']] - body[0, JOINT['right_wrist']]
        assert np.linalg.norm(wrists) < 1.25, recording.name
        checked += 1
    assert checked == 59 - 8


@needs_real
@pytest.mark.parametrize(
    ('trial', 'rate'), [('16_05', 60), ('16_03', 60), ('13_39', 60), ('49_04', 120), ('09_02', 60)]
)
def test_gravity_in_flight_proves_scale_and_rate(trial, rate, some):
    suffix = 'bvh' if trial == '13_39' else 'amc'
    root = some(f'{trial}.{suffix}')
    if suffix == 'amc':
        shutil.copy(REAL / f'{trial.partition("_")[0]}.asf', root)
    pose = next(load_cmu_mocap(root)).streams['pose']
    force = virtual_imu(pose.stamps, pose.values, 'waist', cutoff=8.0).values[:, :3]
    assert np.linalg.norm(force, axis=1).min() < 4.0


@needs_real
def test_what_is_missing_or_damaged_is_named_and_the_rest_loads(some, caplog):
    root = some('02_01.amc', '02_01.bvh', '02_04.amc', '08_01.bvh', '35_01.amc')
    shutil.copy(REAL / '02.asf', root)
    (root / '02_01.amc').chmod(0o644)
    (root / '02_01.amc').write_text((REAL / '02_01.amc').read_text().replace('rtibia', 'rtib', 9))
    (root / '08_01.bvh').unlink()
    with caplog.at_level(logging.WARNING):
        recordings = list(load_cmu_mocap(root))
    assert [r.name for r in recordings] == ['02_01', '02_04']
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3 and not any('\n' in line for line in lines)
    assert 'left out 02_01.amc' in lines[0] and 'rtib' in lines[0]
    assert any('08_01.bvh' in line for line in lines)
    assert any('35_01.amc' in line and '35.asf' in line for line in lines)
    assert len(recordings[0].streams['pose']) == 172


@needs_real
def test_labels_choose():
    recordings = list(load_cmu_mocap(REAL, ['cartwheel', 'drink']))
    assert {r.label for r in recordings} == {'cartwheel', 'drink'} and len(recordings) == 6
