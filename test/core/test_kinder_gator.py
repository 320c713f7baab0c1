"""Kinder-Gator: small files in exactly the published format, and the real ones where they are."""

import logging

import numpy as np
import pytest
from skeleton_sets import body, median_handedness, real_folder

from mujo_core.datasets.kinder_gator import load_kinder_gator

ARM, LEG = ('Shoulder', 'Elbow', 'Wrist', 'Hand'), ('Hip', 'Knee', 'Ankle', 'Foot')
NAMES = ['HipCenter', 'Spine', 'ShoulderCenter', 'Head'] + [
    f'{joint}{side}' for limb in (ARM, LEG) for side in ('Left', 'Right') for joint in limb
]
HEADER = 'Timestamp,' + ','.join(f'{n}{axis}' for n in NAMES for axis in 'XYZ') + ',User-ID,Action,'
RATE = 30


def standing(frames: int) -> np.ndarray:
    """A body that stands, in the order of the files."""
    names = ['hip_center', 'spine', 'shoulder_center', 'head'] + [
        f'{s}_{j.lower()}' for limb in (ARM, LEG) for s in ('left', 'right') for j in limb
    ]
    return np.repeat(np.array([body(name) for name in names])[None], frames, axis=0)


def lift(xyz: np.ndarray, side: str, amount: np.ndarray, to: np.ndarray) -> None:
    """Take an arm's joints towards `to` (relative to the shoulder) by 0..1 in each frame."""
    shoulder = xyz[0, NAMES.index(f'Shoulder{side}')]
    for share, joint in ((0.5, 'Elbow'), (0.9, 'Wrist'), (1.0, 'Hand')):
        place = NAMES.index(f'{joint}{side}')
        target = shoulder + share * to
        xyz[:, place] += amount[:, None] * (target - xyz[:, place])


def write(path, xyz: np.ndarray, who: str, words: str) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    rows = [
        f'{36831130.1807 + 1000 / RATE * i:.4f},'
        + ','.join(f'{value:.4f}' for value in frame.ravel())
        + f',{who},{words},'
        for i, frame in enumerate(xyz)
    ]
    path.write_text('\n'.join([HEADER, *rows]) + '\n')


def t_pose_then_raise(side: str = 'Right', across: float = 0.0) -> np.ndarray:
    """T pose to 1 s, arms down by 1.5 s, still to 3 s, an arm up by 3.5 s, down by 5.5 s, still."""
    t = np.arange(7 * RATE) / RATE
    xyz = standing(len(t))
    down = np.clip((1.5 - t) / 0.5, 0, 1)
    for each, sign in (('Left', -1), ('Right', 1)):
        lift(xyz, each, down, np.array([sign * 0.6, 0.0, 0.0]))
    up = np.clip(np.minimum((t - 3) / 0.5, (5.5 - t) / 0.5), 0, 1)
    lift(xyz, side, up, np.array([0.0, 0.4, -0.4]))
    arm = [NAMES.index(f'{joint}{side}') for joint in ('Wrist', 'Hand')]
    xyz[:, arm, 0] += (up * across * np.clip(t - 4, 0, 1))[:, None]
    return xyz


def test_the_segment_leaves_the_t_pose_and_the_rest_out(tmp_path):
    name = 'Adults/POSE-p565_01-Raise-your-hand-1469182439786.csv'
    write(tmp_path / name, t_pose_then_raise(), '565', 'Raise-your-hand')
    (recording,) = load_kinder_gator(tmp_path)
    assert recording.name == 'p565_01-Raise-your-hand-1469182439786'
    assert (recording.subject, recording.label) == ('565', 'raise_hand')
    (segment,) = recording.segments
    assert segment.start == pytest.approx(2.75, abs=0.2)
    assert segment.end == pytest.approx(5.75, abs=0.2)
    assert recording.streams['pose'].stamps[[0, -1]] == pytest.approx([0.0, 209 / 30], abs=1e-3)


@pytest.mark.parametrize(('across', 'label'), [(-0.5, 'swipe_left'), (0.5, 'swipe_right')])
def test_a_swipe_is_labelled_by_where_the_hand_goes(tmp_path, across, label):
    words = 'Swipe-across-an-imaginary-screen-in-front-of-you-from-right-to-left'
    write(tmp_path / f'POSE-p103_11-{words}-1.csv', t_pose_then_raise('Left', across), '103', words)
    (recording,) = load_kinder_gator(tmp_path)
    assert recording.label == label


@pytest.mark.parametrize(
    ('words', 'label'),
    [
        ('Raise-your-arm-to-the-other-side', 'raise_arm_sideways'),
        ('Run-in-place', 'jog'),
        ('Run-in-place-as-fast-as-you-can', 'run_fast'),
        ('Walk-in-place-as-fast-as-you-can', 'walk'),
        ('Put-your-hands-on-your-hips-and-lean-to-the-side', 'side_bend'),
        ('Draw-the-letter-X', 'draw_x'),
        ('Draw-the-letter-K', 'draw_letter'),
        ('Make-the-letter-X', 'body_letter'),
        ('Throw-a-ball-', 'throw'),
        ('Climb-and-imaginary-ladder', 'climb_ladder'),
    ],
)
def test_words_tell_the_label(tmp_path, words, label):
    path = tmp_path / f'kinder_gator/Children/POSE-p103_50-{words}-1454944060999.csv'
    write(path, t_pose_then_raise(), '103', words)
    (recording,) = load_kinder_gator(tmp_path / 'kinder_gator')
    assert recording.label == label


def test_repeated_stamps_and_damage(tmp_path, caplog):
    name = tmp_path / 'POSE-p103_05-Bow-1.csv'
    write(name, t_pose_then_raise(), '103', 'Bow')
    lines = name.read_text().splitlines()
    name.write_text('\n'.join([*lines[:50], lines[49], *lines[50:]]))
    (tmp_path / 'POSE-p103_05-Bow-2.csv').write_text('\n'.join([*lines[:9], '1,2', *lines[9:]]))
    (tmp_path / 'POSE-p103_99-Juggle-3.csv').write_text('\n'.join(lines))
    with caplog.at_level(logging.WARNING):
        (recording,) = load_kinder_gator(tmp_path)
    assert len(recording.streams['pose']) == 210
    messages = [r.getMessage() for r in caplog.records]
    assert 'Bow-2.csv, row 10' in messages[0] and 'Juggle' in messages[1]


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match='POSE-p565_03'):
        list(load_kinder_gator(tmp_path))


def test_the_real_files_have_their_sides_and_segments():
    recordings = list(load_kinder_gator(real_folder('kinder_gator')))
    assert len(recordings) == 1159 and len({r.subject for r in recordings}) == 20
    assert median_handedness(recordings[::10]) > 0.9
    seconds = [s.end - s.start for r in recordings for s in r.segments]
    assert len(seconds) > 1140 and 2.0 < np.median(seconds) < 5.0
    assert np.median([s.start for r in recordings for s in r.segments]) > 0.5
