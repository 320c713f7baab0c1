"""The timeline against a slow reference that keeps every sample and counts in milliseconds."""

import threading
from bisect import bisect_left
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mujo_core.ring_buffer import RingBuffer
from mujo_core.skeleton import canonical_pose
from mujo_core.timeline import Timeline
from mujo_core.window import Window, WindowSpec

SPEC = WindowSpec(video_shape=(2, 3, 1))
STEP = {'pose': 40, 'imu': 20, 'video': 200}
GAP = {'pose': 200, 'imu': 100}
WINDOW = 3000
WRIST, THIGH = 'imu/right_wrist', 'imu/left_thigh'
STREAMS = ('pose', WRIST, THIGH, 'video')
steady = settings(derandomize=True, max_examples=60, deadline=None)


@cache
def sample(stream: str, ms: int) -> np.ndarray:
    """What the sensor `stream` measures at `ms`; some joints are hidden now and then."""
    rng = np.random.default_rng((STREAMS.index(stream), ms))
    if stream == 'video':
        return rng.integers(1, 255, size=SPEC.video_shape).astype(np.uint8)
    if stream != 'pose':
        return rng.normal(size=6).astype(np.float32)
    joints = rng.normal(size=(16, 3)).astype(np.float32)
    joints[rng.random(16) < 0.1] = np.nan
    return joints


def samples(stream: str, stamps: list[int]) -> np.ndarray:
    return np.stack([sample(stream, ms) for ms in stamps])


def fill(timeline: Timeline, stream: str, first: int, last: int, step: int = 20) -> None:
    """Insert the samples of [first, last) one by one."""
    for ms in range(first, last, step):
        timeline.insert(stream, ms / 1000, sample(stream, ms))


def reference_step(stream: str, held: list[int], ms: int) -> np.ndarray | None:
    """The value of one grid step from the sorted stamps `held`, or None where it is masked."""
    at = bisect_left(held, ms)
    before, after = held[:at][-1:], held[at:][:1]
    if stream == 'video':
        near = sorted(before + after, key=lambda stamp: (abs(stamp - ms), -stamp))
        if near and 2 * abs(near[0] - ms) <= STEP['video']:
            return sample(stream, near[0])
        return None
    if after == [ms]:
        return sample(stream, ms)
    if not before or not after or after[0] - before[0] > GAP[stream.partition('/')[0]]:
        return None
    share = (ms - before[0]) / (after[0] - before[0])
    return (1 - share) * sample(stream, before[0]) + share * sample(stream, after[0])


def reference_end(held: dict[str, list[int]]) -> int:
    newest = {stream: max(stamps) for stream, stamps in held.items() if stamps}
    return min(stamp for stamp in newest.values() if stamp >= max(newest.values()) - 250)


def assert_is_reference(window: Window | None, held: dict[str, list[int]]) -> None:
    assert window is not None
    end = reference_end(held)
    assert window.end == pytest.approx(end / 1000, abs=1e-9)
    assert window.start == pytest.approx(end / 1000 - 3, abs=1e-9)
    for stream, stamps in held.items():
        modality, _, placement = stream.partition('/')
        step = STEP[modality]
        grid = range(end - WINDOW + step, end + 1, step)
        rows = [reference_step(stream, sorted(stamps), ms) for ms in grid]
        blank = np.zeros(SPEC.video_shape) if modality == 'video' else sample(stream, 0) * np.nan
        values = np.stack([blank if row is None else row for row in rows])
        mask: np.ndarray = np.array([row is not None for row in rows])
        if modality == 'pose':
            expected = canonical_pose(values.astype(np.float32), 25.0)
            mask = np.asarray(expected.mask.any(axis=1))
            assert window.pose is not None
            assert np.array_equal(window.pose.mask, expected.mask)
            np.testing.assert_allclose(window.pose.joints, expected.joints, atol=1e-3)
        elif modality == 'imu':
            assert np.array_equal(window.imu_mask[placement], mask)
            np.testing.assert_allclose(window.imu[placement], np.nan_to_num(values), atol=1e-4)
        else:
            assert window.video is not None and window.video_mask is not None
            assert np.array_equal(window.video_mask, mask)
            assert np.array_equal(window.video, values)
        assert window.coverage[stream] == pytest.approx(mask.mean())


