"""Answers over time: where activities start and end, and which of them are believed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from mujo_core.evaluation.streams import STEADY, Tally, segment_answers
from mujo_core.labels import Label
from mujo_core.recognition.segmentation import BY_ITSELF, Segmenter, StreamSettings
from mujo_core.recognition.stream_filter import NEWS, ForwardFilter
from mujo_core.recording import Segment

NAMES = ['walk', 'jog', 'rest']


def labels_named(names: Sequence[str]) -> dict[str, Label]:
    return {name: Label(name, name, background=name == 'rest') for name in names}


def said(segmenter: Segmenter, labels: str, step: float = 0.1) -> list[str | None]:
    """Events of answers every `step` s from 10 s on: w, j, r and u (unknown)."""
    names = {'w': 'walk', 'j': 'jog', 'r': 'rest', 'u': 'unknown'}
    return [segmenter.update(10.0 + i * step, names[c]) for i, c in enumerate(labels)]


def test_events_say_where_an_activity_starts_goes_on_and_ends():
    segmenter = Segmenter(['rest', 'unknown'])
    expected = [None, 'start', 'continue', 'start', 'end', None, 'start', 'continue']
    assert said(segmenter, 'rwwjurjj') == expected


def test_a_reset_forgets_what_goes_on():
    segmenter = Segmenter(['rest'])
    segmenter.update(1.0, 'walk')
    segmenter.reset()
    assert segmenter.update(2.0, 'walk') == 'start'
    segmenter.reset()
    assert segmenter.update(3.0, 'rest') is None


def test_a_label_that_stands_for_too_short_changes_nothing():
    segmenter = Segmenter(['rest', 'unknown'], StreamSettings(least_duration=0.3, lag=0.0))
    events = said(segmenter, 'rrjrwwwwwjwwrwwrrrrr')
    assert events[2:7] == [None, None, None, None, None]
    assert events[7] == 'start'
    assert events[8:18] == ['continue'] * 10
    assert events[18] == 'end'
    assert segmenter.segments == pytest.approx([Segment('walk', 10.4, 11.5)])


def test_segments_are_dated_back():
    segmenter = Segmenter(['rest'], StreamSettings(least_duration=0.2, lag=1.5))
    said(segmenter, 'rwwwwjjjjrrrr')
    first, second = segmenter.segments
    assert (first.label, second.label) == ('walk', 'jog')
    assert (first.start, first.end) == pytest.approx((8.6, 9.0))
    assert (second.start, second.end) == pytest.approx((9.0, 9.4))


@pytest.mark.parametrize('name', ['dwell', 'least_duration', 'lag', 'rest'])
@pytest.mark.parametrize('value', [-1.0, 61.0, float('nan')])
def test_settings_out_of_bounds_are_named(name, value):
    with pytest.raises(ValueError, match=f'expected {name} from'):
        StreamSettings(**{name: value})


def test_filtered_scores_are_probabilities_and_keep_the_shares_of_what_is_no_activity():
    rng = np.random.default_rng(0)
    smooth = ForwardFilter([2], dwell=2.0, rest=1.0)
    for i in range(50):
        row = rng.dirichlet(np.ones(4))
        scores, unknown = smooth(i * 0.1, row[:3], row[3])
        assert scores.sum() + unknown == pytest.approx(1.0)
        assert (scores >= 0).all() and unknown >= 0
        assert scores[2] / unknown == pytest.approx(row[2] / row[3])


def test_the_filter_against_the_forward_recursion_written_out():
    smooth = ForwardFilter([2], dwell=2.0, rest=1.0)
    rows = np.array([[0.3, 0.1, 0.5, 0.1], [0.1, 0.6, 0.1, 0.2], [0.2, 0.6, 0.1, 0.1]])
    step = 1 / NEWS
    stay, quiet = np.exp(-step / 2.0), np.exp(-step / 1.0)
    out = (1 - stay) * 0.02
    move = np.array(
        [
            [stay, out, (1 - quiet) / 2],
            [out, stay, (1 - quiet) / 2],
            [(1 - stay) * 0.98, (1 - stay) * 0.98, quiet],
        ]
    )
    rested = 0.0
    state = np.full(3, 1 / 3)
    for i, row in enumerate(rows):
        scores, unknown = smooth(5.0 + step * i, row[:3], row[3])
        state = state if i == 0 else move @ state
        rested *= np.exp(-step / 1.5)
        begun = 0.8 * max(rested - row[2], 0.0) * row[3]
        rested = max(rested, row[2])
        share = begun / (row[0] + row[1])
        state = state * [row[0] * (1 + share), row[1] * (1 + share), row[2] + row[3] - begun]
        state = state / state.sum()
        seen = [row[0], row[1], row[2] + row[3]]
        expected = 0.6 * state + 0.4 * np.array(seen)
        found = [scores[0], scores[1], scores[2] + unknown]
        np.testing.assert_allclose(found, expected, atol=1e-12)


def _until_said(before: list[float]) -> int:
    """Answers until `walk` is said, after two seconds of rows `before` (walk, jog, rest, unknown)
    and then of rows that say no more than `unknown`, and walk if anything."""
    smooth = ForwardFilter([2], dwell=3.0, rest=1.5)
    for i in range(20):
        smooth(0.1 * i, np.array(before[:3]), before[3])
    for i in range(40):
        scores, unknown = smooth(2.0 + 0.1 * i, np.array([0.42, 0.03, 0.02]), 0.53)
        if scores[0] > unknown:
            return i
    return 40


def test_what_begins_after_rest_is_said_though_its_beginning_alone_looks_unknown():
    window = 30  # answers in which a window is full of it
    assert _until_said([0.02, 0.02, 0.9, 0.06]) < window
    assert _until_said([0.02, 0.02, 0.06, 0.9]) > window


def test_what_goes_on_being_unknown_after_rest_is_said_to_be_unknown():
    smooth = ForwardFilter([2], dwell=3.0, rest=1.5)
    for i in range(20):
        smooth(0.1 * i, np.array([0.02, 0.02, 0.9]), 0.06)
    for i in range(30):
        scores, unknown = smooth(2.0 + 0.1 * i, np.array([0.3, 0.03, 0.02]), 0.65)
    assert unknown > 0.65  # surer than each answer, as of anything that goes on
    assert scores[0] < 0.3


def test_filtered_scores_sum_to_one_where_nothing_is_left_for_no_activity():
    smooth = ForwardFilter([], dwell=2.0, rest=1.0)
    for stamp in (0.0, 0.2, 0.4):
        scores, unknown = smooth(stamp, np.array([1.0, 0.0]), 0.0)
        assert scores.sum() + unknown == pytest.approx(1.0)
    assert scores[0] > 0.9


def test_one_answer_of_another_kind_is_outvoted_and_many_are_not():
    smooth = ForwardFilter([2], dwell=2.0, rest=1.0)
    walk, jog = np.array([0.9, 0.03, 0.03]), np.array([0.2, 0.7, 0.05])
    for i in range(20):
        smooth(0.1 * i, walk, 0.04)
    scores, _ = smooth(2.0, jog, 0.05)
    assert scores.argmax() == 0
    for i in range(20):
        scores, _ = smooth(2.1 + 0.1 * i, jog, 0.05)
    assert scores.argmax() == 1


def test_twice_the_answers_a_second_are_no_more_news():
    found = []
    for rate in (5, 20):
        smooth = ForwardFilter([2], dwell=2.0, rest=1.0)
        for i in range(rate + 1):
            scores, _ = smooth(i / rate, np.array([0.4, 0.3, 0.1]), 0.2)
        found.append(scores)
    np.testing.assert_allclose(found[0], found[1], atol=0.06)


def test_flickering_answers_give_one_segment_where_they_are_steadied():
    rng = np.random.default_rng(1)
    stamps = np.arange(0.0, 20.0, 0.2)
    true = (stamps > 6.0) & (stamps < 11.0)
    rows = np.where(true[:, None], [0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.6, 0.2])
    flips = rng.random(len(stamps)) < 0.15
    rows[flips] = [0.1, 0.6, 0.2, 0.1]
    tallies = {}
    for settings in (BY_ITSELF, STEADY):
        segments, starts = segment_answers(
            stamps, rows[:, :3], rows[:, 3], labels_named(NAMES), ['rest'], settings
        )
        tallies[settings] = tally = Tally()
        truth = [Segment('walk', 6.0 - STEADY.lag, 11.0 - STEADY.lag)]
        tally.add(truth, segments, starts, 20.0)
    alone, steady = (tallies[s].to_dict() for s in (BY_ITSELF, STEADY))
    assert alone['said'] > 5 and alone['f1'] < 0.5
    assert steady['f1'] == 1.0
    assert steady['false_events_per_minute_at_rest'] == 0.0
    assert 1.5 <= steady['median_delay'] <= 2.5


def test_kinds_of_one_activity_give_one_segment():
    """Two kinds share what speaks for a jog, while less speaks for a walk than for either."""
    stamps = np.arange(0.0, 10.0, 0.2)
    names = ['walk', 'jog', 'jog_slowly', 'jog_fast', 'rest']
    apart = labels_named(names)
    kinds = {n: replace(w, parents=('jog',)) if '_' in n else w for n, w in apart.items()}
    scores = np.tile([0.3, 0.1, 0.25, 0.25, 0.05], (len(stamps), 1))
    unknown = np.full(len(stamps), 0.05)
    for labels, label in ((apart, 'walk'), (kinds, 'jog')):
        said, starts = segment_answers(stamps, scores, unknown, labels, ['rest'], BY_ITSELF)
        assert {segment.label for segment in said} == {label} == {name for _, name in starts}
