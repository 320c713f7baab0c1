"""A recording played at another pace is the same motion, and fills a window of its own."""

from dataclasses import replace

import numpy as np
import pytest

from mujo_core.corruptions import make_corruption
from mujo_core.evaluation.corrupted import corrupted_streams, make_pieces, ticks_of
from mujo_core.evaluation.predictions import make_examples
from mujo_core.pace import PACES, at_pace, pace_of
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.training.clip import make_clip
from mujo_core.training.config import read_config
from mujo_core.training.sampler import SamplerSettings, WindowSampler
from mujo_core.window import WindowSpec

WHOLE = WindowSpec(whole=True)


def swing(seconds: float, rate: float = 50.0, start: float = 7.0) -> Recording:
    """An arm that swings by 1 rad about the device's x axis and back, once in all."""
    t = np.arange(round(seconds * rate) + 1) / rate
    angle = np.sin(2 * np.pi * t / seconds)
    turn = np.gradient(angle, t)
    along = 0.6 * np.gradient(turn, t)
    zero = np.zeros_like(t)
    felt = np.stack([zero, along + 9.81 * np.sin(angle), 9.81 * np.cos(angle), turn, zero, zero], 1)
    frames = np.linspace(0.0, t[-1], round(30 * seconds))
    rng = np.random.default_rng(1)
    body = rng.normal(size=(16, 3)) + np.cumsum(rng.normal(size=(len(frames), 16, 3)) * 0.02, 0)
    streams = {
        'imu/right_wrist': Stream(start + t, felt.astype(np.float32)),
        'pose': Stream(start + frames, body.astype(np.float32), 'canonical16'),
    }
    return Recording('r', 'd', '1', streams, [Segment('wave', start, start + float(t[-1]))])


@pytest.mark.parametrize('pace', [0.7, 1.5])
@pytest.mark.parametrize('rate', [50.0, 100.0])
def test_the_same_motion_at_another_pace_feels_so(pace, rate):
    found = at_pace(swing(4.0, rate), pace)
    truly = swing(4.0 / pace, rate)
    assert (found.start, found.end) == pytest.approx((7.0, 7.0 + 4.0 / pace))
    assert found.segments == [Segment('wave', 7.0, pytest.approx(7.0 + 4.0 / pace))]
    felt, wanted = found.streams['imu/right_wrist'], truly.streams['imu/right_wrist']
    for axis in (3, 4, 5):
        there = np.interp(wanted.stamps, felt.stamps, felt.values[:, axis])
        assert np.abs(there - wanted.values[:, axis]).max() < 0.02
    turned = np.sum(np.abs(felt.values[1:, 3]) * np.diff(felt.stamps))
    assert turned == pytest.approx(4.0, abs=0.02)


@pytest.mark.parametrize('rate', [50.0, 100.0])
def test_gravity_stays_and_what_shakes_a_device_counts_by_the_square(rate):
    t = np.arange(round(4 * rate) + 1) / rate
    shaken = np.sin(2 * np.pi * 4.0 * t)
    felt = np.stack([shaken, 0 * t, 9.81 + 0 * t, *[0 * t] * 3], 1).astype(np.float32)
    taken = Recording('r', 'd', '1', {'imu/head': Stream(t, felt)}, [Segment('nod', 0.0, 4.0)])
    values = at_pace(taken, 1.5).streams['imu/head'].values
    np.testing.assert_allclose(values[:, 2], 9.81, rtol=1e-5)
    inside = slice(len(t) // 4, -len(t) // 4)
    assert np.abs(values[inside, 0]).max() == pytest.approx(2.25, rel=0.05)


def test_a_pace_stays_within_what_is_the_same_activity():
    assert pace_of(4.5, 3.0) == 1.5
    assert pace_of(0.2, 3.0) == PACES[0] and pace_of(60.0, 3.0) == PACES[1]


@pytest.mark.parametrize('seconds', [2.0, 3.0, 4.3, 5.9])
def test_a_recording_is_judged_by_one_window_that_it_fills(seconds):
    (example,) = make_examples([swing(seconds)], WHOLE, unit='recording').examples
    assert min(example.window.coverage.values()) > 0.97
    assert example.end - 3.0 == pytest.approx(7.0, abs=0.05)


def test_with_a_stride_or_another_model_it_keeps_its_pace():
    assert len(make_examples([swing(4.3)], WHOLE, unit='recording', stride=0.25).examples) > 4
    live = make_examples([swing(4.3)], replace(WHOLE, whole=False), unit='recording').examples
    assert len(live) > 4 and live[-1].end == pytest.approx(11.3, abs=0.02)


def test_streams_are_corrupted_on_their_own_clock_before_they_are_paced():
    pieces = make_pieces([swing(4.5)], WHOLE, ['wave'], [], None, None)
    (arrived,) = corrupted_streams(pieces, make_corruption('clocks_apart', 0.5), 0)
    stamps = [arrived.streams[n].stamps[0] for n in ('pose', 'imu/right_wrist')]
    assert abs(stamps[0] - stamps[1]) == pytest.approx(0.5, abs=1e-6)
    ticks = ticks_of(pieces, [arrived], [arrived], WHOLE)
    assert ticks.examples[-1] is not None
    ticks = ticks_of(pieces, *[[p.stretch for p in pieces.pieces]] * 2, WHOLE)
    assert len(ticks.examples) == 1 and min(ticks.examples[0].window.coverage.values()) > 0.97


def test_training_shows_whole_actions_where_they_may_fill_a_window():
    settings = SamplerSettings(whole=1.0, rest=0.0, drop_stream=0.0, lose=0.0)
    clips = [make_clip(swing(seconds), str(seconds), True) for seconds in (2.0, 5.5, 12.0)]
    sampler = WindowSampler(clips, WHOLE, settings)
    rng = np.random.default_rng(3)
    covered = [
        [sampler.draw(i, rng)[0].coverage['imu/right_wrist'] for _ in range(40)] for i in (0, 1)
    ]
    assert np.min(covered) > 0.8
    # The motion turns by four right from its beginning to its end, whatever pace it is played at.
    fills = [sampler.draw(1, rng)[0].imu['right_wrist'] for _ in range(40)]
    spun = [np.linalg.norm(w[:, 3:], axis=1).sum() / 50 for w in fills]
    assert np.median(spun) == pytest.approx(4.0, rel=0.15)
    long = [sampler.draw(2, rng)[0].imu['right_wrist'] for _ in range(40)]
    assert np.median([np.linalg.norm(w[:, 3:], axis=1).sum() / 50 for w in long]) < 2.0


def test_a_model_that_was_shown_whole_actions_says_so():
    assert read_config(None, ['--sampler.whole', '0.3']).window.whole
    assert not read_config(None, ['--window.whole', 'true']).window.whole
