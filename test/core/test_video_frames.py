"""Frames for a model: shapes and kinds, backbones by name, and what is kept on disk."""

import logging
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from mujo_core.cache import cache_dir
from mujo_core.datasets.utd_mhad import load_utd_mhad
from mujo_core.recording import Recording, Stream
from mujo_core.video import frames as frames_room
from mujo_core.video.backbone import Backbone, BackboneError, open_backbone
from mujo_core.video.cache import FrameCache
from mujo_core.video.frames import FrameMaker
from mujo_core.video.prepare import Preparer, prepare_recordings
from mujo_core.video.rgb import skeleton_box, square_crop
from mujo_core.video.settings import VideoSettings
from mujo_core.video.stored import StoredFrames, digest

MOTION = VideoSettings('motion', side=36)
FROZEN = VideoSettings('frozen', features=12)


@pytest.fixture
def clip(data_dir) -> Stream:
    """A real clip's depth images."""
    file = np.load(data_dir / 'utd_mhad_a3_s7_t2_wave_depth.npz')
    return Stream(file['t'], file['depth'])


@pytest.fixture
def cache(tmp_path) -> FrameCache:
    return FrameCache(tmp_path / 'cache')


@pytest.fixture
def toy_backbone(monkeypatch) -> list[str]:
    """A backbone of colour means in place of any; the list holds the names that were opened."""
    opened = []

    def open_toy(name: str) -> Backbone:
        import torch

        opened.append(name)
        weight = torch.arange(36.0).view(12, 3) * (1 + len(name))
        return Backbone(name, lambda x: x.mean(dim=(2, 3)) @ weight.T, (0.5,) * 3, (0.5,) * 3)

    monkeypatch.setattr(frames_room, 'open_backbone', open_toy)
    return opened


