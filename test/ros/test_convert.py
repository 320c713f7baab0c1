"""Messages to arrays and back: round trips, and refusal of whatever does not fit."""

import json

import cv2
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from fake_recognizer import FakeActivity
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import CompressedImage, Image, PointCloud2, PointField

from mujo_core.bags.images import encoded_size
from mujo_ros import convert, images
from mujo_ros.convert import MessageError

RNG = np.random.default_rng(1)
STAMP = 1_700_000_000.25


def refused(kind, function, *arguments):
    with pytest.raises(MessageError) as caught:
        function(*arguments)
    assert caught.value.kind == kind
    assert '\n' not in str(caught.value) and 'got' in str(caught.value)


def cloud(xyz=None, visibility=None):
    xyz = RNG.normal(size=(20, 3)) if xyz is None else xyz
    return convert.joints_to_cloud(STAMP, 'camera', xyz, visibility)


@given(st.integers(0, 2**31 - 2), st.integers(0, 999_999_999))
def test_stamps_survive_to_a_quarter_microsecond(sec, nanosec):
    stamp = convert.seconds_to_stamp(convert.stamp_to_seconds(Time(sec=sec, nanosec=nanosec)))
    assert abs((stamp.sec - sec) * 10**9 + stamp.nanosec - nanosec) <= 250


def test_imus_at_once_are_what_each_is_alone():
    values = RNG.normal(size=(7, 6)) * 20
    msgs = [convert.sample_to_imu(STAMP + i / 100, value, 'w') for i, value in enumerate(values)]
    stamps, samples = convert.imus_to_samples(msgs)
    for msg, stamp, sample in zip(msgs, stamps, samples, strict=True):
        alone = convert.imu_to_sample(msg)
        assert stamp == alone[0]
        np.testing.assert_array_equal(sample, alone[1])


@pytest.mark.parametrize(
    'change',
    [
        lambda m: setattr(m.linear_acceleration, 'x', np.nan),
        lambda m: setattr(m.angular_velocity, 'z', 80.0),
        lambda m: setattr(m.header, 'frame_id', 'x' * 300),
        lambda m: setattr(m.header.stamp, 'sec', -1),
        lambda m: m.linear_acceleration_covariance.__setitem__(0, -1.0),
        lambda m: m.angular_velocity_covariance.__setitem__(0, -1.0),
    ],
)
def test_one_odd_imu_among_others_is_left_to_be_looked_at_alone(change):
    msgs = [convert.sample_to_imu(STAMP + i / 100, np.ones(6), 'w') for i in range(5)]
    change(msgs[3])
    assert convert.imus_to_samples(msgs) is None


@pytest.mark.parametrize('sec, nanosec', [(-1, 0), (5, 1_000_000_000), (5, 2**32 - 1)])
def test_impossible_stamps_are_refused(sec, nanosec):
    refused('bad_stamp', convert.stamp_to_seconds, Time(sec=sec, nanosec=nanosec))


@pytest.mark.parametrize('seconds', [np.nan, np.inf, -1.0, 2.0**31])
def test_no_stamp_is_made_of_impossible_seconds(seconds):
    with pytest.raises(ValueError, match='seconds'):
        convert.seconds_to_stamp(seconds)


def test_imu_round_trip():
    sample = RNG.normal(size=6).astype(np.float32)
    stamp, back = convert.imu_to_sample(convert.sample_to_imu(STAMP, sample, 'wrist'))
    assert stamp == STAMP
    np.testing.assert_array_equal(back, sample)
    assert back.dtype == np.float32


@pytest.mark.parametrize(
    'field, kind',
    [
        ('linear_acceleration_covariance', 'no_acceleration'),
        ('angular_velocity_covariance', 'no_angular_velocity'),
    ],
)
def test_a_covariance_of_minus_one_says_that_the_quantity_is_absent(field, kind):
    msg = convert.sample_to_imu(STAMP, np.ones(6), 'wrist')
    getattr(msg, field)[0] = -1.0
    refused(kind, convert.imu_to_sample, msg)


@pytest.mark.parametrize('axis, value', [(0, 2001.0), (2, -1e300), (3, 351.0), (5, -1e30)])
def test_no_sensor_reads_so(axis, value):
    sample = np.zeros(6)
    sample[axis] = value
    refused('out_of_range', convert.imu_to_sample, convert.sample_to_imu(STAMP, sample, ''))


def test_nan_and_infinity_reach_the_timeline_that_counts_them():
    for value in (np.nan, np.inf):
        sample = np.full(6, value)
        _, back = convert.imu_to_sample(convert.sample_to_imu(STAMP, sample, ''))
        np.testing.assert_array_equal(back, sample)


