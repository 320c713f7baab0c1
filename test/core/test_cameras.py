"""An ordinary camera's look at a body: each error is the one that its name says, and no other."""

import numpy as np
import pytest
from known_body import body

from mujo_core.corruptions import corruptions, make_corruption
from mujo_core.corruptions.cameras import project
from mujo_core.recording import Stream
from mujo_core.skeleton import JOINT, MIRRORED_JOINTS, PARENTS, canonical_joints, canonical_pose

NAMES = [name for name, kind in corruptions().items() if kind.__module__.endswith('.cameras')]
CASES = [(name, severity) for name in NAMES for severity in corruptions()[name].severities]
STAMPS = np.arange(60) / 25 + 7.0


def waving() -> np.ndarray:
    """(60, 16, 3) a body that looks along x, walks a little and waves the raised left hand."""
    joints = canonical_joints(np.repeat(body('canonical16')[None], 60, axis=0), 'canonical16')
    time = STAMPS - STAMPS[0]
    joints[:, JOINT['left_elbow']] = joints[:, JOINT['left_shoulder']] + (0.0, 0.25, 0.1)
    sway = np.stack([0 * time, 0.1 * np.sin(9 * time), 0 * time + 0.25], axis=1)
    joints[:, JOINT['left_wrist']] = joints[:, JOINT['left_elbow']] + sway
    joints[..., 0] += (0.2 * time)[:, None]
    return joints.astype(np.float32)


def seen(name: str, severity: float | str, joints: np.ndarray, seed: int = 0) -> np.ndarray:
    streams = {'pose': Stream(STAMPS, joints)}
    found = make_corruption(name, severity)(streams, np.random.default_rng(seed))['pose']
    np.testing.assert_array_equal(found.stamps, STAMPS)
    return found.values


def gone(values: np.ndarray) -> set[int]:
    """Joints of which anything is not seen."""
    return set(np.flatnonzero(np.isnan(values).any(axis=(0, 2))).tolist())


def joints_named(*parts: str) -> set[int]:
    return {place for name, place in JOINT.items() if name.rpartition('_')[2] in parts}


def test_they_are_all_here():
    assert NAMES == [
        'camera_tilted', 'camera_depth', 'camera_crops', 'skeleton_joints_unseen',
        'skeleton_side_unseen', 'skeleton_twisted', 'skeleton_sides_swap', 'skeleton_flat',
        'ordinary_camera',
    ]  # fmt: skip


@pytest.mark.parametrize(('name', 'severity'), CASES)
def test_a_seed_gives_one_look_and_the_original_stays(name, severity):
    joints = waving()
    first, again = (seen(name, severity, joints, 3) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(joints, waving())
    assert first.shape == joints.shape and first.dtype == np.float32
    others = [seen(name, severity, joints, seed) for seed in range(8)]
    assert any(not np.array_equal(other, joints, equal_nan=True) for other in others)
    if name != 'camera_crops':  # which draws nothing
        assert any(not np.array_equal(other, first, equal_nan=True) for other in others)


@pytest.mark.parametrize(('name', 'severity'), CASES)
def test_who_is_not_seen_is_not_seen_afterwards(name, severity):
    joints = waving()
    joints[:, JOINT['head']] = np.nan
    joints[20:40] = np.nan
    for seed in range(6):
        values = seen(name, severity, joints, seed)
        assert np.isnan(values[:, JOINT['head']]).all()
        assert np.isnan(values[20:40]).all()
    nobody = np.full_like(joints, np.nan)
    assert np.isnan(seen(name, severity, nobody)).all()


@pytest.mark.parametrize('degrees', [10.0, 25.0])
def test_a_tilted_camera_turns_the_body_as_a_whole(degrees):
    joints = waving()
    for seed in range(6):
        tilted = seen('camera_tilted', degrees, joints, seed).astype(float)
        turn, *_ = np.linalg.lstsq(joints.reshape(-1, 3), tilted.reshape(-1, 3), rcond=None)
        np.testing.assert_allclose(tilted, joints @ turn, atol=1e-4)
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-4)
        assert np.linalg.det(turn) == pytest.approx(1.0, abs=1e-4)
        # Pitched by so much, and rolled besides.
        assert degrees - 0.1 < np.rad2deg(np.arccos(turn[2, 2])) < 3 * degrees


