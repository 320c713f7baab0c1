"""PRECOG 2016: small files in exactly the published format, and the real ones where they are."""

import logging

import numpy as np
import pytest
from skeleton_sets import body, joint_of, median_handedness, median_torso, real_folder

from mujo_core.datasets.precog16 import load_precog16

HEADER = (
    'HipCenter; Spine; ShoulderCenter; Head; ShoulderLeft; ElbowLeft; WristLeft; HandLeft; '
    'ShoulderRight; ElbowRight; WristRight; HandRight; HipLeft; KneeLeft; AnkleLeft; FootLeft; '
    'HipRight; KneeRight; AnkleRight; FootRight'
)
ARM, LEG = ('shoulder', 'elbow', 'wrist', 'hand'), ('hip', 'knee', 'ankle', 'foot')
ORDER = ['hip_center', 'spine', 'shoulder_center', 'head'] + [
    f'{side}_{joint}' for limb in (ARM, LEG) for side in ('left', 'right') for joint in limb
]
BODY = ';'.join(f'{x:g} {y:g} {z:g}' for x, y, z in map(body, ORDER))


def text(*codes: int) -> str:
    return '\n'.join([HEADER, *(f'{BODY};{code}' for code in codes)]) + '\n'


def test_codes_become_segments_without_flicker(tmp_path):
    codes = (
        [0] * 10 + [1] * 10 + [0] + [1] * 10 + [2] * 12 + [0] * 3 + [8] * 5 + [0, 5, 0] + [7] * 15
    )
    (tmp_path / 'Seq6_12.csv').write_text(text(*codes))
    (recording,) = load_precog16(tmp_path)
    assert (recording.name, recording.subject) == ('Seq6_12', '12')
    spans = [(s.label, round(s.start * 30), round(s.end * 30)) for s in recording.segments]
    assert spans == [('punch', 10, 30), ('punch', 31, 42), ('back_fist', 54, 68)]
    assert joint_of(recording, 'left_hand')[0] == pytest.approx([-0.25, -0.15, 2.25])
    assert joint_of(recording, 'head')[0] == pytest.approx([0, 0.6, 2.5])


def test_every_code_and_every_folder(tmp_path):
    for folder in (tmp_path / 'Dataset/CSV', tmp_path / 'precog16/Dataset/CSV'):
        folder.mkdir(parents=True)
        codes = [code for code in range(9) for _ in range(12)]
        (folder / 'Seq1_1.csv').write_text(text(*codes))
    for root in (tmp_path, tmp_path / 'Dataset', tmp_path / 'precog16'):
        (recording,) = load_precog16(root)
        assert [s.label for s in recording.segments] == [
            'punch', 'punch', 'kick_forward', 'kick_forward', 'kick_sideways', 'kick_sideways',
            'back_fist', 'elbow_strike',
        ]  # fmt: skip


def test_damage_nobody_and_an_empty_folder_are_said(tmp_path, caplog):
    with pytest.raises(FileNotFoundError, match=r'Seq1_1\.csv'):
        list(load_precog16(tmp_path))
    (tmp_path / 'Seq1_1.csv').write_text(text(0, 0).replace(';0', ';none', 1))
    (tmp_path / 'Seq2_10.csv').write_text(f'{HEADER}\n' + f'{";".join(["0 0 0"] * 20)};1\n' * 20)
    (tmp_path / 'Seq3_1.csv').write_text(text(0, 0))
    with caplog.at_level(logging.WARNING):
        assert [r.name for r in load_precog16(tmp_path)] == ['Seq3_1']
    messages = [r.getMessage() for r in caplog.records]
    assert 'Seq1_1.csv, row 2' in messages[0] and 'expected a person' in messages[1]


def test_the_codes_of_the_real_files_move_their_limb():
    recordings = list(load_precog16(real_folder('precog16')))
    assert len(recordings) == 70 and len({r.subject for r in recordings}) == 12
    assert median_handedness(recordings) > 0.5
    assert 0.35 < median_torso(recordings) < 0.6
    lifted: dict[str, list[float]] = {'kick_forward': [], 'punch': []}
    for recording in recordings:
        stamps = recording.streams['pose'].stamps
        feet = np.maximum(joint_of(recording, 'left_foot'), joint_of(recording, 'right_foot'))[:, 1]
        for segment in recording.segments:
            if segment.label in lifted:
                inside = (stamps >= segment.start) & (stamps <= segment.end)
                lifted[segment.label].append(float(np.ptp(feet[inside])))
    assert np.median(lifted['kick_forward']) > 3 * np.median(lifted['punch'])
