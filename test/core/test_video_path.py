"""Video from images to answers: drawn in training, played offline, stored live."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mujo_core.evaluation.full import evaluate_full, window_logits
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.model.joint_space import JointSpace, ModelSettings
from mujo_core.recognition import Recognizer
from mujo_core.recognition.playback import windows_of
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.training.clip import make_clip
from mujo_core.training.config import read_config
from mujo_core.training.sampler import SamplerSettings, WindowSampler
from mujo_core.training.video_augment import VideoAugmentation, change_frames
from mujo_core.video.prepare import Preparer, prepare_recordings
from mujo_core.video.settings import VideoSettings
from mujo_core.window import WindowSpec

VIDEO = VideoSettings('motion', side=36)
SPEC = WindowSpec(video=VIDEO)
UNCHANGED = VideoAugmentation(
    turn=0.0, tilt=0.0, shift=0.0, scale=0.0, noise=0.0, holes=0.0, light=0.0, lose=0.0
)
STILL = SamplerSettings(
    as_stream=0.0, rest=0.0, speed=(1.0, 1.0), warp=0.0, pose_speed=0.0, drop_stream=0.0,
    video=UNCHANGED,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv('MUJO_CACHE', str(tmp_path / 'cache'))


@pytest.fixture
def recording(data_dir: Path) -> Recording:
    """A real clip with depth and skeleton."""
    depth = np.load(data_dir / 'utd_mhad_a3_s7_t2_wave_depth.npz')
    other = np.load(data_dir / 'utd_mhad_a3_s7_t2_wave.npz')
    streams = {
        'video': Stream(depth['t'], depth['depth']),
        'pose': Stream(other['skeleton/t'], other['skeleton/xyz'], 'kinect20'),
    }
    end = float(depth['t'][-1])
    return Recording('a3_s7_t2', 'utd_mhad', '7', streams, [Segment('wave', 0.0, end)])


@pytest.fixture
def prepared(recording) -> Recording:
    return prepare_recordings([recording], Preparer(VIDEO, SPEC.video_rate))[0]


@pytest.fixture
def checkpoint(tiny_checkpoint) -> Checkpoint:
    torch.manual_seed(3)
    model = JointSpace(ModelSettings(size=16, width=8, video=VIDEO)).eval()
    return replace(tiny_checkpoint, model=model, window=SPEC, modalities=model.modalities)


def test_a_drawn_window_holds_the_frames_of_its_time(prepared):
    sampler = WindowSampler([make_clip(prepared, 'wave', rests=True)], SPEC, STILL)
    window, _ = sampler.draw(0, np.random.default_rng(1))
    assert window.video is not None and window.video_mask is not None
    assert window.video.shape == (15, *VIDEO.shape)
    stream = prepared.streams['video']
    for stamp, frame, seen in zip(
        SPEC.grid(window.end, SPEC.video_rate), window.video, window.video_mask, strict=True
    ):
        if seen:
            nearest = int(np.abs(stream.stamps - stamp).argmin())
            assert ((frame > 0) != (stream.values[nearest] > 0)).mean() < 0.01
        else:
            assert not frame.any()


def test_drawn_windows_are_seeded_padded_and_masked(prepared):
    sampler = WindowSampler([make_clip(prepared, 'wave', rests=True)], SPEC)
    masked = 0
    for seed in range(40):
        first, again = (sampler.draw(0, np.random.default_rng(seed))[0] for _ in range(2))
        assert first.video is not None and again.video is not None
        np.testing.assert_array_equal(first.video, again.video)
        assert first.video_mask is not None
        assert not first.video[~first.video_mask].any()
        masked += int((~first.video_mask).sum())
    assert masked > 0
    whole = WindowSampler(sampler.clips, SPEC, replace(STILL, as_stream=1.0))
    coverage = [
        whole.draw(0, np.random.default_rng(seed))[0].coverage['video'] for seed in range(10)
    ]
    assert min(coverage) == 1.0


def test_a_model_without_video_draws_none_and_images_need_no_preparing(recording, prepared):
    sampler = WindowSampler([make_clip(recording, 'wave', rests=True)], WindowSpec(), STILL)
    window, _ = sampler.draw(0, np.random.default_rng(0))
    assert window.video is None and window.pose is not None
    windows = [
        WindowSampler([make_clip(clip, 'wave', rests=True)], SPEC).draw(
            0, np.random.default_rng(0)
        )[0]
        for clip in (recording, prepared)
    ]
    assert windows[0].video is not None
    np.testing.assert_array_equal(windows[0].video, windows[1].video)


def test_without_change_frames_are_as_they_were(prepared):
    frames = prepared.streams['video'].values
    np.testing.assert_array_equal(
        change_frames(frames, UNCHANGED, np.random.default_rng(0)), frames
    )
    colours = np.random.default_rng(0).integers(0, 255, (4, 24, 24, 3)).astype(np.uint8)
    np.testing.assert_array_equal(
        change_frames(colours, UNCHANGED, np.random.default_rng(0)), colours
    )


def test_each_change_does_what_it_says(prepared):
    frames = prepared.streams['video'].values[:6]

    def changed(**how: float) -> np.ndarray:
        return change_frames(frames, replace(UNCHANGED, **how), np.random.default_rng(4))

    def middle(pictures: np.ndarray) -> np.ndarray:
        return np.array([np.mean(axis) for axis in np.nonzero(pictures[..., 0])[1:]])

    assert np.abs(middle(changed(shift=0.3)) - middle(frames)).max() > 1.5
    area = (changed(scale=0.6) > 0).sum() / (frames > 0).sum()
    assert abs(np.log(area)) > 0.1
    lost = 1 - (changed(holes=0.4) > 0).sum() / (frames > 0).sum()
    assert 0.01 < lost < 0.4
    seen = frames > 0
    noisy = changed(noise=0.1)[seen].astype(float) - frames[seen]
    assert 0.5 < noisy.std() < 13
    # A body that is turned is narrower, or its arm is elsewhere: the outline is another.
    assert ((changed(turn=40.0) > 0) != seen).mean() > 0.01


def test_colours_are_lit_and_features_blurred():
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 255, (4, 24, 24, 3)).astype(np.uint8)
    lit = change_frames(colours, replace(UNCHANGED, light=0.5), np.random.default_rng(1))
    assert lit.shape == colours.shape and lit.dtype == np.uint8
    assert abs(float(lit.mean()) - float(colours.mean())) > 3
    features = rng.normal(size=(8, 30)).astype(np.float32)
    blurred = change_frames(features, UNCHANGED, rng)
    assert 0.0 < np.abs(blurred - features).mean() < 0.2


def test_played_windows_hold_video_where_it_was_made_to_frames(recording, prepared):
    (window,) = windows_of(prepared.only(['video']), SPEC, 0.25)
    assert window.modalities() == ['video']
    assert window.coverage['video'] == 1.0
    (made,) = windows_of(recording.only(['video']), SPEC, 0.25)
    np.testing.assert_array_equal(window.video, made.video)
    assert list(windows_of(recording.only(['video']), WindowSpec(), 0.25)) == []
    assert window.video is not None
    np.testing.assert_array_equal(window.video[-1], prepared.streams['video'].values[-1])


def test_every_subset_with_video_is_judged(checkpoint, recording, tiny_checkpoint):
    labelled = [recording, replace(recording, segments=[Segment('clap', 0.0, 3.0)])]
    results = evaluate_full(checkpoint, labelled)
    assert set(results) == {'video', 'pose', 'video+pose'}
    assert all(scores.n == 2 for scores in results.values())
    assert set(evaluate_full(tiny_checkpoint, labelled)) == {'pose'}


def test_live_images_give_the_window_of_the_recording(checkpoint, recording, prepared):
    recognizer = Recognizer(checkpoint)
    stream = recording.streams['video']
    for stamp, image in zip(stream.stamps, stream.values, strict=True):
        assert recognizer.add_image(1000.0 + stamp, image)
    live = recognizer.timeline.cut(1000.0 + stream.stamps[-1])
    (played,) = windows_of(prepared.only(['video']), SPEC, 0.25)
    assert live is not None and live.video is not None and played.video is not None
    np.testing.assert_array_equal(live.video, played.video)
    answer = recognizer.recognize()
    assert answer is not None and answer.modalities == ['video']
    assert answer.coverage == {'video': 1.0}
    offline = window_logits(checkpoint, [played])[0]
    np.testing.assert_allclose(recognizer.logits([live])[0], offline, atol=1e-4)


def test_images_are_only_worked_on_at_the_rate_of_the_grid(checkpoint, recording):
    recognizer = Recognizer(checkpoint)
    made = []
    inner = recognizer._frames
    assert inner is not None

    def count(*arguments: object) -> np.ndarray | None:
        made.append(1)
        return inner(*arguments)  # type: ignore[arg-type]

    recognizer._frames = count  # type: ignore[assignment]
    image = recording.streams['video'].values[0]
    for step in range(60):
        assert recognizer.add_image(100.0 + step / 30, image)
    assert 15 <= len(made) <= 20
    window = recognizer.timeline.cut()
    assert window is not None and window.video_mask is not None
    assert window.video_mask[-9:].all()


def test_images_of_nobody_and_of_another_kind(checkpoint, tiny_checkpoint, recording):
    recognizer = Recognizer(checkpoint)
    image = recording.streams['video'].values[0]
    assert recognizer.add_image(10.0, np.zeros_like(image))
    assert recognizer.timeline.newest() is None
    assert not recognizer.add_image(11.0, np.zeros((240, 320, 3), dtype=np.uint8))
    assert recognizer.refused['video'] == {'wrong_shape': 1}
    assert recognizer.add_image(12.0, image, box=(60.0, 0.0, 200.0, 240.0), focal=285.0)
    assert recognizer.timeline.newest('video') == 12.0
    recognizer.warm_up()
    assert not Recognizer(tiny_checkpoint).add_image(10.0, image)


def test_the_windows_frames_are_the_models(caplog):
    config = read_config(None, ['--model.video.kind=motion', '--model.video.side=24'])
    assert config.window.video_shape == (24, 24, 1)
    with pytest.raises(ValueError, match='slow'), caplog.at_level(logging.ERROR):
        read_config(None, ['--model.video.kind=slow'])
