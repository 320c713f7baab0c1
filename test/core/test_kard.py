"""KARD: small files in exactly the published format, and the real ones where they are."""

import logging

import numpy as np
import pytest
from skeleton_sets import joint_of, median_handedness, median_torso, openni_text, real_folder

from mujo_core.datasets.kard import LABELS, load_kard

ORDER = (
    'head', 'neck', 'right_shoulder', 'right_elbow', 'right_hand', 'left_shoulder', 'left_elbow',
    'left_hand', 'torso', 'right_hip', 'right_knee', 'right_foot', 'left_hip', 'left_knee',
    'left_foot',
)  # fmt: skip


def test_order_units_and_the_negated_axis(tmp_path):
    (tmp_path / 'a15_s07_e02_realworld.txt').write_text(openni_text(ORDER, 31, sign=-1))
    (recording,) = load_kard(tmp_path)
    assert (recording.name, recording.subject) == ('a15_s07_e02', '7')
    pose = recording.streams['pose']
    assert pose.values.shape == (31, 15, 3) and pose.values.dtype == np.float32
    assert joint_of(recording, 'right_hand')[0] == pytest.approx([0.25, -0.15, 2.25])
    assert joint_of(recording, 'left_knee')[0] == pytest.approx([-0.1, -0.4, 2.45])
    (segment,) = recording.segments
    assert (segment.label, segment.start, segment.end) == ('phone_call', 0.0, pytest.approx(1.0))


def test_every_action_has_its_label(tmp_path):
    (tmp_path / 'kard').mkdir()
    for action in range(1, 19):
        name = f'kard/a{action:02d}_s01_e01_realworld.txt'
        (tmp_path / name).write_text(openni_text(ORDER, 2))
    assert [r.label for r in load_kard(tmp_path)] == list(LABELS)


def test_unseen_joints_and_damaged_files(tmp_path, caplog):
    whole = openni_text(ORDER, 2)
    lines = whole.splitlines()
    lines[4] = '0 0 0'
    (tmp_path / 'a01_s01_e01_realworld.txt').write_text('\n'.join([*lines, *lines[:7]]))
    (tmp_path / 'a01_s01_e02_realworld.txt').write_text(whole.replace('0', 'x', 1))
    (tmp_path / 'a01_s01_e03_realworld.txt').write_text('')
    (tmp_path / 'a19_s01_e01_realworld.txt').write_text(whole)
    (tmp_path / 'a02_s01_e01_realworld.txt').write_text('0 0 0\n' * 30)
    with caplog.at_level(logging.WARNING):
        (recording,) = load_kard(tmp_path)
    assert np.isnan(joint_of(recording, 'right_hand')).all(axis=1).tolist() == [True, False]
    messages = [r.getMessage() for r in caplog.records]
    assert len(messages) == 4 and all(m.endswith('left out') for m in messages)


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match='a01_s01_e01_realworld'):
        list(load_kard(tmp_path))


def test_the_real_files_are_in_metres_and_right_handed():
    recordings = list(load_kard(real_folder('kard')))
    assert len(recordings) == 540 and len({r.subject for r in recordings}) == 10
    assert 0.4 < median_torso(recordings) < 0.6
    assert median_handedness([r for r in recordings if r.label == 'stand_to_sit']) > 0.5