def assert_same_window(first: Window | None, second: Window | None) -> None:
    assert (first is None) == (second is None)
    if first is None or second is None:
        return
    assert (first.start, first.end, first.newest) == (second.start, second.end, second.newest)
    assert first.coverage == second.coverage
    assert first.total == second.total
    for placement in first.imu:
        np.testing.assert_array_equal(first.imu[placement], second.imu[placement])
        np.testing.assert_array_equal(first.imu_mask[placement], second.imu_mask[placement])
    if first.pose is not None:
        assert second.pose is not None
        np.testing.assert_array_equal(first.pose.joints, second.pose.joints)
        np.testing.assert_array_equal(first.pose.mask, second.pose.mask)
        np.testing.assert_array_equal(first.pose.root, second.pose.root)
    np.testing.assert_array_equal(first.video, second.video)
    np.testing.assert_array_equal(first.video_mask, second.video_mask)


def stamps_of(step: int) -> st.SearchStrategy[list[int]]:
    """Stamps (ms) of a sensor that runs, stutters, stops and starts within six seconds."""
    steady = st.builds(
        lambda start, count, pace: [start + i * pace for i in range(count)],
        st.integers(10_000, 14_000),
        st.integers(1, 60),
        st.sampled_from([step // 2, step - 3, step, step + 7, 2 * step]),
    )
    loose = st.lists(st.integers(10_000, 16_000), min_size=0, max_size=25)
    return st.tuples(steady, loose).map(lambda both: sorted({*both[0], *both[1]}))


everything = st.fixed_dictionaries({s: stamps_of(STEP[s.partition('/')[0]]) for s in STREAMS})


def scramble(held: dict[str, list[int]], random) -> list[tuple[str, int]]:
    """All samples in an order in which none comes 2 s after a newer one of its stream."""
    arrivals = [
        (ms + random.uniform(0, 1900), s, ms) for s, stamps in held.items() for ms in stamps
    ]
    late = {stream: random.uniform(0, 5000) for stream in held}
    arrivals.sort(key=lambda arrival: arrival[0] + late[arrival[1]])
    return [(stream, ms) for _, stream, ms in arrivals]


@steady
@given(held=everything, random=st.randoms(use_true_random=False))
def test_any_arrival_order_gives_the_window_of_the_reference(held, random):
    timeline = Timeline(SPEC, STREAMS)
    for stream, ms in scramble(held, random):
        assert timeline.insert(stream, ms / 1000, sample(stream, ms)) == 1
    window = timeline.cut()
    assert window is not None
    assert_is_reference(window, held)
    assert timeline.jumps == 0
    assert not any(sum(counts.values()) for counts in timeline.refused.values())


@steady
@given(held=everything, random=st.randoms(use_true_random=False))
def test_two_arrival_orders_give_the_same_window(held, random):
    windows = []
    for _ in range(2):
        timeline = Timeline(SPEC, STREAMS)
        for stream, ms in scramble(held, random):
            timeline.insert(stream, ms / 1000, sample(stream, ms))
        windows.append(timeline.cut())
    assert_same_window(*windows)


messy_stamps = st.one_of(
    st.integers(10_000, 16_000),
    st.integers(10_000, 16_000),
    st.sampled_from([0, -5, 3_000, 3_010, 40_000, 40_020, 12_000, 12_000]),
)


@steady
@given(
    stamps=st.lists(messy_stamps, min_size=1, max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=8),
    broken=st.sets(st.integers(0, 59), max_size=4),
    now=st.sampled_from([None, 15.0, 28.0]),
)
def test_batches_are_stored_as_single_samples_are(stamps, cuts, broken, now):
    values = samples(WRIST, [abs(ms) for ms in stamps])
    values[[index for index in broken if index < len(stamps)], 2] = np.nan
    seconds = np.array(stamps) / 1000
    single, batched = Timeline(SPEC), Timeline(SPEC)
    for timeline in (single, batched):
        fill(timeline, 'pose', 12_000, 13_000, 40)
    stored = sum(single.insert(WRIST, s, v, now) for s, v in zip(seconds, values, strict=True))
    bounds = sorted({0, len(stamps), *(cut for cut in cuts if cut < len(stamps))})
    stored_by_batch = sum(
        batched.insert(WRIST, seconds[a:b], values[a:b], now) for a, b in pairwise(bounds)
    )
    assert stored_by_batch == stored
    assert +batched.refused[WRIST] == +single.refused[WRIST]
    assert batched.jumps == single.jumps
    assert_same_window(single.cut(), batched.cut())


def test_linear_between_samples_and_nothing_beyond_them():
    timeline = Timeline(SPEC)
    for ms in (11_000, 11_090, 11_300):
        timeline.insert(WRIST, ms / 1000, np.full(6, ms / 1000 - 11, dtype=np.float32))
    timeline.insert('video', 11.35, np.ones(SPEC.video_shape, dtype=np.uint8))
    window = timeline.cut(11.36)
    assert window is not None
    seen = {
        round(11_360 - 20 * (149 - i)): window.imu['right_wrist'][i, 0]
        for i in np.flatnonzero(window.imu_mask['right_wrist'])
    }
    expected = {ms: (ms - 11_000) / 1000 for ms in range(11_000, 11_090, 20)}
    assert seen == pytest.approx({**expected, 11_300: 0.3}, abs=1e-6)


def test_the_gap_that_is_still_joined():
    for gap, joined in ((0.1, True), (0.101, False)):
        timeline = Timeline(SPEC)
        timeline.insert(WRIST, np.array([11.0, 11.0 + gap]), np.zeros((2, 6)))
        window = timeline.cut(11.06)
        assert window is not None
        assert window.imu_mask['right_wrist'][-1] == joined


@pytest.mark.parametrize(('stream', 'rate'), [(WRIST, 10), ('pose', 5), ('video', 5), (WRIST, 100)])
def test_stamps_of_todays_clocks_cover_as_small_ones_do(stream, rate):
    # A double holds seconds since 1970 to 2.4e-7; gaps that equal max_gap must not flicker.
    nanoseconds = 1_790_000_000_123_456_789 + np.arange(8 * rate) * (1_000_000_000 // rate)
    stamps = nanoseconds // 1_000_000_000 + (nanoseconds % 1_000_000_000) * 1e-9
    values = np.ones((len(stamps), *SPEC.stream(stream).shape))
    timeline = Timeline(SPEC)
    for upto in range(4 * rate, len(stamps)):
        timeline.insert(stream, stamps[:upto], values[:upto])
        window = timeline.cut()
        assert window is not None
        assert window.coverage[stream] == 1.0


def test_a_sample_just_before_its_grid_step_is_that_steps_sample():
    # Alone in a gap, half a nanosecond of rounding must not decide whether a sample counts.
    for shift in (-4e-7, 0.0, 4e-7):
        timeline = Timeline(SPEC)
        timeline.insert(WRIST, np.array([11.0 + shift, 11.5]), np.ones((2, 6)))
        window = timeline.cut(11.5)
        assert window is not None
        assert np.flatnonzero(window.imu_mask['right_wrist']).tolist() == [124, 149]


def test_images_are_the_nearest_within_half_a_step():
    timeline = Timeline(SPEC)
    for ms in (12_000, 12_130, 12_900):
        timeline.insert('video', ms / 1000, np.full(SPEC.video_shape, ms // 100, dtype=np.uint8))
    window = timeline.cut(13.0)
    assert window is not None and window.video is not None and window.video_mask is not None
    # Steps at ..., 12.0, 12.2, 12.4, 12.6, 12.8, 13.0; 12.9 is as near to 12.8 as to 13.0.
    assert window.video_mask[-6:].tolist() == [True, True, False, False, True, True]
    assert window.video[-6:, 0, 0, 0].tolist() == [120, 121, 0, 0, 129, 129]


def test_a_hidden_joint_is_masked_and_the_others_are_not():
    timeline = Timeline(SPEC)
    body = np.arange(48, dtype=np.float32).reshape(16, 3)
    for ms in range(11_000, 13_000, 40):
        part = body.copy()
        part[9] = np.nan
        if ms >= 12_000:
            part[:] = np.nan
        timeline.insert('pose', ms / 1000, part)
    window = timeline.cut()
    assert window is not None and window.pose is not None
    assert not window.pose.mask[:, 9].any()
    assert window.pose.mask[:, 4].sum() == 25
    assert window.coverage['pose'] == pytest.approx(25 / 75)
    assert np.isfinite(window.pose.joints).all()
    assert np.isfinite(window.pose.root).all()


def test_total_coverage_joins_streams():
    timeline = Timeline(SPEC)
    fill(timeline, WRIST, 10_020, 11_520)
    fill(timeline, THIGH, 12_000, 13_020)
    window = timeline.cut(13.0)
    assert window is not None
    assert window.coverage[WRIST] == pytest.approx(0.5)
    assert window.coverage[THIGH] == pytest.approx(51 / 150)
    assert window.total == pytest.approx(0.5 + 51 / 150, abs=0.01)
    assert window.modalities() == ['imu']


def test_a_duplicate_keeps_the_first():
    timeline = Timeline(SPEC)
    stamps = np.array([11.0, 11.02, 11.04])
    assert timeline.insert(WRIST, stamps, np.ones((3, 6))) == 3
    assert timeline.insert(WRIST, 11.02, np.full(6, 7.0)) == 0
    assert timeline.insert(WRIST, np.array([11.04, 11.06]), np.full((2, 6), 7.0)) == 1
    window = timeline.cut()
    assert window is not None
    assert window.imu['right_wrist'][-4:, 0].tolist() == [1, 1, 1, 7]
    assert timeline.refused[WRIST] == {'duplicate': 2}


@pytest.mark.parametrize(
    ('stamp', 'value', 'kind'),
    [
        (0.0, np.zeros(6), 'zero_stamp'),
        (-1.0, np.zeros(6), 'zero_stamp'),
        (np.nan, np.zeros(6), 'not_finite'),
        (np.inf, np.zeros(6), 'not_finite'),
        (11.1, np.array([0, 0, np.nan, 0, 0, 0]), 'not_finite'),
        (11.1, np.array([0, 0, -np.inf, 0, 0, 0]), 'not_finite'),
        (11.1, np.array([1e300, 0, 0, 0, 0, 0]), 'not_finite'),
        (11.1, np.array([0, 0, 0, -3e38, 0, 0], dtype=np.float32), 'not_finite'),
        (11.1, np.zeros(5), 'wrong_shape'),
        (11.1, np.zeros((2, 6)), 'wrong_shape'),
        (11.1, np.float64(3.0), 'wrong_shape'),
        (11.1, np.zeros(0), 'wrong_shape'),
    ],
)
def test_what_is_refused_is_counted_and_leaves_the_rest_alone(stamp, value, kind):
    timeline, clean = Timeline(SPEC), Timeline(SPEC)
    for ms in range(11_000, 11_400, 20):
        for each in (timeline, clean):
            each.insert(WRIST, ms / 1000, sample(WRIST, ms))
        assert timeline.insert(WRIST, stamp, value) == 0
    assert timeline.refused[WRIST] == {kind: 20}
    assert timeline.jumps == 0
    assert_same_window(timeline.cut(), clean.cut())


def test_one_broken_sample_of_a_batch_is_refused_alone():
    values = samples(WRIST, list(range(11_000, 11_200, 20)))
    values[3, 1] = np.nan
    stamps = np.arange(11_000, 11_200, 20) / 1000
    stamps[5] = 0.0
    timeline = Timeline(SPEC)
    assert timeline.insert(WRIST, stamps, values) == 8
    assert timeline.refused[WRIST] == {'not_finite': 1, 'zero_stamp': 1}


def test_an_image_that_is_not_finite_is_refused():
    timeline = Timeline(SPEC)
    image = np.ones(SPEC.video_shape)
    assert timeline.insert('video', 11.0, image) == 1
    image[0, 0] = np.nan
    assert timeline.insert('video', 11.2, image) == 0
    assert timeline.refused['video'] == {'not_finite': 1}


def test_a_body_without_hips_and_shoulders_covers_nothing():
    timeline = Timeline(SPEC)
    body = np.full((16, 3), np.nan)
    body[[6, 8, 12, 14]] = 1.0
    for ms in range(11_000, 13_000, 40):
        assert timeline.insert('pose', ms / 1000, body) == 1
    window = timeline.cut()
    assert window is not None and window.pose is not None
    assert not window.pose.mask.any()
    assert window.coverage == {'pose': 0.0}
    assert window.total == 0.0


def test_an_empty_batch_is_nothing():
    timeline = Timeline(SPEC)
    for stream in STREAMS:
        assert timeline.insert(stream, np.zeros(0), np.zeros((0, *SPEC.stream(stream).shape))) == 0
    assert not any(timeline.refused.values())


def test_infinite_joints_are_refused_and_hidden_ones_are_not():
    timeline = Timeline(SPEC)
    body = np.zeros((16, 3))
    body[3] = np.inf
    assert timeline.insert('pose', 11.0, body) == 0
    body[:] = np.nan
    assert timeline.insert('pose', 11.04, body) == 1
    assert timeline.refused['pose'] == {'not_finite': 1}


@pytest.mark.parametrize(('odd', 'kind'), [(9.0, 'late'), (40.0, 'ahead')])
def test_a_single_odd_stamp_is_refused(odd, kind):
    timeline = Timeline(SPEC)
    for i, ms in enumerate(range(11_000, 14_000, 20)):
        timeline.insert(WRIST, ms / 1000, sample(WRIST, ms), now=ms / 1000)
        if i > 110 and i % 10 == 0:
            assert timeline.insert(WRIST, odd, np.zeros(6), now=ms / 1000) == 0
    assert timeline.jumps == 0
    assert timeline.refused[WRIST] == {kind: 3}
    assert_is_reference(timeline.cut(), {WRIST: list(range(11_000, 14_000, 20))})


def test_two_odd_stamps_that_disagree_are_no_jump():
    timeline = Timeline(SPEC)
    fill(timeline, WRIST, 111_000, 113_000)
    for odd in (50.0, 80.0, 20.0, 60.0):
        assert timeline.insert(WRIST, odd, np.zeros(6)) == 0
    assert timeline.jumps == 0
    assert timeline.refused[WRIST] == {'late': 4}


def test_samples_up_to_two_seconds_late_are_put_in_place():
    timeline = Timeline(SPEC)
    fill(timeline, WRIST, 12_000, 13_020)
    assert timeline.insert(WRIST, 11.0, sample(WRIST, 11_000)) == 1
    assert timeline.insert(WRIST, 10.99, sample(WRIST, 10_990)) == 0
    assert timeline.refused[WRIST] == {'late': 1}


def test_a_step_back_resets_everything_once():
    timeline = Timeline(SPEC)
    fill(timeline, 'pose', 100_000, 105_000, 40)
    fill(timeline, WRIST, 100_000, 105_000)
    fill(timeline, THIGH, 100_000, 105_000)
    # The bag starts again: the wrist first, while pose and thigh are still on the way.
    assert timeline.insert(WRIST, 100.0, sample(WRIST, 100_000)) == 0
    assert timeline.insert(WRIST, 100.02, sample(WRIST, 100_020)) == 1
    assert timeline.jumps == 1
    for ms in range(105_000, 105_200, 40):
        assert timeline.insert('pose', ms / 1000, sample('pose', ms)) == 0
        assert timeline.insert(THIGH, np.array([ms / 1000]), samples(THIGH, [ms])) == 0
    fill(timeline, WRIST, 100_040, 102_000)
    fill(timeline, 'pose', 100_000, 102_000, 40)
    fill(timeline, THIGH, 100_000, 102_000)
    assert timeline.jumps == 1
    assert timeline.refused['pose'] == {'late': 5}
    assert timeline.refused[WRIST] == {'late': 1}
    held = {
        'pose': list(range(100_000, 102_000, 40)),
        WRIST: list(range(100_020, 102_000, 20)),
        THIGH: list(range(100_000, 102_000, 20)),
    }
    assert_is_reference(timeline.cut(), held)


def test_every_loop_of_a_bag_is_one_jump():
    timeline = Timeline(SPEC)
    for _ in range(4):
        for ms in range(100_000, 106_000, 40):
            timeline.insert('pose', ms / 1000, sample('pose', ms))
            timeline.insert(WRIST, ms / 1000, sample(WRIST, ms))
    assert timeline.jumps == 3
    window = timeline.cut()
    assert window is not None
    assert window.total == 1.0


def test_a_stream_that_does_not_follow_a_jump_is_not_lost():
    # One device's clock is set back by an hour; the others keep the right time.
    timeline = Timeline(SPEC)
    fill(timeline, 'pose', 4_000_000, 4_004_000, 40)
    fill(timeline, WRIST, 4_000_000, 4_004_000)
    for ms in range(0, 8_000, 40):
        timeline.insert(WRIST, (400_000 + ms) / 1000, sample(WRIST, ms))
        timeline.insert('pose', (4_004_000 + ms) / 1000, sample('pose', ms))
    assert timeline.jumps == 1
    window = timeline.cut()
    assert window is not None
    assert window.end == pytest.approx(4_011.96)
    assert window.coverage['pose'] > 0.9
    assert window.coverage[WRIST] == 0.0


def test_ahead_of_the_clock_twice_is_a_jump():
    timeline = Timeline(SPEC)
    fill(timeline, WRIST, 11_000, 12_000)
    assert timeline.insert(WRIST, 22.5, sample(WRIST, 22_500), now=12.0) == 0
    assert timeline.insert(WRIST, 22.52, sample(WRIST, 22_520), now=12.0) == 1
    assert timeline.jumps == 1
    assert timeline.newest() == 22.52
    # Known to be ahead, it is not odd again.
    for ms in range(22_540, 26_000, 20):
        assert timeline.insert(WRIST, ms / 1000, sample(WRIST, ms), now=12.0) == 1
    assert timeline.jumps == 1


def test_without_a_clock_and_within_ten_seconds_of_it_nothing_is_ahead():
    timeline = Timeline(SPEC)
    fill(timeline, WRIST, 11_000, 12_000)
    assert timeline.insert(WRIST, 21.9, np.zeros(6), now=12.0) == 1
    assert timeline.insert(WRIST, 500.0, np.zeros(6)) == 1
    assert timeline.jumps == 0


def test_streams_that_are_ahead_together_reset_once():
    # A bag of 2024 played without the simulated clock looks 1000 s ahead in every stream.
    timeline = Timeline(SPEC, ('pose', WRIST, THIGH))
    for ms in range(1_000_000, 1_004_000, 40):
        for stream in ('pose', WRIST, THIGH):
            timeline.insert(stream, ms / 1000, sample(stream, ms), now=1.0)
    assert timeline.jumps == 1
    assert sum(sum(counts.values()) for counts in timeline.refused.values()) <= 3
    window = timeline.cut()
    assert window is not None
    assert min(window.coverage.values()) > 0.9


def test_a_silent_stream_delays_nobody():
    timeline = Timeline(SPEC, ('pose', WRIST, THIGH))
    fill(timeline, WRIST, 10_000, 14_000)
    window = timeline.cut()
    assert window is not None
    assert window.end == pytest.approx(13.98)
    assert window.coverage == {'pose': 0.0, THIGH: 0.0, WRIST: 1.0}
    assert window.modalities() == ['imu']


@pytest.mark.parametrize(('behind', 'end'), [(0, 14_000), (240, 13_760), (260, 14_000)])
def test_the_slowest_live_stream_ends_the_window(behind, end):
    timeline = Timeline(SPEC)
    fill(timeline, WRIST, 10_000, 14_020)
    fill(timeline, THIGH, 10_000, 14_020 - behind)
    assert timeline.end() == pytest.approx(end / 1000)
    window = timeline.cut()
    assert window is not None
    assert window.end == pytest.approx(end / 1000)
    assert window.newest == pytest.approx(14.0)
    assert window.imu_mask['right_wrist'].all()
    assert window.imu_mask['left_thigh'].all() == (behind < 250)


def test_a_stream_that_stops_holds_nobody_up_for_longer_than_the_patience():
    timeline = Timeline(SPEC)
    fill(timeline, THIGH, 10_000, 12_000)
    fill(timeline, WRIST, 10_000, 12_000)
    for ms in range(12_000, 14_000, 20):
        timeline.insert(WRIST, ms / 1000, sample(WRIST, ms))
        end = timeline.end()
        assert end is not None
        assert end >= ms / 1000 - 0.2501


def test_nothing_to_cut():
    timeline = Timeline(SPEC, STREAMS)
    assert timeline.cut() is None
    assert timeline.end() is None
    assert timeline.newest() is None
    fill(timeline, WRIST, 10_000, 11_000)
    timeline.insert(WRIST, 0.0, np.zeros(6))
    timeline.clear()
    assert timeline.cut() is None
    assert timeline.refused[WRIST] == {'zero_stamp': 1}


@pytest.mark.parametrize('batch', [1, 37, 5000])
def test_memory_is_allocated_once_and_bounded_at_ten_times_the_rate(batch):
    timeline = Timeline(SPEC, (WRIST,))
    buffer = timeline._buffers[WRIST]
    memory = (buffer.stamps.base, buffer.values.base)
    assert buffer.capacity == 4 * 50 * 5
    stamps = 10 + np.arange(10_000) / 500
    values = np.repeat(np.arange(10_000, dtype=np.float32)[:, None], 6, axis=1)
    for first in range(0, len(stamps), batch):
        timeline.insert(WRIST, stamps[first : first + batch], values[first : first + batch])
        assert len(buffer) <= buffer.capacity
    assert buffer.stamps.base is memory[0]
    assert buffer.values.base is memory[1]
    np.testing.assert_array_equal(buffer.stamps, stamps[-1000:])
    np.testing.assert_array_equal(buffer.values[:, 0], values[-1000:, 0])


def test_a_buffer_holds_window_and_two_seconds():
    timeline = Timeline(SPEC)
    fill(timeline, WRIST, 10_000, 30_000, 10)
    stamps = timeline._buffers[WRIST].stamps
    assert stamps[0] == pytest.approx(24.99)
    assert stamps[-1] == pytest.approx(29.99)
    assert (np.diff(stamps) > 0).all()


@steady
@given(st.lists(st.integers(0, 4_000), min_size=1, max_size=300, unique=True))
def test_a_ring_buffer_is_a_sorted_list_that_forgets_the_oldest(order):
    spec = SPEC.stream(WRIST)
    buffer = RingBuffer(spec, 1.0)
    kept: list[int] = []
    for ms in order:
        buffer.place(ms / 1000, np.full(6, ms))
        kept = sorted([*kept, ms])
        kept = [each for each in kept if each >= kept[-1] - 1000][-buffer.capacity :]
        assert len(buffer) == len(kept)
    np.testing.assert_allclose(buffer.stamps, np.array(kept) / 1000)
    np.testing.assert_array_equal(buffer.values[:, 0], kept)


def test_unknown_streams_and_too_many_of_them_are_refused_in_one_line():
    timeline = Timeline(SPEC, max_streams=2)
    with pytest.raises(ValueError, match='pose, video or imu/<placement>') as caught:
        timeline.insert('sonar', 1.0, np.zeros(6))
    assert '\n' not in str(caught.value)
    timeline.insert(WRIST, 1.0, np.zeros(6))
    timeline.insert(THIGH, 1.0, np.zeros(6))
    with pytest.raises(ValueError, match='at most 2 streams'):
        timeline.insert('pose', 1.0, np.zeros((16, 3)))


def test_a_refusal_before_the_door_is_counted_too():
    timeline = Timeline(SPEC)
    timeline.refuse('pose', 'wrong_shape')
    assert timeline.refused == {'pose': {'wrong_shape': 1}}


def test_one_thread_inserts_while_another_cuts():
    timeline = Timeline(SPEC)
    timeline.insert(WRIST, 10.0, np.full(6, 10.0))
    done = threading.Event()

    def insert() -> None:
        for i in range(1, 4000):
            stamp = 10 + i / 100
            timeline.insert(WRIST, stamp, np.full(6, stamp))
        done.set()

    worker = threading.Thread(target=insert)
    worker.start()
    try:
        while not done.is_set():
            window = timeline.cut()
            assert window is not None
            mask = window.imu_mask['right_wrist']
            grid = window.end - np.arange(149, -1, -1) / 50
            np.testing.assert_allclose(window.imu['right_wrist'][mask, 0], grid[mask], atol=1e-4)
    finally:
        worker.join()
    assert len(timeline._buffers[WRIST]) == 501