def test_saturated_samples_are_held_to_the_range():
    strong = np.array([500, -9.8, 0, 0, -80, 1], np.float32)
    clipped, saturated = convert.clip_sample(strong)
    assert saturated
    np.testing.assert_allclose(clipped, [400, -9.8, 0, 0, -70, 1])
    usual = np.array([157, -9.8, 0, 34, 0, 0], np.float32)
    clipped, saturated = convert.clip_sample(usual)
    assert not saturated
    np.testing.assert_array_equal(clipped, usual)


@pytest.mark.parametrize('with_visibility', [False, True])
def test_cloud_round_trip_keeps_unseen_joints(with_visibility):
    xyz = RNG.normal(size=(33, 3)).astype(np.float32)
    xyz[7] = np.nan
    visibility = RNG.random(33).astype(np.float32) if with_visibility else None
    stamp, back, seen = convert.cloud_to_joints(cloud(xyz, visibility), 33)
    assert stamp == STAMP
    np.testing.assert_array_equal(back, xyz)
    if with_visibility:
        np.testing.assert_array_equal(seen, visibility)
    else:
        assert seen is None


def test_cloud_keeps_the_stamp_of_an_image_to_the_nanosecond():
    stamp = Time(sec=1_700_000_000, nanosec=123_456_789)
    assert convert.joints_to_cloud(stamp, '', np.zeros((1, 3))).header.stamp == stamp


@pytest.mark.parametrize('order', ['<', '>'])
@pytest.mark.parametrize('kind, datatype', [('f4', PointField.FLOAT32), ('f8', PointField.FLOAT64)])
def test_cloud_is_read_by_its_fields(order, kind, datatype):
    """Fields in another order, padding, two rows with padding, either byte order."""
    xyz = RNG.normal(size=(20, 3)).astype(np.float32)
    names, size = ['z', 'x', 'y'], int(kind[1])
    point = np.dtype(
        {
            'names': names,
            'formats': [order + kind] * 3,
            'offsets': [4 + size * i for i in range(3)],
            'itemsize': 4 + 3 * size + 8,
        }
    )
    rows = b''
    for half in (xyz[:10], xyz[10:]):
        points = np.zeros(10, point)
        for i, axis in enumerate('xyz'):
            points[axis] = half[:, i]
        rows += points.tobytes() + b'\xff' * 12
    fields = [
        PointField(name=name, offset=4 + size * i, datatype=datatype, count=1)
        for i, name in enumerate(names)
    ]
    fields.append(PointField(name='rgb', offset=0, datatype=PointField.UINT32, count=1))
    msg = PointCloud2(
        height=2,
        width=10,
        fields=fields,
        is_bigendian=order == '>',
        point_step=point.itemsize,
        row_step=10 * point.itemsize + 12,
        data=rows,
    )
    _, back, _ = convert.cloud_to_joints(msg, 20)
    np.testing.assert_array_equal(back, xyz)


def change(msg, **values):
    for name, value in values.items():
        setattr(msg, name, value)
    return msg


FLOAT = PointField.FLOAT32


@pytest.mark.parametrize(
    'kind, changes',
    [
        ('wrong_joint_count', {'width': 21}),
        ('wrong_joint_count', {'height': 2**32 - 1, 'width': 2**32 - 1}),
        ('wrong_joint_count', {'width': 0}),
        ('wrong_size', {'data': b''}),
        ('wrong_size', {'data': bytes(239)}),
        ('wrong_size', {'row_step': 12}),
        ('wrong_size', {'row_step': 0}),
        ('wrong_fields', {'point_step': 0}),
        ('wrong_fields', {'point_step': 8}),
        ('wrong_fields', {'point_step': 2**32 - 1}),
        ('wrong_fields', {'fields': []}),
        ('wrong_fields', {'fields': [PointField(name=n, datatype=FLOAT) for n in 'xy']}),
        ('wrong_fields', {'fields': [PointField(name=n, datatype=1, count=1) for n in 'xyz']}),
        ('wrong_fields', {'fields': [PointField(name=n, datatype=FLOAT, count=9) for n in 'xyz']}),
        ('wrong_fields', {'fields': [PointField(name=n, datatype=FLOAT) for n in 'xxyz']}),
        (
            'wrong_fields',
            {'fields': [PointField(name=n, datatype=FLOAT, offset=2**32 - 1) for n in 'xyz']},
        ),
    ],
)
def test_clouds_that_do_not_fit_are_refused(kind, changes):
    refused(kind, convert.cloud_to_joints, change(cloud(), **changes), 20)


