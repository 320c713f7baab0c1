"""MSRC-12: small files in exactly the published format, and the real ones where they are."""

import logging

import numpy as np
import pytest
from skeleton_sets import body, joint_of, median_handedness, real_folder

from mujo_core.datasets.msrc12 import LABELS, load_msrc12

ARM, LEG = ('shoulder', 'elbow', 'wrist', 'hand'), ('hip', 'knee', 'ankle', 'foot')
ORDER = ['hip_center', 'spine', 'shoulder_center', 'head'] + [
    f'{side}_{joint}' for limb in (ARM, LEG) for side in ('left', 'right') for joint in limb
]
START = 1402597474  # us


def rows(frames: int, first: int = 0) -> list[str]:
    joints = ' '.join(f'{x:f} {y:f} {z:f} 1.000000' for x, y, z in map(body, ORDER))
    return [f'{START + 33333 * (first + i)} {joints}' for i in range(frames)]


def write(folder, name, lines, seconds, words):
    ticks = [round((START / 1e6 + s) * 1e6 * 49.875) for s in seconds]
    tags = ''.join(f'{tick};{words}\r\n' for tick in ticks)
    (folder / f'{name}.csv').write_text('\n'.join(lines) + '\n')
    (folder / f'{name}.tagstream').write_text(f'XQPCTick;Tag\r\n{tags}')


def test_tags_become_segments_that_meet(tmp_path):
    write(tmp_path, 'P3_1_3A_p07', rows(301), [0.5, 2.1, 6.0, 6.1, 12.0], 'G3  Push right')
    (recording,) = load_msrc12(tmp_path)
    assert (recording.subject, recording.label) == ('7', 'swipe_right')
    assert recording.streams['pose'].stamps[[0, -1]] == pytest.approx([0.0, 9.9999])
    spans = [(s.start, s.end) for s in recording.segments]
    expected = [(0.0, 1.3), (1.3, 3.1), (4.7, 7.0)]
    assert np.array(spans) == pytest.approx(np.array(expected), abs=1e-3)
    assert joint_of(recording, 'right_hand')[0] == pytest.approx([0.25, -0.15, 2.25])
    assert joint_of(recording, 'head')[0] == pytest.approx([0, 0.6, 2.5])


def test_rows_of_nobody_and_rows_that_do_not_advance(tmp_path):
    nobody = [f'{START + 33333 * 5} ' + ' '.join(['0.000000'] * 80)]
    lines = [*rows(5), *nobody, *rows(1, first=5), *rows(3, first=2), *rows(4, first=6)]
    write(tmp_path, 'P1_1_12_p06', lines, [0.2], 'G12 Kick')
    (recording,) = load_msrc12(tmp_path.parent / tmp_path.name)
    pose = recording.streams['pose']
    assert len(pose) == 10 and (np.diff(pose.stamps) > 0).all()
    assert np.isnan(pose.values).all(axis=(1, 2)).tolist() == [i == 5 for i in range(10)]


def test_every_gesture_has_its_label_and_damage_is_named(tmp_path, caplog):
    folder = tmp_path / 'msrc12'
    folder.mkdir()
    for gesture in range(1, 13):
        write(folder, f'P1_1_{gesture}_p{gesture:02d}', rows(30), [0.5], f'G{gesture}  any words')
    write(folder, 'P1_2_1_p01', rows(30), [0.5], 'G2  Duck')
    write(folder, 'P1_2_2_p01', ['1 2 3', *rows(30)], [0.5], 'G2  Duck')
    (folder / 'P1_2_3_p01.csv').write_text('\n'.join(rows(30)))
    with caplog.at_level(logging.WARNING):
        recordings = sorted(load_msrc12(tmp_path), key=lambda r: int(r.subject))
    assert [r.label for r in recordings] == list(LABELS)
    messages = [r.getMessage() for r in caplog.records]
    assert len(messages) == 3
    assert 'P1_2_1_p01.tagstream, row 2' in messages[0] and 'P1_2_2_p01.csv, row 1' in messages[1]


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'P1_1_1_p06\.csv'):
        list(load_msrc12(tmp_path))


def test_real_pushes_go_to_the_right():
    recordings = list(load_msrc12(real_folder('msrc12')))
    assert len(recordings) == 357 and len({r.subject for r in recordings}) == 30
    assert median_handedness(recordings) > 0.5
    to_the_right = []
    for recording in recordings:
        pose = recording.streams['pose']
        hand = joint_of(recording, 'right_hand') - joint_of(recording, 'hip_center')
        for segment in recording.segments if recording.label == 'swipe_right' else ():
            inside = (pose.stamps > segment.start + 0.3) & (pose.stamps < segment.start + 1.7)
            x = hand[inside, 0]
            if len(x) and np.ptp(x) > 0.25:
                to_the_right.append(x.argmax() > x.argmin())
    assert np.mean(to_the_right) > 0.9
