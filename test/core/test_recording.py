"""Streams and recordings: data at rest."""

import numpy as np
import pytest

from mujo_core.recording import Recording, Segment, Stream, modality_of, subset_name


def stream(start: float, count: int, rate: float = 50.0) -> Stream:
    stamps = start + np.arange(count) / rate
    return Stream(stamps, np.arange(count * 6, dtype=np.float32).reshape(count, 6))


def test_a_stream_has_one_stamp_a_sample():
    with pytest.raises(ValueError, match='3 stamps came with 2 samples') as caught:
        Stream(np.arange(3.0), np.zeros((2, 6)))
    assert '\n' not in str(caught.value)


def test_duration():
    assert stream(5.0, 51).duration == pytest.approx(1.0)
    assert stream(5.0, 1).duration == 0.0
    assert stream(5.0, 0).duration == 0.0


def test_between_keeps_both_ends_and_everything_else():
    pose = Stream(np.arange(10) / 10, np.zeros((10, 20, 3)), layout='kinect20', up=(0, 1, 0))
    part = pose.between(0.2, 0.5)
    np.testing.assert_allclose(part.stamps, [0.2, 0.3, 0.4, 0.5])
    assert len(part.values) == 4
    assert (part.layout, part.up) == ('kinect20', (0, 1, 0))
    assert np.shares_memory(part.values, pose.values)
    assert len(pose.between(2.0, 3.0)) == 0


def test_modalities_of_streams():
    assert [modality_of(n) for n in ('pose', 'video', 'imu/left_thigh')] == ['pose', 'video', 'imu']
    assert subset_name({'imu', 'pose'}) == 'pose+imu'
    assert subset_name(['imu', 'pose', 'video']) == 'video+pose+imu'
    assert subset_name(()) == ''


def take() -> Recording:
    return Recording(
        name='take',
        dataset='here',
        subject='1',
        streams={
            'imu/right_wrist': stream(1.0, 51),
            'imu/waist': stream(0.5, 51),
            'pose': Stream(np.array([1.2, 2.4]), np.zeros((2, 16, 3)), layout='canonical16'),
            'video': Stream(np.zeros(0), np.zeros((0, 4, 4))),
        },
        segments=[Segment('walk', 0.5, 1.0), Segment('walk', 1.5, 2.0)],
    )


def test_a_recording_spans_all_its_streams():
    assert (take().start, take().end) == (0.5, 2.4)
    empty = Recording('empty', 'here', '1')
    assert (empty.start, empty.end, empty.modalities) == (0.0, 0.0, [])


def test_streams_without_samples_are_no_modality():
    assert take().modalities == ['pose', 'imu']


def test_only_some_modalities():
    alone = take().only(['imu'])
    assert alone.modalities == ['imu']
    assert list(alone.imu_placements()) == ['right_wrist', 'waist']
    assert alone.segments == take().segments
    assert set(take().streams) == {'imu/right_wrist', 'imu/waist', 'pose', 'video'}


def test_the_label_of_a_recording_is_the_one_it_holds():
    assert take().label == 'walk'
    assert Recording('none', 'here', '1').label is None
    mixed = Recording('two', 'here', '1', segments=[Segment('walk', 0, 1), Segment('sit', 1, 2)])
    assert mixed.label is None


def many_activities() -> Recording:
    t = np.arange(0.0, 10.01, 0.1)
    streams = {
        'imu/right_wrist': Stream(t, np.zeros((len(t), 6), np.float32)),
        'pose': Stream(t[:30], np.zeros((30, 16, 3), np.float32), 'canonical16'),
    }
    segments = [Segment('walk', 1.0, 3.0), Segment('rest', 3.0, 5.0), Segment('walk', 5.0, 9.0)]
    return Recording('long', 'x', '1', streams, segments)


def test_a_part_keeps_the_clock_and_clips_the_segments():
    part = many_activities().cut(2.0, 4.0)
    assert part.start == pytest.approx(2.0) and part.end == pytest.approx(4.0)
    assert part.segments == [Segment('walk', 2.0, 3.0), Segment('rest', 3.0, 4.0)]
    assert set(part.streams) == {'imu/right_wrist', 'pose'}
    assert set(many_activities().cut(6.0, 8.0).streams) == {'imu/right_wrist'}


def test_every_labelled_segment_is_a_recording():
    parts = many_activities().activities()
    assert [(p.name, p.label) for p in parts] == [
        ('long.1', 'walk'), ('long.2', 'rest'), ('long.3', 'walk'),
    ]  # fmt: skip
    assert [round(p.end - p.start, 2) for p in parts] == [2.0, 2.0, 4.0]
    assert all(p.subject == '1' for p in parts)


def test_a_recording_of_one_activity_is_itself():
    whole = many_activities()
    only = Recording('one', 'x', '1', whole.streams, [Segment('walk', 0.0, 10.0)])
    assert only.activities() == [only]
    assert Recording('none', 'x', '1', whole.streams).activities() == []
    beyond = Recording('two', 'x', '1', whole.streams, [Segment('walk', 20.0, 30.0)])
    assert beyond.activities() == []
