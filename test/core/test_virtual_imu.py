"""A virtual IMU against formulas that do not come from it."""

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, filtfilt

from mujo_core.datasets.utd_mhad import load_utd_mhad
from mujo_core.skeleton import CANONICAL_JOINTS, JOINT, canonical_joints
from mujo_core.virtual_imu import PLACEMENTS, OnlineVirtualImu, virtual_imu

UTD = Path(__file__).parents[3] / 'shared' / 'data' / 'utd_mhad'
G = 9.80665
LIMBS = [p for p in PLACEMENTS if p.startswith(('left_', 'right_'))]
TRUNK = [p for p in PLACEMENTS if p not in LIMBS]
STANDING = {
    'pelvis': (0, 0, 1.0), 'chest': (0, 0, 1.5), 'head': (0, 0, 1.7),
    'left_shoulder': (0, 0.2, 1.5), 'left_elbow': (0, 0.2, 1.2), 'left_wrist': (0, 0.2, 0.95),
    'left_hip': (0, 0.1, 1.0), 'left_knee': (0, 0.1, 0.55), 'left_ankle': (0, 0.1, 0.1),
}  # fmt: skip


def standing(count: int) -> np.ndarray:
    """A body that faces +x, arms hanging, (count, 16, 3)."""
    body = np.zeros((16, 3))
    for name in CANONICAL_JOINTS:
        place = np.array(STANDING.get(name.replace('right', 'left'), (0, 0, 1.25)), dtype=float)
        if name.startswith('right'):
            place[1] *= -1
        body[JOINT[name]] = place
    return np.tile(body, (count, 1, 1))


def turn_z(points: np.ndarray, angles: np.ndarray) -> np.ndarray:
    c, s = np.cos(angles)[:, None], np.sin(angles)[:, None]
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    return np.stack([c * x - s * y, s * x + c * y, z], axis=-1)


def swing_arm(angles: np.ndarray, side: str = 'right', bend: float = 0.0) -> np.ndarray:
    """The arm turned forward by `angles` at the shoulder, the elbow bent by `bend` (rad)."""
    joints = standing(len(angles))
    shoulder = joints[:, JOINT[f'{side}_shoulder']]
    upper = np.stack([np.sin(angles), 0 * angles, -np.cos(angles)], axis=1)
    fore = np.stack([np.sin(angles + bend), 0 * angles, -np.cos(angles + bend)], axis=1)
    joints[:, JOINT[f'{side}_elbow']] = shoulder + 0.3 * upper
    joints[:, JOINT[f'{side}_wrist']] = shoulder + 0.3 * upper + 0.25 * fore
    return joints


def middle(stream, seconds: float = 0.5):
    return stream.between(stream.stamps[0] + seconds, stream.stamps[-1] - seconds)


def test_there_are_as_many_devices_as_joints():
    assert len(set(PLACEMENTS)) == len(CANONICAL_JOINTS) == 16
    assert {placement.split('_', 1)[-1] for placement in LIMBS} == {
        'wrist', 'forearm', 'upper_arm', 'thigh', 'pocket', 'ankle'
    }  # fmt: skip


def test_a_forearm_reads_between_elbow_and_wrist():
    """An elbow that swings alone pulls half as far out what sits half way along the forearm."""
    stamps = np.arange(240) / 60.0
    w, most = 2 * np.pi * 0.8, 0.7
    joints = standing(240)
    elbow = joints[:, JOINT['right_elbow']]
    angle = most * np.sin(w * stamps)
    fore = np.stack([np.sin(angle), 0 * angle, -np.cos(angle)], axis=1)
    joints[:, JOINT['right_wrist']] = elbow + 0.25 * fore
    stream = middle(virtual_imu(stamps, joints, 'right_forearm', cutoff=10.0))
    angle, rate = most * np.sin(w * stream.stamps), most * w * np.cos(w * stream.stamps)
    expected = -G * np.cos(angle) - rate**2 * 0.125
    assert np.abs(stream.values[:, 0] - expected).max() < 0.15


@pytest.mark.parametrize('placement', PLACEMENTS)
def test_at_rest_gravity_is_all_there_is(placement):
    stamps = np.arange(60) / 30.0
    stream = virtual_imu(stamps, standing(60), placement)
    assert stream.values.shape == (len(stream), 6) and stream.values.dtype == np.float32
    assert np.allclose(np.diff(stream.stamps), 0.02)
    assert stream.stamps[-1] == pytest.approx(stamps[-1], abs=0.02)
    along_up = 2 if placement in TRUNK else 0
    expected = np.zeros(6)
    # Trunk devices have z up; x runs down a hanging limb.
    expected[along_up] = G if placement in TRUNK else -G
    assert np.abs(stream.values - expected).max() < 1e-2


