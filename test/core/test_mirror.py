"""A motion seen in a mirror: the same motion of the other side."""

import numpy as np
import pytest

from mujo_core.labels import taxonomy
from mujo_core.recording import Recording, Stream
from mujo_core.skeleton import JOINT
from mujo_core.training.clip import Clip, make_clip
from mujo_core.training.mirror import MIRRORED_LABELS, mirrored, mirrored_label
from mujo_core.training.mixture.clips import with_virtual
from mujo_core.training.sampler import SamplerSettings, WindowSampler
from mujo_core.window import WindowSpec

STANDING = np.array(
    [[0, 0, 1], [0, 0, 1.2], [0, 0, 1.4], [0, 0, 1.7],
     [0, 0.2, 1.4], [0, -0.2, 1.4], [0, 0.25, 1.1], [0, -0.25, 1.1],
     [0.2, 0.25, 1.0], [0.2, -0.25, 1.0], [0, 0.1, 0.9], [0, -0.1, 0.9],
     [0.05, 0.1, 0.5], [0.05, -0.1, 0.5], [0, 0.1, 0.1], [0, -0.1, 0.1]]
)  # fmt: skip
"""Canonical joints of a person who looks along x, the forearms a little forward, m."""


def clip(label: str, seed: int = 0) -> Clip:
    """Three seconds of a person who sways at random, with every virtual device."""
    rng = np.random.default_rng(seed)
    t = np.arange(0.0, 3.0, 1 / 30)
    sway = sum(
        np.sin(2 * np.pi * f * t)[:, None, None] * rng.normal(size=(16, 3)) * 0.03
        for f in (0.5, 1.0)
    )
    joints = Stream(t, (STANDING + sway).astype(np.float32), 'canonical16')
    recording = Recording('r', 'x', '1', {'pose': joints})
    return with_virtual(make_clip(recording, label, rests=False), joints)


def test_a_mirrored_device_feels_what_one_on_the_mirrored_body_would():
    shown = clip('throw')
    there = mirrored(shown)
    again = with_virtual(Clip(there.label, '1', there.streams), there.streams['pose'])
    assert set(there.virtual) == set(again.virtual) == set(shown.virtual)
    for name, stream in again.virtual.items():
        assert there.virtual[name].values == pytest.approx(stream.values, abs=1e-3)
        assert np.abs(shown.virtual[name].values - stream.values).max() > 0.5


def test_left_and_right_change_places_once_and_back():
    shown = clip('swipe_left')
    there = mirrored(shown)
    before, after = shown.streams['pose'].values, there.streams['pose'].values
    assert np.array_equal(
        after[:, JOINT['left_wrist']], before[:, JOINT['right_wrist']] * [1, -1, 1]
    )
    assert there.label == 'swipe_right'
    back = mirrored(there)
    assert back.label == shown.label
    assert np.array_equal(back.streams['pose'].values, before)
    for name, stream in shown.virtual.items():
        assert np.array_equal(back.virtual[name].values, stream.values)


def test_only_labels_with_a_side_change():
    assert set(MIRRORED_LABELS) <= set(taxonomy())
    assert mirrored_label('draw_circle_clockwise') == 'draw_circle_counter_clockwise'
    assert mirrored_label('tennis_swing') == 'tennis_swing'


def test_the_sampler_mirrors_its_share_but_makes_no_label_that_is_not_known():
    spec, rng = WindowSpec(), np.random.default_rng(0)
    shown = clip('swipe_left')
    both = WindowSampler([shown, clip('swipe_right', 1)], spec, SamplerSettings(mirror=0.5))
    drawn = [both.draw(0, rng)[1] for _ in range(60)]
    assert 15 < drawn.count('swipe_right') < 45
    one = WindowSampler([shown], spec, SamplerSettings(mirror=1.0))
    assert {one.draw(0, rng)[1] for _ in range(10)} == {'swipe_left'}


def test_thighs_and_pockets_change_names():
    sampler = WindowSampler([clip('walk')], WindowSpec(), SamplerSettings(pocket=1.0))
    rng = np.random.default_rng(0)
    places = {place for _ in range(40) for place in sampler.draw(0, rng)[0].imu}
    assert places == {'right_wrist', 'left_wrist', 'right_pocket', 'left_pocket'}
