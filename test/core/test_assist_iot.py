"""ASSIST-IoT: tiny videos under the published names, and the real ones where they are."""

import logging
import sys

import numpy as np
import pytest
from skeleton_sets import real_folder

from mujo_core.datasets import assist_iot
from mujo_core.datasets.assist_iot import DATASET, SHOWN, load_assist_iot
from mujo_core.pose_estimator import Pose, PoseEstimator
from mujo_core.posture import LIE, STAND, posture
from mujo_core.recording import Segment
from mujo_core.skeleton import canonical_joints

RATE = 10
PIXELS_A_METRE = 20.0


class Standing:
    """Sees a body of 33 joints on a line in every second image, and counts what it is shown."""

    shown = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def estimate(self, rgb):
        type(self).shown += 1
        if self.shown % 2 == 0:
            return None
        world = np.linspace([-0.2, -0.8, 0.0], [0.2, 0.8, 0.1], 33).astype(np.float32)
        image = world[:, :2] * PIXELS_A_METRE + (rgb.shape[1] / 2, rgb.shape[0] / 2)
        visibility = np.ones(33, np.float32)
        visibility[32] = 0.2
        return Pose(world, image.astype(np.float32), visibility)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('MUJO_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setattr(Standing, 'shown', 0)
    return tmp_path / 'cache'


def write(root, name, frames=20):
    cv2 = pytest.importorskip('cv2', reason='writing a video needs OpenCV')
    root.mkdir(exist_ok=True)
    path = root / f'{name}.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), RATE, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), number, np.uint8))
    writer.release()
    return path


def test_a_person_in_the_camera_s_frame_at_the_video_s_stamps(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(assist_iot, 'PoseEstimator', Standing)
    write(tmp_path / 'assist_iot', 'adl_04_jogging_quickly')
    (recording,) = load_assist_iot(tmp_path)
    assert (recording.name, recording.subject) == ('adl_04_jogging_quickly', 'white')
    pose = recording.streams['pose']
    assert pose.stamps == pytest.approx(np.arange(20) / RATE) and pose.layout == 'mediapipe33'
    assert pose.values.shape == (20, 33, 3) and pose.values.dtype == np.float32
    assert np.isfinite(pose.values[::2, :32]).all()
    assert np.isnan(pose.values[1::2]).all() and np.isnan(pose.values[:, 32]).all()
    focal = 32 / np.tan(1.15 / 2)
    assert np.nanmedian(pose.values[0, :, 2]) == pytest.approx(focal / PIXELS_A_METRE, rel=0.1)
    assert recording.segments == [Segment('jog', 1.1, pytest.approx(1.9))]


def test_the_second_load_estimates_nothing(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(assist_iot, 'PoseEstimator', Standing)
    path = write(tmp_path / 'set', 'imm_01_imm_back')
    (first,) = load_assist_iot(path.parent)
    assert Standing.shown == 20
    monkeypatch.setattr(assist_iot, 'read_pictures', None)
    (second,) = load_assist_iot(path.parent)
    assert Standing.shown == 20
    for part in ('stamps', 'values'):
        one, other = (getattr(r.streams['pose'], part) for r in (first, second))
        assert one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)


def test_other_bytes_or_a_damaged_cache_are_estimated_anew(tmp_path, cache, monkeypatch, caplog):
    monkeypatch.setattr(assist_iot, 'PoseEstimator', Standing)
    path = write(tmp_path / 'set', 'imm_01_imm_back')
    list(load_assist_iot(path.parent))
    write(tmp_path / 'set', 'imm_01_imm_back', 12)
    (other,) = load_assist_iot(path.parent)
    assert Standing.shown == 32 and len(other.streams['pose']) == 12
    for kept in (cache / 'assist_iot').iterdir():
        kept.write_bytes(kept.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        (again,) = load_assist_iot(path.parent)
    assert len(again.streams['pose']) == 12 and 'made anew' in caplog.text


def test_blank_frames_show_nobody(tmp_path, cache):
    pytest.importorskip('mediapipe', reason='needs the extra pose')
    write(tmp_path, 'fall_05_vertical_fall_faint', 25)
    (recording,) = load_assist_iot(tmp_path)
    assert np.isnan(recording.streams['pose'].values).all()
    assert recording.segments == [Segment('fall', 2.0, pytest.approx(2.4))]


def test_damaged_and_strange_files_are_named(tmp_path, cache, monkeypatch, caplog):
    monkeypatch.setattr(assist_iot, 'PoseEstimator', Standing)
    write(tmp_path, 'adl_17_crawling')
    write(tmp_path, 'adl_99_flying')
    (tmp_path / 'adl_13_bending_at_knees.mp4').write_bytes(b'no video')
    with caplog.at_level(logging.WARNING):
        assert [r.label for r in load_assist_iot(tmp_path)] == ['crawl']
    damaged, strange = (record.getMessage() for record in caplog.records)
    assert 'adl_13_bending_at_knees.mp4: expected a video' in damaged
    assert 'adl_99_flying.mp4: expected a name of the set' in strange
    assert all(line.endswith('left out') for line in (damaged, strange))


def test_an_empty_folder_and_a_missing_extra_are_said(tmp_path, cache, monkeypatch):
    with pytest.raises(FileNotFoundError, match='adl_01_walking_slowly'):
        list(load_assist_iot(tmp_path))
    write(tmp_path, 'adl_17_crawling')
    monkeypatch.setattr(assist_iot, 'PoseEstimator', PoseEstimator)
    monkeypatch.setitem(sys.modules, 'mediapipe.python.solutions.pose', None)
    with pytest.raises(ImportError, match=r"pip install '\.\[pose\]'$") as raised:
        list(load_assist_iot(tmp_path))
    assert '\n' not in str(raised.value)


@pytest.mark.slow
def test_the_real_people_stand_and_lie_where_the_table_says():
    pytest.importorskip('mediapipe', reason='needs the extra pose')
    recordings = {r.name: r for r in load_assist_iot(real_folder('assist_iot'))}
    assert set(recordings) == set(SHOWN)
    assert {s.label for r in recordings.values() for s in r.segments} == set(DATASET.labels)

    def look(name, start, end):
        part = recordings[name].streams['pose'].between(start, end)
        return posture(canonical_joints(part.values, 'mediapipe33'))

    assert look('fall_07_fall_to_knees_forward', 0.0, 0.9) == STAND
    assert look('fall_07_fall_to_knees_forward', 2.9, 9.0) == LIE
    assert look('imm_02_imm_stomach', 0.0, 4.0) == LIE
