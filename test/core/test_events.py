"""Event-wise scores on sequences short enough to be counted by hand."""

import numpy as np
import pytest

from mujo_core.evaluation.events import (
    NONE,
    Event,
    delays,
    edit_score,
    event_kinds,
    events_of,
    frame_errors,
    segmental_counts,
)


def frames(text):
    """One frame a letter, '.' for no activity."""
    return np.array([NONE if letter == '.' else ord(letter) - ord('a') for letter in text])


def both(truth, said):
    return events_of(frames(truth)), events_of(frames(said))


def test_events_are_the_runs_of_a_label():
    assert events_of(frames('.aab..bb')) == [Event(0, 1, 3), Event(1, 3, 4), Event(1, 6, 8)]
    assert events_of(frames('...')) == events_of(frames('')) == []


@pytest.mark.parametrize(
    ('truth', 'said', 'iou', 'counts'),
    [
        ('aaaa....', 'aaaa....', 0.5, (1, 0, 0)),
        ('aaaa....', '..aaaa..', 0.5, (0, 1, 1)),  # 2 of 6
        ('aaaa....', '..aaaa..', 0.25, (1, 0, 0)),
        ('aaaa....', 'bbbb....', 0.1, (0, 1, 1)),
        ('aaaaaaaa', 'aaa.aaaa', 0.1, (1, 1, 0)),  # the second piece finds the event taken
        ('aaa.aaa.', 'aaaaaaa.', 0.1, (1, 0, 1)),
        ('........', 'aa......', 0.1, (0, 1, 0)),
        ('aa..bb..', '........', 0.1, (0, 0, 2)),
        ('aaaa....', 'aaaa....', 1.0, (1, 0, 0)),
    ],
)
def test_events_found_at_a_threshold(truth, said, iou, counts):
    assert segmental_counts(*both(truth, said), iou) == counts


@pytest.mark.parametrize(
    ('truth', 'said', 'score'),
    [
        ('a.b.c', 'aaabc', 1.0),
        ('a.b.c', 'a...c', 1 - 1 / 3),
        ('a.b', 'c.d.e.f', 0.0),
        ('...', '...', 1.0),
        ('a..', '...', 0.0),
    ],
)
def test_edit_score_looks_at_the_order_alone(truth, said, score):
    assert edit_score(*both(truth, said)) == pytest.approx(score)


@pytest.mark.parametrize(
    ('truth', 'said', 'of_truth', 'of_said'),
    [
        ('.aaaa..', '..aaaa.', {'correct': 1}, {'correct': 1}),
        ('.aaaaa.', '.aa.aa.', {'fragmented': 1}, {'fragmenting': 2}),
        ('aa..aa.', 'aaaaaa.', {'merged': 2}, {'merging': 1}),
        ('aa.....', '....aa.', {'deleted': 1}, {'inserted': 1}),
        ('aa.....', 'bb.....', {'deleted': 1}, {'inserted': 1}),
        (
            'aaaa.aa', 'aa.aaaa',
            {'fragmented_and_merged': 1, 'merged': 1},
            {'fragmenting': 1, 'fragmenting_and_merging': 1},
        ),
    ],
)  # fmt: skip
def test_kinds_of_events(truth, said, of_truth, of_said):
    assert event_kinds(*both(truth, said)) == {'truth': of_truth, 'said': of_said}


@pytest.mark.parametrize(
    ('truth', 'said', 'errors'),
    [
        ('.aaaa...', '..aaaa..', {'underfill': 1, 'overfill': 1}),
        ('.aaaaa..', '.aa.aa..', {'fragmenting': 1}),
        ('.aa.aa..', '.aaaaa..', {'merge': 1}),
        ('.aa.....', '.....aaa', {'deletion': 2, 'insertion': 3}),
        ('.aaa....', '.bbb....', {'deletion': 3, 'insertion': 3}),
        ('.aa.....', '.aa.....', {}),
    ],
)
def test_wrong_frames_by_what_they_do(truth, said, errors):
    assert +frame_errors(frames(truth), frames(said)) == errors


def test_every_wrong_frame_is_counted_once_a_label():
    rng = np.random.default_rng(0)
    for _ in range(20):
        truth, said = (np.repeat(rng.integers(-1, 3, 12), rng.integers(1, 6)) for _ in range(2))
        shared = min(len(truth), len(said))
        truth, said = truth[:shared], said[:shared]
        wrong = truth != said
        expected = (wrong & (truth != NONE)).sum() + (wrong & (said != NONE)).sum()
        assert frame_errors(truth, said).total() == expected


def test_delay_until_an_event_is_said():
    truth = events_of(frames('.aaaa.bbb.cc'))
    assert delays(truth, frames('...aa.bbb...')) == [2, 0, None]
    assert delays(truth, frames('.....abbb...')) == [None, 0, None]