def test_wrong_depth_moves_joints_along_one_line_of_sight():
    joints = waving()
    for seed in range(6):
        moved = (seen('camera_depth', 0.33, joints, seed) - joints).reshape(-1, 3)
        sizes, directions = np.linalg.svd(moved.astype(float), full_matrices=False)[1:]
        assert sizes[1] < 1e-4 * sizes[0]
        assert abs(directions[0, 2]) < np.sin(np.deg2rad(45))  # nearly level
        assert 0.01 < np.sqrt((moved**2).sum(axis=1).mean()) < 1.0
    np.testing.assert_allclose(seen('camera_depth', 0.0, joints), joints, atol=1e-6)


def test_wrong_depth_is_measured_from_the_body_wherever_it_is():
    """Far from the origin, and where the pelvis is not seen for a while."""
    joints = waving() + np.float32([30.0, 0.0, 0.0])
    joints[20:40, JOINT['pelvis']] = np.nan
    for seed in range(6):
        moved = seen('camera_depth', 0.33, joints, seed) - joints
        assert np.nanmax(np.abs(moved)) < 2.0


@pytest.mark.parametrize(
    ('where', 'parts'),
    [
        ('feet', ['ankle']),
        ('legs', ['knee', 'ankle']),
        ('desk', ['knee', 'ankle', 'hip', 'pelvis', 'spine']),
    ],
)
def test_a_crop_hides_what_it_says(where, parts):
    joints = waving()
    cropped = seen('camera_crops', where, joints)
    hidden = joints_named(*parts)
    assert gone(cropped) == hidden
    assert np.isnan(cropped[:, list(hidden)]).all()
    rest = sorted(set(range(16)) - hidden)
    np.testing.assert_array_equal(cropped[:, rest], joints[:, rest])


def test_ends_of_limbs_are_unseen_more_often_where_it_is_worse():
    joints, shares = waving(), []
    ends = joints_named('wrist', 'ankle', 'elbow', 'knee', 'head')
    for severity in (0.2, 0.5):
        found = [seen('skeleton_joints_unseen', severity, joints, seed) for seed in range(40)]
        assert set().union(*map(gone, found)) == ends
        for values in found:
            there = np.isfinite(values)
            np.testing.assert_array_equal(values[there], joints[there])
        shares.append(np.mean([np.isnan(values[:, list(ends)]).mean() for values in found]))
    assert 0.02 < shares[0] < shares[1] < 0.4


@pytest.mark.parametrize(
    ('severity', 'parts'),
    [('arm', ('elbow', 'wrist')), ('arm and leg', ('elbow', 'wrist', 'knee', 'ankle'))],
)
def test_one_side_is_unseen_and_the_other_is_not(severity, parts):
    joints = waving()
    sides = set()
    for seed in range(12):
        values = seen('skeleton_side_unseen', severity, joints, seed)
        names = {name for name, place in JOINT.items() if place in gone(values)}
        assert {name.partition('_')[2] for name in names} <= set(parts)
        assert len({name.partition('_')[0] for name in names}) <= 1
        sides |= {name.partition('_')[0] for name in names}
    assert sides == {'left', 'right'}


def test_hips_and_legs_are_turned_about_the_pelvis_and_the_rest_is_not():
    joints = waving()
    lower = sorted(joints_named('hip', 'knee', 'ankle'))
    upper = sorted(set(range(16)) - set(lower))
    angles = []
    for seed in range(30):
        values = seen('skeleton_twisted', 15.0, joints, seed)
        np.testing.assert_array_equal(values[:, upper], joints[:, upper])
        before, after = (x[:, lower] - x[:, :1] for x in (joints, values))
        np.testing.assert_allclose(after[..., 2], before[..., 2], atol=1e-5)
        there, here = (x[..., 0] + 1j * x[..., 1] for x in (after, before))
        turn = there / here
        np.testing.assert_allclose(turn, turn[0, 0], atol=1e-3)
        angles.append(np.rad2deg(np.angle(turn[0, 0])))
    assert 9.0 < np.std(angles) < 21.0


def test_sides_swap_for_moments():
    joints, changed = waving(), []
    kinds = set()
    for seed in range(30):
        values = seen('skeleton_sides_swap', 1, joints, seed)
        mirrored = joints[:, list(MIRRORED_JOINTS)]
        differ = (values != joints).any(axis=2)
        np.testing.assert_array_equal(values[differ], mirrored[differ])
        names = {name for name, place in JOINT.items() if differ[:, place].any()}
        kinds.add(frozenset(name.partition('_')[2] for name in names))
        when = np.flatnonzero(differ.any(axis=1))
        assert len(when) == 0 or np.ptp(when) + 1 == len(when) <= 14
        changed.append(len(when))
    assert {len(kind) for kind in kinds if kind} == {2, 6}
    assert 3 < np.mean(changed) < 12


