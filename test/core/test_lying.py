"""Upright bodies laid down."""

import numpy as np
import pytest
from known_body import body

from mujo_core.posture import LIE, posture
from mujo_core.recording import Stream
from mujo_core.skeleton import canonical_joints
from mujo_core.training.clip import Clip
from mujo_core.training.lying import laid_down
from mujo_core.training.sampler import SamplerSettings, WindowSampler
from mujo_core.window import WindowSpec


def upright(frames: int = 100) -> Stream:
    joints = canonical_joints(np.repeat(body('canonical16')[None], frames, axis=0), 'canonical16')
    return Stream(np.arange(frames) / 30.0, joints)


def still_device(frames: int = 150) -> Stream:
    samples = np.tile([0.0, 9.8, 0.5, 0.0, 0.0, 0.0], (frames, 1)).astype(np.float32)
    samples[:, 0] += 0.1 * np.sin(np.arange(frames) / 5.0)
    return Stream(np.arange(frames) / 50.0, samples)


@pytest.mark.parametrize('seed', range(5))
def test_a_body_laid_down_lies_and_its_device_feels_gravity_elsewhere(seed):
    streams = {'pose': upright(), 'imu/waist': still_device()}
    laid = laid_down(streams, np.random.default_rng(seed))
    assert posture(laid['pose'].values) == LIE
    before, after = (s['imu/waist'].values for s in (streams, laid))
    up, now = before[:, :3].mean(axis=0), after[:, :3].mean(axis=0)
    assert np.linalg.norm(now) == pytest.approx(np.linalg.norm(up), rel=1e-3)
    cosine = up @ now / np.linalg.norm(up) ** 2
    assert 70.0 < np.degrees(np.arccos(cosine)) < 110.0
    np.testing.assert_allclose(after - now_only(now), before - now_only(up), atol=1e-4)


def now_only(mean: np.ndarray) -> np.ndarray:
    return np.concatenate([mean, np.zeros(3)])


def test_standing_still_becomes_lying_where_that_is_a_label():
    streams = {'pose': upright()}
    clips = [Clip('wave', 'a', streams, rests=True), Clip('lie', 'a', streams)]
    clips.append(Clip('stand', 'a', streams))
    sampler = WindowSampler(clips, WindowSpec(), SamplerSettings(rest=1.0, lie=0.5))
    rng = np.random.default_rng(0)
    said = [sampler.draw(0, rng)[1] for _ in range(40)]
    assert set(said) == {'stand', 'lie'}
    assert 10 < said.count('lie') < 30