@pytest.mark.parametrize('value, kind', [(np.inf, 'not_finite'), (1e30, 'out_of_range')])
def test_impossible_joints_are_refused(value, kind):
    xyz = np.zeros((20, 3))
    xyz[3, 1] = value
    refused(kind, convert.cloud_to_joints, cloud(xyz), 20)


def test_one_coordinate_that_is_nan_makes_the_joint_unseen():
    xyz = np.ones((20, 3))
    xyz[4, 2] = np.nan
    _, back, _ = convert.cloud_to_joints(cloud(xyz), 20)
    assert np.isnan(back[4]).all() and np.isfinite(np.delete(back, 4, axis=0)).all()


def pixels(channels=3):
    return RNG.integers(0, 256, (12, 16, channels), np.uint8)


def test_rgb_image_round_trip():
    rgb = pixels()
    stamp, back = images.image_to_rgb(images.rgb_to_image(STAMP, 'camera', rgb))
    assert stamp == STAMP
    np.testing.assert_array_equal(back, rgb)


@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8'])
def test_encodings_with_padded_rows(encoding):
    rgb = pixels()
    if encoding == 'mono8':
        rgb[:] = rgb[..., :1]
    order = {'r': 0, 'g': 1, 'b': 2, 'a': 0}
    letters = 'r' if encoding == 'mono8' else encoding[:-1]
    data = np.stack([rgb[..., order[letter]] for letter in letters], axis=-1).reshape(12, -1)
    padded = np.pad(data, ((0, 0), (0, 5)))
    msg = Image(height=12, width=16, encoding=encoding, step=padded.shape[1], data=padded.tobytes())
    np.testing.assert_array_equal(images.image_to_rgb(msg)[1], rgb)


@pytest.mark.parametrize('order', ['<', '>'])
def test_depth_in_millimetres_or_metres(order):
    metres = np.array([[0.0, 1.5], [2.25, 0.25]], np.float32)
    expected = np.where(metres > 0, metres, np.nan)
    for encoding, data in [
        ('16UC1', (metres * 1000).astype(order + 'u2')),
        ('32FC1', metres.astype(order + 'f4')),
    ]:
        msg = Image(
            height=2,
            width=2,
            encoding=encoding,
            step=2 * data.itemsize,
            data=data.tobytes(),
            is_bigendian=int(order == '>'),
        )
        np.testing.assert_allclose(images.image_to_depth(msg)[1], expected)


@pytest.mark.parametrize('extension', ['.png', '.jpg'])
def test_compressed_images(extension):
    rgb = cv2.resize(pixels(), (64, 48), interpolation=cv2.INTER_CUBIC)
    ok, data = cv2.imencode(extension, rgb[..., ::-1])
    assert ok
    assert encoded_size(data.tobytes()) == (64, 48)
    _, back = images.image_to_rgb(CompressedImage(format='jpeg', data=data.tobytes()))
    assert back.shape == rgb.shape
    assert np.abs(back.astype(int) - rgb).mean() < (1e-9 if extension == '.png' else 20)


def test_images_that_do_not_fit_are_refused():
    def image(**values):
        return change(images.rgb_to_image(STAMP, '', pixels()), **values)

    for values in (
        {'data': b''},
        {'data': bytes(12 * 16 * 3 - 1)},
        {'step': 47},
        {'step': 2**32 - 1},
        {'width': 0, 'step': 0},
        {'width': 2**32 - 1, 'height': 2**32 - 1},
    ):
        refused('wrong_size', images.image_to_rgb, image(**values))
    refused('wrong_encoding', images.image_to_rgb, image(encoding='bayer_rggb8'))
    refused('wrong_encoding', images.image_to_rgb, image(encoding='x' * 100_000))
    refused('wrong_encoding', images.image_to_depth, image())


def test_a_small_file_that_claims_a_huge_image_is_not_decoded():
    ok, data = cv2.imencode('.png', pixels())
    assert ok
    bomb = bytearray(data.tobytes())
    bomb[16:24] = (60_000).to_bytes(4, 'big') * 2
    refused('wrong_size', images.image_to_rgb, CompressedImage(data=bytes(bomb)))
    refused('wrong_size', images.image_to_rgb, CompressedImage(data=b''))
    refused('wrong_encoding', images.image_to_rgb, CompressedImage(data=b'GIF89a' + bytes(99)))
    refused('wrong_encoding', images.image_to_rgb, CompressedImage(data=data.tobytes()[:40]))


def accepted_or_refused(function, *arguments):
    """Whatever comes is converted or refused with a kind; nothing else is raised."""
    try:
        return function(*arguments)
    except MessageError as error:
        assert error.kind and '\n' not in str(error) and len(str(error)) < 2000