def pinhole(
    joints: np.ndarray, around: float, above: float, distance: float
) -> tuple[np.ndarray, np.ndarray]:
    """What a camera with its focal length as far as the middle of the body shows: right, up."""
    middle = np.nanmedian(joints.reshape(-1, 3), axis=0)
    level = distance * np.cos(above)
    away = np.array([level * np.cos(around), level * np.sin(around), distance * np.sin(above)])
    place = middle + away
    ahead = (middle - place) / np.linalg.norm(middle - place)
    right = np.cross(ahead, (0, 0, 1))
    right /= np.linalg.norm(right)
    down = np.cross(ahead, right)
    extrinsic = np.stack([right, down, ahead])
    camera = (joints.astype(float) - place) @ extrinsic.T
    return distance * camera[..., 0] / camera[..., 2], -distance * camera[..., 1] / camera[..., 2]


@pytest.mark.parametrize('around', [0.0, 0.7, np.pi, -2.0])
@pytest.mark.parametrize('above', [-0.15, 0.0, 0.6])
def test_a_flat_body_is_a_pinhole_cameras_image(around, above):
    joints = waving() + np.float32([3.0, -2.0, 0.5])
    joints[5, JOINT['left_ankle']] = np.nan
    flat = project(joints, around, above, 3.0)
    right, up = pinhole(joints, around, above, 3.0)
    np.testing.assert_allclose(flat[..., 0], right, atol=1e-4)
    np.testing.assert_allclose(flat[..., 2], up, atol=1e-4)
    assert np.nanmax(np.abs(flat[..., 1])) == 0.0
    assert np.isnan(flat[5, JOINT['left_ankle']]).all() and np.isnan(flat).sum() == 3


@pytest.mark.parametrize('degrees', [0, 40, 180, 220], ids=lambda each: f'{each} deg around')
@pytest.mark.parametrize('heading', [0.0, 130.0])
def test_a_flat_body_keeps_its_left(degrees, heading):
    """Seen from before and from behind, whichever way it looked."""
    cos, sin = np.cos(np.deg2rad(heading)), np.sin(np.deg2rad(heading))
    turned = waving() @ np.float32([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    pose = canonical_pose(project(turned, np.deg2rad(heading + degrees), 0.1, 3.0), 25.0)
    assert pose.mask.all() and np.isfinite(pose.joints).all()
    assert np.abs(pose.joints[..., 0]).max() < 1e-5
    for name in ('left_shoulder', 'left_hip', 'left_knee'):
        left, right = pose.joints[:, JOINT[name]], pose.joints[:, MIRRORED_JOINTS[JOINT[name]]]
        assert (left[:, 1] > right[:, 1]).all()
    hand, other = pose.joints[:, JOINT['left_wrist']], pose.joints[:, JOINT['right_wrist']]
    assert (hand[:, 2] > 0.5).all() and (other[:, 2] < 0.4).all()
    assert (hand[:, 1] > 0).all()


def test_the_flat_corruption_has_no_depth_and_is_learned_from():
    joints = waving()
    for seed in range(12):
        flat = seen('skeleton_flat', 60.0, joints, seed)
        assert (flat[..., 1] == 0).all()
        pose = canonical_pose(flat, 25.0)
        assert pose.mask.all() and np.isfinite(pose.root).all()
        # As an image shows them: no bone is longer than it is, but for the perspective.
        long = np.linalg.norm(joints - joints[:, list(PARENTS)], axis=-1).max(axis=0)
        shown = np.linalg.norm(flat - flat[:, list(PARENTS)], axis=-1).max(axis=0)
        assert (shown <= 2.0 * long + 1e-6).all()
        assert pose.joints[:, JOINT['left_shoulder'], 1].mean() > 0
        assert pose.joints[:, JOINT['left_wrist'], 2].mean() > 0.4


def test_a_hard_camera_loses_more_than_a_mild_one():
    joints, lost, moved = waving(), [], []
    for severity in ('mild', 'hard'):
        found = [seen('ordinary_camera', severity, joints, seed) for seed in range(60)]
        lost.append(np.mean([np.isnan(values).mean() for values in found]))
        moved.append(np.mean([np.nanmean(np.abs(values - joints)) for values in found]))
    assert 0.02 < lost[0] < lost[1] < 0.3
    assert moved[0] < 0.7 * moved[1]
