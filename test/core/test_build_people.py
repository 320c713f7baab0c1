"""Who is who, where a video is cut, and what becomes of paths of joints."""

import numpy as np
import pytest

from mujo_core.builder.floor import CAMERA_UP, find_up, stand_on_floor
from mujo_core.builder.pictures import Picture
from mujo_core.builder.quality import measure_quality
from mujo_core.builder.settings import QualitySettings
from mujo_core.builder.shots import split_shots
from mujo_core.builder.smoothing import bridge_gaps, smooth, without_spikes
from mujo_core.builder.tracks import Tracker
from mujo_core.pose_estimator import Pose
from mujo_core.skeleton import JOINT

STEP = 1 / 30
BODY = np.random.default_rng(0).uniform((-40, -100), (40, 100), (33, 2)).astype(np.float32)
BODY[[0, 31, 32]] = (0, -100), (-30, 100), (30, 100)


def body(x, y=300.0, scale=1.0, mark=0.0):
    """A person of 200 pixels in the picture at x, y; `mark` tells who it is."""
    world = np.full((33, 3), mark, dtype=np.float32)
    image = BODY * scale + np.array([x, y], dtype=np.float32)
    return Pose(world, image.astype(np.float32), np.full(33, 0.9, dtype=np.float32))


def who(track):
    return {float(pose.world[0, 0]) for pose in track.poses}


def follow(pictures):
    tracker = Tracker()
    for place, poses in enumerate(pictures):
        tracker.add(place, place * STEP, poses)
    return tracker.tracks


def test_people_apart_are_followed_in_any_order():
    rng = np.random.default_rng(1)
    pictures = []
    for i in range(90):
        poses = [body(200 + 3 * i, mark=1), body(900 - 2 * i, mark=2)]
        pictures.append(poses if rng.random() < 0.5 else poses[::-1])
    tracks = follow(pictures)
    assert [len(t.poses) for t in tracks] == [90, 90]
    assert sorted(who(t) for t in tracks) == [{1.0}, {2.0}] or {1.0} in [who(t) for t in tracks]
    assert all(len(who(t)) == 1 for t in tracks)


def test_people_who_cross_are_never_mixed():
    """They pass through each other; the model may take one for the other there."""
    pictures = [[body(200 + 6 * i, mark=1), body(800 - 6 * i, y=310, mark=2)] for i in range(100)]
    tracks = follow(pictures)
    assert all(len(who(track)) == 1 for track in tracks)
    long = [track for track in tracks if len(track.poses) > 20]
    assert len(long) == 4
    assert not any(track.stamps[0] < 50 * STEP < track.stamps[-1] for track in long)


def test_one_body_found_twice_is_one_track():
    tracks = follow(
        [[body(300 + i, mark=1), body(304 + i, mark=1)][: 1 + i % 2] for i in range(40)]
    )
    assert [len(track.poses) for track in tracks] == [40]


def test_a_short_pause_is_waited_for_and_a_jump_is_another_person():
    there = [[body(300)] if not 20 <= i < 30 else [] for i in range(60)]
    assert [len(t.poses) for t in follow(there)] == [50]
    gone = [[body(300)] if not 20 <= i < 45 else [] for i in range(60)]
    assert [len(t.poses) for t in follow(gone)] == [20, 15]
    jump = [[body(300 if i < 30 else 450)] for i in range(60)]
    assert [len(t.poses) for t in follow(jump)] == [30, 30]
    grown = [[body(300, scale=1.0 if i < 30 else 1.8)] for i in range(60)]
    assert [len(t.poses) for t in follow(grown)] == [30, 30]


def scene(seed):
    return np.random.default_rng(seed).integers(0, 255, (9, 16, 3)).repeat(20, 0).repeat(20, 1)


def shots_of(images):
    pictures = [Picture(i * STEP, image.astype(np.uint8)) for i, image in enumerate(images)]
    found = list(split_shots(pictures))
    assert [picture.stamp for _, picture in found] == [picture.stamp for picture in pictures]
    return [number for number, _ in found]


def test_a_cut_begins_a_shot_and_a_flash_does_not():
    rng = np.random.default_rng(0)
    moving = [np.roll(scene(1), 2 * i, axis=1) + rng.integers(0, 6, (1, 1, 3)) for i in range(30)]
    other = [np.roll(scene(2), 2 * i, axis=1) for i in range(30)]
    assert shots_of(moving + other) == [0] * 30 + [1] * 30
    assert shots_of(moving + other + moving) == [0] * 30 + [1] * 30 + [2] * 30
    flash = [*moving[:10], np.full_like(moving[0], 255), *moving[11:]]
    assert shots_of(flash) == [0] * 30
    dark = [image * (1 - 0.02 * i) for i, image in enumerate(moving)]
    assert shots_of(dark) == [0] * 30
    assert shots_of([]) == [] and shots_of(moving[:1]) == [0]


def test_gaps_are_bridged_up_to_the_limit_and_masked_beyond():
    stamps = np.arange(60) * STEP
    path = np.stack([stamps, 2 * stamps, -stamps], axis=1)[:, None].repeat(2, axis=1)
    held = path.copy()
    held[10:15, 0] = held[30:45, 0] = held[:3, 1] = np.nan
    bridged = bridge_gaps(stamps, held, 0.25)
    np.testing.assert_allclose(bridged[10:15, 0], path[10:15, 0], atol=1e-9)
    assert np.isnan(bridged[30:45, 0]).all() and np.isnan(bridged[:3, 1]).all()
    assert np.isfinite(bridged[45:, 0]).all()


