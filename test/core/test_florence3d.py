"""Florence 3D Actions: small files in the published format, and the real ones where they are."""

import logging

import pytest
from skeleton_sets import joint_of, median_handedness, median_torso, openni_text, real_folder

from mujo_core.datasets.florence3d import LABELS, load_florence3d

ORDER = (
    'head', 'neck', 'torso', 'left_shoulder', 'left_elbow', 'left_hand', 'right_shoulder',
    'right_elbow', 'right_hand', 'left_hip', 'left_knee', 'left_foot', 'right_hip', 'right_knee',
    'right_foot',
)  # fmt: skip


def test_order_units_and_rate(tmp_path):
    (tmp_path / 'a08_s10_id207.txt').write_text(openni_text(ORDER, 21))
    (recording,) = load_florence3d(tmp_path)
    assert (recording.name, recording.subject, recording.label) == (
        'a08_s10_id207', '10', 'check_watch',
    )  # fmt: skip
    assert recording.streams['pose'].duration == pytest.approx(2.0)
    assert joint_of(recording, 'right_hand')[0] == pytest.approx([0.25, -0.15, 2.25])
    assert joint_of(recording, 'left_foot')[0] == pytest.approx([-0.1, -0.85, 2.4])


def test_every_action_has_its_label_and_damage_is_named(tmp_path, caplog):
    (tmp_path / 'florence3d').mkdir()
    for action in range(1, 10):
        name = f'florence3d/a{action:02d}_s1_id{action}.txt'
        (tmp_path / name).write_text(openni_text(ORDER, 2))
    (tmp_path / 'florence3d/a01_s1_id99.txt').write_text('1 2\n' * 30)
    with caplog.at_level(logging.WARNING):
        assert [r.label for r in load_florence3d(tmp_path)] == list(LABELS)
    (line,) = [r.getMessage() for r in caplog.records]
    assert 'a01_s1_id99.txt, row 1' in line


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'a01_s1_id2\.txt'):
        list(load_florence3d(tmp_path))


def test_the_real_files_are_in_metres_and_right_handed():
    recordings = list(load_florence3d(real_folder('florence3d')))
    assert len(recordings) == 215 and len({r.subject for r in recordings}) == 10
    assert 0.4 < median_torso(recordings) < 0.6
    assert median_handedness(recordings) > 0.5