@pytest.mark.parametrize('placement', PLACEMENTS)
def test_free_fall_weighs_nothing(placement):
    stamps = np.arange(90) / 60.0
    joints = standing(90)
    joints[..., 2] += (2.0 * stamps - 0.5 * G * stamps**2)[:, None]
    stream = middle(virtual_imu(stamps, joints, placement, cutoff=8.0))
    assert np.abs(stream.values).max() < 0.1


@pytest.mark.parametrize('placement', PLACEMENTS)
@pytest.mark.parametrize('rate', [2.0, -4.0])
def test_a_body_on_a_turntable(placement, rate):
    """The gyro reads the rate about up, the accelerometer the pull to the axis beside gravity."""
    stamps = np.arange(240) / 60.0
    joints = turn_z(standing(240) + np.array([0.7, 0, 0]), rate * stamps)
    stream = middle(virtual_imu(stamps, joints, placement, cutoff=10.0))
    force, spin = stream.values[:, :3].astype(float), stream.values[:, 3:].astype(float)
    assert np.linalg.norm(spin, axis=1) == pytest.approx(abs(rate), rel=0.01)
    vertical = (force * spin).sum(axis=1) / rate
    assert vertical == pytest.approx(G, abs=0.05)
    # How far the device is from the axis, from the still body.
    offsets = {'chest': 0.1, 'waist': 0.1, 'back': -0.1, 'head': 0.09}
    shift = {'wrist': 0.2, 'forearm': 0.2, 'upper_arm': 0.2}.get(placement.partition('_')[2], 0.1)
    radius = 0.7 + offsets[placement] if placement in offsets else np.hypot(0.7, shift)
    inward = np.sqrt(np.maximum((force**2).sum(axis=1) - vertical**2, 0))
    assert inward == pytest.approx(rate**2 * radius, rel=0.02)


@pytest.mark.parametrize('bend', [0.0, 0.6])
@pytest.mark.parametrize('side', ['right', 'left'])
def test_a_pendulum(side, bend):
    """A driven swing of A sin(wt): x reads -g cos - r t'^2, across it g sin + r t''."""
    stamps = np.arange(300) / 60.0
    w, most = 2 * np.pi * 0.6, 0.8
    stream = middle(
        virtual_imu(stamps, swing_arm(most * np.sin(w * stamps), side, bend), f'{side}_wrist',
                    cutoff=10.0)
    )  # fmt: skip
    angle = most * np.sin(w * stream.stamps)
    rate = most * w * np.cos(w * stream.stamps)
    gain = -most * w**2 * np.sin(w * stream.stamps)
    # From the shoulder to the device 0.3 m beyond the elbow, in the forearm's directions.
    along, across = 0.3 + 0.3 * np.cos(bend), -0.3 * np.sin(bend)
    force = stream.values[:, :3].astype(float)
    x = -G * np.cos(angle + bend) - rate**2 * along - gain * across
    y = G * np.sin(angle + bend) + gain * along - rate**2 * across
    assert np.abs(force[:, 0] - x).max() < 0.15
    assert np.abs(np.linalg.norm(force[:, 1:], axis=1) - np.abs(y)).max() < 0.2
    spin = stream.values[:, 3:].astype(float)
    assert np.abs(np.hypot(spin[:, 1], spin[:, 2]) - np.abs(rate)).max() < 0.06
    # The hinge lies at 60 degrees from the device's y, mirrored on the other side: the forward
    # swing of an arm turns about the person's right.
    turn = np.deg2rad(60) * (1 if side == 'right' else -1)
    hinge = spin[:, 1] * np.cos(turn) - spin[:, 2] * np.sin(turn)
    assert np.corrcoef(hinge, rate)[0, 1] > 0.98


@pytest.mark.parametrize('placement', ['right_wrist', 'left_wrist', 'right_ankle', 'left_thigh'])
def test_a_straight_limb_does_not_flip(placement):
    """Where a straight limb trembles through straight, its plane turns round; the device not."""
    random = np.random.default_rng(3)
    stamps = np.arange(300) / 30.0
    joints = standing(300)
    side, _, part = placement.partition('_')
    middle_joint = 'elbow' if part == 'wrist' else 'knee'
    joints[:, JOINT[f'{side}_{middle_joint}'], 0] += 0.02 * np.sin(2 * np.pi * stamps)
    joints[:, JOINT[f'{side}_{middle_joint}']] += random.normal(0, 0.002, (300, 3))
    stream = middle(virtual_imu(stamps, joints, placement))
    # A trembling of 2 cm at 1 Hz swings the bones by at most 0.08 rad, 0.5 rad/s.
    assert np.linalg.norm(stream.values[:, 3:], axis=1).max() < 1.2