def test_smoothing_takes_noise_and_keeps_fast_motion_where_it_is():
    rng = np.random.default_rng(0)
    stamps = np.arange(300) * STEP
    fast = np.zeros((300, 1, 3))
    fast[:, 0, 0] = 0.4 * np.sin(2 * np.pi * 2.0 * stamps)
    kept = smooth(stamps, fast, 2.5, 4.0, 0.25)
    middle = slice(30, 270)
    assert np.ptp(kept[middle, 0, 0]) > 0.9 * 0.8
    lags = [np.dot(kept[30 + k : 270 + k, 0, 0], fast[middle, 0, 0]) for k in (-1, 0, 1)]
    assert int(np.argmax(lags)) == 1
    still = rng.normal(0, 0.01, (300, 1, 3))
    calm = smooth(stamps, still, 2.5, 4.0, 0.25)
    ripple = [np.diff(path[middle], n=2, axis=0).std() for path in (still, calm)]
    assert ripple[1] < 0.4 * ripple[0]
    fast[100:120] = np.nan
    assert (np.isnan(smooth(stamps, fast, 2.5, 4.0, 0.25)) == np.isnan(fast)).all()


def test_a_spike_is_taken_out_and_a_kick_is_not():
    stamps = np.arange(90) * STEP
    path = np.zeros((90, 1, 3))
    path[:, 0, 0] = 0.5 * np.sin(2 * np.pi * 2.5 * stamps)
    assert np.isfinite(without_spikes(path, 5, 0.25)).all()
    path[40] += 0.6
    assert np.flatnonzero(np.isnan(without_spikes(path, 5, 0.25)[:, 0, 0])).tolist() == [40]


def walker(pitch, turn=0.3):
    """A body that walks about on a floor, seen by a camera that looks down by `pitch` (rad)."""
    rest = np.zeros((16, 3))
    rest[:, 2] = [
        0.9,
        1.15,
        1.4,
        1.65,
        1.4,
        1.4,
        1.1,
        1.1,
        0.85,
        0.85,
        0.9,
        0.9,
        0.5,
        0.5,
        0.08,
        0.08,
    ]
    for left, right in ((4, 5), (6, 7), (8, 9), (10, 11), (12, 13), (14, 15)):
        rest[left, 1], rest[right, 1] = 0.15, -0.15
    stamps = np.arange(150) * STEP
    path = np.stack([1.5 * np.cos(stamps), 1.5 * np.sin(1.7 * stamps), 0 * stamps], axis=1)
    path = path[(np.arange(150) // 15) * 15]  # it stands between its steps
    c, s = np.cos(turn), np.sin(turn)
    level = (rest @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T)[None] + path[:, None]
    camera = np.stack([-level[..., 1], -level[..., 2] + 1.5, level[..., 0] + 5], axis=-1)
    c, s = np.cos(pitch), np.sin(pitch)
    return stamps, camera @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]]), level


@pytest.mark.parametrize('pitch', [0.0, 0.3, -0.2])
def test_floor_and_heading_are_found(pitch):
    stamps, seen, level = walker(pitch)
    ground = find_up(stamps, seen)
    assert ground.found_by == 'floor'
    assert np.arctan2(-ground.up[2], -ground.up[1]) == pytest.approx(pitch, abs=0.01)
    upright, _ = stand_on_floor(seen, ground.up)
    assert np.quantile(upright[:, 14:, 2], 0.05) == pytest.approx(0.08, abs=0.01)
    across = (upright[:, JOINT['left_hip']] - upright[:, JOINT['right_hip']]).mean(axis=0)
    np.testing.assert_allclose(across, [0, 0.3, 0], atol=0.01)
    for pair in ((3, 14), (8, 9)):
        want = np.linalg.norm(level[:, pair[0]] - level[:, pair[1]], axis=1)
        got = np.linalg.norm(upright[:, pair[0]] - upright[:, pair[1]], axis=1)
        np.testing.assert_allclose(got, want, atol=1e-6)


def test_up_comes_from_a_standing_body_or_else_from_the_camera():
    stamps, seen, _ = walker(0.25)
    standing = seen - seen[:, :1] + seen[:1, :1]
    ground = find_up(stamps, standing)
    assert ground.found_by == 'body'
    assert np.arctan2(-ground.up[2], -ground.up[1]) == pytest.approx(0.25, abs=0.02)
    seated = standing.copy()
    seated[:, 10:] = np.nan
    seated[:, 0] = np.nan
    ground = find_up(stamps, seated)
    assert ground.found_by == 'camera' and (ground.up == CAMERA_UP).all()


def test_quality_measures_what_was_put_in():
    rng = np.random.default_rng(0)
    _, _, level = walker(0.0)
    noisy = level - level[:, :1] + rng.normal(0, 0.02, level.shape)
    noisy[rng.random(noisy.shape[:2]) < 0.25] = np.nan
    quality = measure_quality(noisy, bridge_gaps(np.arange(150) * STEP, noisy, 0.25))
    assert quality.visible == pytest.approx(0.75, abs=0.02)
    assert quality.bridged > 0.2
    # Seen from the pelvis, whose own noise is in it.
    assert quality.jitter == pytest.approx(0.02 * np.sqrt(2), rel=0.25)
    assert quality.shortfall(QualitySettings()) == ''
    for change, word in (
        ({'visible': 0.9}, 'of the joints seen, expected 0.9 or more'),
        ({'jitter': 0.001}, 'tremble'),
        ({'bone_spread': 0.001}, 'bones change'),
    ):
        assert word in quality.shortfall(QualitySettings(**change))
    small = measure_quality(noisy, noisy, np.full(150, 40.0))
    assert '40 pixels high' in small.shortfall(QualitySettings())