u32 = st.one_of(st.integers(0, 64), st.integers(0, 2**32 - 1))
u8 = st.integers(0, 255)
some_floats = st.floats(allow_nan=True, allow_infinity=True, width=64)
some_bytes = st.binary(max_size=600)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(some_floats, min_size=6, max_size=6),
    st.lists(some_floats, min_size=2, max_size=2),
    st.integers(-(2**31), 2**31 - 1),
    u32,
)
def test_any_imu_is_converted_or_refused(values, covariances, sec, nanosec):
    msg = convert.sample_to_imu(Time(sec=sec, nanosec=nanosec), np.array(values), '')
    msg.linear_acceleration_covariance[0], msg.angular_velocity_covariance[0] = covariances
    result = accepted_or_refused(convert.imu_to_sample, msg)
    if result:
        stamp, sample = result
        assert stamp >= 0 and sample.shape == (6,)


field = st.builds(
    PointField,
    name=st.sampled_from(['x', 'y', 'z', 'visibility', 'rgb', '']),
    offset=u32,
    datatype=u8,
    count=u32,
)
likely_fields = st.permutations(
    [
        PointField(name=name, offset=offset, datatype=datatype, count=1)
        for name, offset, datatype in (('x', 0, 7), ('y', 4, 7), ('z', 8, 8), ('visibility', 16, 7))
    ]
)


@settings(max_examples=600, deadline=None)
@given(
    u32,
    u32,
    st.one_of(likely_fields, st.lists(field, max_size=6)),
    st.booleans(),
    st.one_of(st.integers(12, 24), u32),
    u32,
    some_bytes,
    st.integers(1, 40),
)
def test_any_cloud_is_converted_or_refused(h, w, fields, big, point_step, row_step, data, joints):
    msg = PointCloud2(
        height=h,
        width=w,
        fields=fields,
        is_bigendian=big,
        point_step=point_step,
        row_step=row_step,
        data=data,
    )
    for msg.height, msg.width, msg.row_step in ((h, w, row_step), (1, joints, joints * point_step)):
        if msg.row_step >= 2**32:
            continue
        result = accepted_or_refused(convert.cloud_to_joints, msg, joints)
        if result:
            _, xyz, _ = result
            assert xyz.shape == (joints, 3) and not np.isinf(xyz).any()


@settings(max_examples=400, deadline=None)
@given(
    u32,
    u32,
    u32,
    st.sampled_from(['rgb8', 'bgr8', 'rgba8', 'mono8', '16UC1', '32FC1', 'yuv422', '']),
    u8,
    some_bytes,
)
def test_any_image_is_converted_or_refused(height, width, step, encoding, big, data):
    msg = Image(
        height=height, width=width, step=step, encoding=encoding, is_bigendian=big, data=data
    )
    for function in (images.image_to_rgb, images.image_to_depth):
        result = accepted_or_refused(function, msg)
        if result:
            assert result[1].shape[:2] == (height, width)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([b'', b'\x89PNG\r\n\x1a\n', b'\xff\xd8', b'\xff\xd8\xff\xc0\x00\x11\x08']),
    some_bytes,
)
def test_any_compressed_image_is_converted_or_refused(start, data):
    accepted_or_refused(images.image_to_rgb, CompressedImage(data=start + data))


def test_json_of_an_activity():
    activity = FakeActivity(
        stamp=12.5, newest=12.6, window=(9.5, 12.5), coverage={'pose': 0.9}, modalities=['pose']
    )
    fields = json.loads(convert.activity_to_json(activity, 0.03, 0.006))
    assert fields == activity.to_dict(0.03, 0.006)
    assert json.loads(convert.activity_to_json(activity, 0.0, 0.0, 'ada'))['person'] == 'ada'
    activity.confidence = float('nan')
    with pytest.raises(ValueError, match='JSON'):
        convert.activity_to_json(activity, 0.0, 0.0)


def test_classification_of_an_activity_is_sorted_and_holds_unknown():
    pytest.importorskip('vision_msgs')
    activity = FakeActivity(
        stamp=12.5, newest=12.6, window=(9.5, 12.5), coverage={}, modalities=['pose'], unknown=0.07
    )
    msg = convert.activity_to_classification(activity, 'camera')
    assert [(r.class_id, r.score) for r in msg.results] == [
        ('walk', 0.9),
        ('unknown', 0.07),
        ('jog', 0.06),
    ]
    assert msg.header.frame_id == 'camera'
    assert (msg.header.stamp.sec, msg.header.stamp.nanosec) == (12, 500_000_000)