def test_an_arm_raised_overhead_turns_about_one_axis():
    """From hanging forward to straight up the swing reads its own rate and no twist."""
    stamps = np.arange(180) / 60.0
    angle = np.pi * (1 - np.cos(2 * np.pi * stamps / 3.0)) / 2
    stream = middle(virtual_imu(stamps, swing_arm(angle), 'right_wrist', cutoff=10.0), 0.3)
    rate = np.pi**2 / 3.0 * np.sin(2 * np.pi * stream.stamps / 3.0)
    spin = stream.values[:, 3:].astype(float)
    assert np.abs(np.hypot(spin[:, 1], spin[:, 2]) - np.abs(rate)).max() < 0.1


def test_left_and_right_mirror():
    """A mirrored movement reads the same across the mirror's axes and opposite along them."""
    stamps = np.arange(120) / 60.0
    angle = 0.7 * np.sin(2 * np.pi * stamps)
    right = virtual_imu(stamps, swing_arm(angle, 'right', 0.8), 'right_wrist').values
    left = virtual_imu(stamps, swing_arm(angle, 'left', 0.8), 'left_wrist').values
    # x along the bone and z mirror; y = z x x must turn round, and the gyro the other way.
    assert left == pytest.approx(right * [1, -1, 1, -1, 1, -1], abs=1e-3)


@pytest.mark.parametrize('fast', [19.0, 24.0])
def test_what_is_too_fast_for_the_rate_does_not_fold_back(fast):
    stamps = np.arange(480) / 120.0
    joints = standing(480)
    joints[..., 0] += (0.01 * np.sin(2 * np.pi * fast * stamps))[:, None]
    stream = middle(virtual_imu(stamps, joints, 'chest', rate=25.0, cutoff=50.0))
    assert 0.01 * (2 * np.pi * fast) ** 2 > 140  # m/s^2 that the chest really undergoes
    assert np.abs(stream.values[:, 0]).max() < 1.5


def test_noise_is_smoothed_and_clean_motion_is_kept():
    random = np.random.default_rng(1)
    stamps = np.arange(300) / 30.0
    noisy = standing(300) + random.normal(0, 0.005, (300, 16, 3))
    rest = middle(virtual_imu(stamps, noisy, 'right_wrist')).values[:, :3]
    assert np.std(rest, axis=0).max() < 1.0
    stamps = np.arange(600) / 60.0
    clean = standing(600)
    clean[..., 2] += (0.02 * np.sin(2 * np.pi * 4.0 * stamps))[:, None]
    bounce = middle(virtual_imu(stamps, clean, 'waist')).values[:, 2] - G
    assert np.abs(bounce).max() == pytest.approx(0.02 * (2 * np.pi * 4.0) ** 2, rel=0.1)


def test_gaps_are_bridged_up_to_a_limit():
    stamps = np.arange(150) / 30.0
    joints = standing(150)
    joints[40:44, JOINT['right_wrist']] = np.nan
    joints[80:110, JOINT['right_elbow']] = np.nan
    joints[:, JOINT['left_ankle']] = np.nan
    stream = virtual_imu(stamps, joints, 'right_wrist')
    assert np.isfinite(stream.values).all()
    steps = np.diff(stream.stamps)
    assert np.sum(steps > 0.03) == 1
    assert np.any(np.abs(stream.stamps - stamps[42]) < 0.02)
    inside = (stream.stamps > stamps[79] + 1e-6) & (stream.stamps < stamps[110] - 1e-6)
    assert not inside.any()
    assert np.allclose(np.round(stream.stamps * 50) / 50, stream.stamps)
    assert len(virtual_imu(stamps, joints, 'left_ankle')) == 0
    hidden = standing(150)
    for name in ('pelvis', 'left_hip', 'right_hip', 'spine'):
        hidden[:, JOINT[name]] = np.nan
    assert len(virtual_imu(stamps, hidden, 'right_wrist')) > 200


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        ({'placement': 'left_ear'}, 'right_wrist.*left_ear'),
        ({'joints': np.zeros((30, 20, 3))}, r'\(30, 16, 3\).*canonical_joints'),
        ({'stamps': np.zeros(30)}, 'increase'),
        ({'rate': 0.0}, 'above 0'),
        ({'cutoff': -1.0}, 'above 0'),
    ],
)
def test_bad_input_is_said_in_one_line(change, says):
    given = {'stamps': np.arange(30) / 30.0, 'joints': standing(30), 'placement': 'chest', **change}
    with pytest.raises(ValueError, match=says) as error:
        virtual_imu(**given)
    assert '\n' not in str(error.value)