def lit(height: int = 60, width: int = 80) -> np.ndarray:
    """A colour image that is red to the left and blue to the right."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[:, : width // 2, 0] = 200
    image[:, width // 2 :, 2] = 200
    return image


@pytest.mark.parametrize(
    ('wrong', 'what'),
    [({'kind': 'slow'}, 'slow'), ({'source': 'lidar'}, 'lidar'), ({'side': 30}, '30')],
)
def test_settings_that_are_none_are_refused(wrong, what):
    with pytest.raises(ValueError, match=what):
        replace(MOTION, **wrong)


def test_depth_and_colours_give_frames_of_the_settings_shape(clip):
    frame = FrameMaker(MOTION)(clip.values[0])
    assert frame is not None
    assert frame.shape == MOTION.shape == (36, 36, 1) and frame.dtype == np.uint8
    assert 0.05 < (frame > 0).mean() < 0.4
    colours = replace(MOTION, source='rgb')
    frame = FrameMaker(colours)(lit())
    assert frame is not None
    assert frame.shape == colours.shape == (36, 36, 3) and frame.dtype == np.uint8
    with pytest.raises(ValueError, match='colour image'):
        FrameMaker(colours)(clip.values[0])
    with pytest.raises(ValueError, match='depth'):
        FrameMaker(MOTION)(lit())


def test_a_crop_shows_the_whole_image_or_what_is_around_a_box():
    whole = square_crop(lit(), 40)
    assert whole[20, 5].tolist() == [200, 0, 0] and whole[20, 35].tolist() == [0, 0, 200]
    assert (whole[:4] == 0).all() and (whole[-4:] == 0).all()
    right = square_crop(lit(), 40, (45.0, 10.0, 75.0, 40.0))
    assert (right[20] == (0, 0, 200)).all()
    assert square_crop(lit()[..., 0], 8).shape == (8, 8, 3)
    # Beyond the edge it is black, and the person stays in the middle.
    edge = square_crop(lit(), 40, (60.0, 0.0, 100.0, 60.0))
    assert (edge[20, -8:] == 0).all() and (edge[20, 8] == (0, 0, 200)).all()


def test_a_box_holds_the_joints_of_a_skeleton():
    joints = np.array([[0, -0.8, 2], [0.2, 0.0, 2], [-0.2, 0.8, 2], [np.nan] * 3])
    box = skeleton_box(joints, 200.0, 320, 240)
    assert box is not None
    left, top, right, bottom = box
    assert left < 139 and right > 180 and top < 40 and bottom > 199
    assert skeleton_box(joints[2:], 200.0, 320, 240) is None
    assert skeleton_box(joints + np.array([9, 0, 0]), 200.0, 320, 240) is None


def test_frozen_features_come_of_the_backbone(clip, toy_backbone):
    for settings, image in (
        (FROZEN, clip.values[0]),
        (replace(FROZEN, source='rgb'), lit()),
    ):
        features = FrameMaker(settings)(image)
        assert features is not None
        assert features.shape == (12,) and features.dtype == np.float32
        assert np.isfinite(features).all() and features.any()
    with pytest.raises(ValueError, match=r'gives 12 features.*model\.video\.features'):
        FrameMaker(replace(FROZEN, features=99))(clip.values[0])


def test_the_default_backbone_tells_images_apart():
    pytest.importorskip('efficientnet_lite_pytorch')
    backbone = open_backbone('efficientnet_lite0')
    rng = np.random.default_rng(0)
    images = np.stack([np.zeros((224, 224, 3)), rng.integers(0, 255, (224, 224, 3))])
    found = backbone(images.astype(np.uint8))
    assert found.shape == (2, VideoSettings().features) and found.dtype == np.float16
    assert np.isfinite(found).all()
    assert np.abs(found[0] - found[1]).max() > 0.1
    np.testing.assert_array_equal(found, open_backbone('efficientnet_lite0')(images.astype('u1')))


@pytest.mark.parametrize(
    ('name', 'missing', 'error', 'what'),
    [
        ('resnet', None, ValueError, 'expected a backbone out of'),
        ('timm:', None, ValueError, 'expected a backbone out of'),
        ('hub:resnet18', None, ValueError, 'hub:REPO:NAME'),
        ('timm:vit_tiny', 'timm', ImportError, 'pip install timm'),
        ('open_clip:ViT-B-32', 'open_clip', ImportError, 'pip install open_clip_torch'),
        ('efficientnet_lite0', 'efficientnet_lite_pytorch', ImportError, r'mujo_ros\[video\]'),
    ],
)
def test_a_backbone_that_is_not_there_is_refused_in_one_line(
    monkeypatch, name, missing, error, what
):
    open_backbone.cache_clear()
    if missing:
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(error, match=what) as caught:
        FrameMaker(replace(FROZEN, backbone=name))
    assert name in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_name_that_a_library_does_not_know_is_refused(monkeypatch):
    class Library:
        @staticmethod
        def create_model(name: str, **_: object) -> None:
            raise RuntimeError(f'Unknown model ({name})\nand more')

    monkeypatch.setitem(sys.modules, 'timm', Library)
    with pytest.raises(ValueError, match=r'timm:nonsense.*Unknown model \(nonsense\) and more'):
        open_backbone('timm:nonsense')


def test_what_was_made_once_is_taken_from_disk(clip, cache, monkeypatch):
    first = Preparer(MOTION, 5.0, cache).stream(clip)
    assert first.values.shape[1:] == MOTION.shape
    assert len(first) == len(first.stamps)

    def refuse(*_: object) -> None:
        raise AssertionError('made again')

    monkeypatch.setattr(Preparer, '_make', refuse)
    again = Preparer(MOTION, 5.0, cache).stream(clip)
    np.testing.assert_array_equal(first.values, again.values)
    np.testing.assert_array_equal(first.stamps, again.stamps)
    for settings, stream in (
        (replace(MOTION, side=60), clip),
        (MOTION, replace(clip, values=clip.values + np.uint16(1))),
    ):
        with pytest.raises(AssertionError, match='made again'):
            Preparer(settings, 5.0, cache).stream(stream)


def test_another_backbone_gets_features_of_its_own(clip, cache, toy_backbone):
    names = ('hub:a:b', 'hub:a:longer')
    made = [Preparer(replace(FROZEN, backbone=n), 5.0, cache).stream(clip).values for n in names]
    assert not np.array_equal(made[0], made[1])
    assert toy_backbone == list(names)
    again = Preparer(replace(FROZEN, backbone=names[0]), 5.0, cache).stream(clip).values
    np.testing.assert_array_equal(again, made[0])
    # What is kept needs no backbone at all.
    assert toy_backbone == list(names)


def test_a_damaged_file_in_the_cache_is_made_again(clip, cache, caplog):
    first = Preparer(MOTION, 5.0, cache).stream(clip)
    kept = list(cache.folder.rglob('*.npz'))
    assert len(kept) == 1 and not list(cache.folder.rglob('*.part'))
    for content in (b'', b'no zip', kept[0].read_bytes()[:200]):
        kept[0].write_bytes(content)
        with caplog.at_level(logging.WARNING):
            again = Preparer(MOTION, 5.0, cache).stream(clip)
        np.testing.assert_array_equal(first.values, again.values)
        assert str(kept[0]) in caplog.text


def test_without_a_place_to_keep_them_frames_are_still_made(clip, tmp_path, caplog):
    (tmp_path / 'file').write_text('in the way')
    cache = FrameCache(tmp_path / 'file')
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert len(Preparer(MOTION, 5.0, cache).stream(clip))
    assert caplog.text.count('MUJO_CACHE') == 1


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv('MUJO_CACHE', str(tmp_path / 'here'))
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'there'))
    assert cache_dir() == tmp_path / 'here'
    monkeypatch.delenv('MUJO_CACHE')
    assert cache_dir() == tmp_path / 'there' / 'mujo_ros'
    monkeypatch.delenv('XDG_CACHE_HOME')
    assert cache_dir() == Path.home() / '.cache' / 'mujo_ros'


def test_frames_are_thinned_to_twice_the_grid(clip, cache):
    dense = Stream(np.linspace(0.0, 3.0, 60), np.repeat(clip.values, 3, axis=0))
    made = Preparer(MOTION, 5.0, cache).stream(dense)
    assert 30 <= len(made) <= 32
    assert made.stamps[0] == 0.0 and made.stamps[-1] == 3.0
    assert np.diff(made.stamps).max() < 0.2


def test_images_of_nobody_are_left_out(clip, cache):
    values = clip.values.copy()
    values[5:10] = 0
    made = Preparer(MOTION, 5.0, cache).stream(replace(clip, values=values))
    np.testing.assert_array_equal(made.stamps, np.delete(clip.stamps, range(5, 10)))


@pytest.fixture
def folder(clip, tmp_path) -> Path:
    """A UTD-MHAD folder of three clips: whole, with damaged depth, and without depth."""
    for kind in ('Skeleton', 'Depth'):
        (tmp_path / kind).mkdir()
    rng = np.random.default_rng(0)
    for trial in (1, 2, 3):
        skeleton = rng.normal(size=(20, 3, 20))
        scipy.io.savemat(tmp_path / f'Skeleton/a3_s7_t{trial}_skeleton.mat', {'d_skel': skeleton})
    depth = {'d_depth': clip.values.transpose(1, 2, 0)}
    for trial in (1, 2):
        path = tmp_path / f'Depth/a3_s7_t{trial}_depth.mat'
        scipy.io.savemat(path, depth, do_compression=True)
    path.write_bytes(path.read_bytes()[:2000])
    return tmp_path


def test_utd_mhad_gives_depth_that_stays_in_its_file(clip, folder, cache, caplog):
    recordings = list(load_utd_mhad(folder))
    stream = recordings[0].streams['video']
    assert isinstance(stream.values, StoredFrames)
    assert stream.values.shape == clip.values.shape
    np.testing.assert_array_equal(np.asarray(stream.values), clip.values)
    assert stream.stamps[-1] == recordings[0].streams['pose'].stamps[-1]
    with caplog.at_level(logging.WARNING):
        prepared = prepare_recordings(recordings, Preparer(MOTION, 5.0, cache))
    assert [r.modalities for r in prepared] == [['video', 'pose'], ['pose'], ['pose']]
    assert 'a3_s7_t2' in caplog.text
    assert prepared[0].streams['video'].values.shape[1:] == MOTION.shape
    # Twice is as once, and a model without video gets none.
    again = prepare_recordings(prepared, Preparer(MOTION, 5.0, cache))
    assert again[0].streams['video'] is prepared[0].streams['video']
    without = prepare_recordings(recordings, Preparer(VideoSettings(), 5.0, cache))
    assert [r.modalities for r in without] == [['pose']] * 3
    backbone = Preparer(replace(FROZEN, backbone='none'), 5.0, cache)
    with pytest.raises(BackboneError, match='none'):
        prepare_recordings(recordings, backbone)


def test_the_name_of_a_content_is_of_the_content(clip, folder):
    same, other = (Recording(n, 'here', '1', {'video': clip}).streams['video'] for n in 'ab')
    assert digest(same.values) == digest(other.values.copy())
    assert digest(clip.values) != digest(clip.values[:-1])
    assert digest(clip.values) != digest(clip.values.astype(np.int32))
    path = folder / 'Depth' / 'a3_s7_t1_depth.mat'
    whole, part = (
        StoredFrames(path, (9, 2, 3), lambda _: np.arange(54).reshape(9, 2, 3)) for _ in 'ab'
    )
    part = part[2:8][1:3]
    assert part.shape == (2, 2, 3)
    np.testing.assert_array_equal(np.asarray(part), np.asarray(whole)[3:5])
    assert digest(part) != digest(whole) == digest(whole[:])
    stored = StoredFrames(path, (1, 2, 3), lambda _: np.zeros((1, 2, 4)))
    before = digest(stored)
    with pytest.raises(ValueError, match='expected images'):
        np.asarray(stored)
    path.write_bytes(path.read_bytes() + b'.')
    assert digest(stored) != before
