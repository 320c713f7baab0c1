"""CAD-60: small files in exactly the published format, and the real ones where they are."""

import logging

import numpy as np
import pytest
from skeleton_sets import joint_of, median_handedness, openni_text, real_folder

from mujo_core.datasets.cad60 import ACTIVITIES, load_cad60

ORDER = (
    'head', 'neck', 'torso', 'left_shoulder', 'left_elbow', 'right_shoulder', 'right_elbow',
    'left_hip', 'left_knee', 'right_hip', 'right_knee', 'left_hand', 'right_hand', 'left_foot',
    'right_foot',
)  # fmt: skip


def test_the_mirror_image_is_undone(tmp_path):
    rows = openni_text(ORDER, 1).splitlines()
    rows[ORDER.index('left_hand')] = '-400 700 2200'
    text = '\n'.join(rows * 61)
    (tmp_path / 'a11_cooking_(chopping)_2_p3.txt').write_text(text)
    (recording,) = load_cad60(tmp_path)
    assert (recording.subject, recording.label) == ('3', 'chop')
    assert joint_of(recording, 'right_hand')[0] == pytest.approx([0.4, 0.7, 2.2])
    assert joint_of(recording, 'left_hand')[0] == pytest.approx([-0.25, -0.15, 2.25])
    assert recording.streams['pose'].duration == pytest.approx(2.0)


def test_activities_random_and_two_rows_of_zeros(tmp_path, caplog):
    folder = tmp_path / 'cad60'
    folder.mkdir()
    for activity in ACTIVITIES:
        (folder / f'a01_{activity}_1_p1.txt').write_text(openni_text(ORDER, 3))
    (folder / 'a17_random1_15_p3.txt').write_text(openni_text(ORDER, 3) + '0 0 0\n0 0 0\n')
    with caplog.at_level(logging.WARNING):
        recordings = {r.name: r for r in load_cad60(tmp_path)}
    assert not caplog.records
    anything = recordings.pop('a17_random1_15_p3')
    assert not anything.segments and len(anything.streams['pose']) == 3
    assert {r.label for r in recordings.values()} == set(ACTIVITIES.values())


def test_damage_and_an_empty_folder_are_said(tmp_path, caplog):
    with pytest.raises(FileNotFoundError, match=r'a01_still_1_p1\.txt'):
        list(load_cad60(tmp_path))
    (tmp_path / 'a01_still_1_p1.txt').write_text('1 2 3\n1 2\n1 2 3\n')
    (tmp_path / 'a01_juggling_1_p1.txt').write_text(openni_text(ORDER, 3))
    with caplog.at_level(logging.WARNING):
        assert not list(load_cad60(tmp_path))
    assert len(caplog.records) == 2


def test_the_real_files_have_three_right_handed_people_of_four():
    recordings = list(load_cad60(real_folder('cad60')))
    assert len(recordings) == 669
    assert median_handedness(recordings) > 0.5
    right: dict[str, list[bool]] = {}
    for recording in recordings:
        if recording.label == 'drink':
            near = {
                side: np.linalg.norm(
                    joint_of(recording, f'{side}_hand') - joint_of(recording, 'head'), axis=1
                ).min()
                for side in ('left', 'right')
            }
            right.setdefault(recording.subject, []).append(bool(near['right'] < near['left']))
    assert {who: all(hands) for who, hands in right.items()} == {
        '1': True, '2': True, '3': False, '4': True,
    }  # fmt: skip