def feed(online, stamps, joints):
    parts = []
    for stamp, frame in zip(stamps, joints, strict=True):
        part = online.add(stamp, frame)
        if part is not None:
            assert len(part) and part.stamps[-1] <= stamp - 0.15 + 1e-6
            parts.append(part)
    return parts


def test_online_gives_what_offline_gives():
    random = np.random.default_rng(5)
    start = 1.7e9
    stamps = start + np.arange(300) / 30.0 + random.uniform(-0.004, 0.004, 300)
    joints = swing_arm(0.8 * np.sin(2 * np.pi * 0.7 * (stamps - start)), bend=0.5)
    parts = feed(OnlineVirtualImu('right_wrist'), stamps, joints)
    times = np.concatenate([part.stamps for part in parts])
    values = np.concatenate([part.values for part in parts])
    assert np.allclose(np.diff(times), 0.02, atol=1e-5)
    assert times[-1] > stamps[-1] - 0.15 - 0.021
    offline = virtual_imu(stamps, joints, 'right_wrist', cutoff=3.0)
    for column in range(6):
        expected = np.interp(times, offline.stamps, offline.values[:, column])
        error = (values[:, column] - expected)[25:-25]
        assert np.sqrt(np.mean(error**2)) < (0.4 if column < 3 else 0.25)
        assert np.std(expected) > (0.8 if column < 3 else 0.5)


def test_online_starts_anew_after_a_gap_and_passes_over_the_unseen():
    online = OnlineVirtualImu('right_wrist')
    stamps = np.concatenate([np.arange(60), np.arange(60) + 120]) / 30.0
    joints = standing(120)
    joints[::7, JOINT['right_wrist']] = np.nan
    joints[20] = np.nan
    times = np.concatenate([part.stamps for part in feed(online, stamps, joints)])
    assert not ((times > 2.0) & (times < 4.0)).any()
    assert (times < 2.0).sum() > 80 and (times > 4.0).sum() > 80
    assert (np.diff(times) > 0).all()
    assert online.add(stamps[-2], joints[1]) is None
    # A bag that is played again.
    again = np.concatenate([part.stamps for part in feed(online, stamps[:60], joints[:60])])
    assert again[0] == pytest.approx(stamps[1], abs=0.01) and (np.diff(again) > 0).all()
    assert len(online._frames) < 60


def most_alike(ours, real, reach=10):
    """The best correlation of two (N,) signals within `reach` samples of each other."""
    found = []
    for lag in range(-reach, reach + 1):
        a, b = (ours[lag:], real[: len(real) - lag]) if lag >= 0 else (ours[:lag], real[-lag:])
        found.append(np.corrcoef(a, b)[0, 1])
    return max(found)


@pytest.mark.skipif(not UTD.is_dir(), reason='UTD-MHAD is not beside the repository')
def test_it_resembles_a_real_wrist_device():
    """One person's 84 clips; both low-passed at 5 Hz. The axes are in one order and sign."""
    numerator, denominator = butter(2, 5.0 / 25.0)
    magnitudes, axes = [], []
    for recording in load_utd_mhad(UTD, subjects=['3']):
        if 'imu/right_wrist' not in recording.streams:
            continue
        pose, real = recording.streams['pose'], recording.streams['imu/right_wrist']
        joints = canonical_joints(pose.values, 'kinect20')
        ours = virtual_imu(pose.stamps, joints, 'right_wrist')
        count = min(len(ours), len(real))
        a, b = (
            filtfilt(numerator, denominator, stream.values[:count].astype(float), axis=0)
            for stream in (ours, real)
        )
        norms = [[np.linalg.norm(v[:, k : k + 3], axis=1) for v in (a, b)] for k in (0, 3)]
        magnitudes.append([most_alike(*pair) for pair in norms])
        axes.append([most_alike(a[:, k], b[:, k], 4) for k in range(6)])
    assert len(magnitudes) == 84
    acceleration, rotation = np.median(magnitudes, axis=0)
    assert acceleration > 0.79 and rotation > 0.84
    assert (np.median(axes, axis=0) > [0.85, 0.6, 0.6, 0.4, 0.7, 0.8]).all()
