"""Truth and answers on one grid, and what is refused as truth."""

import numpy as np
import pytest

from mujo_core.evaluation.agreement import agreement, read_answers
from mujo_core.evaluation.track import HOLD, check_truth, make_track, score_track
from mujo_core.recording import Segment

LABELS = ('walk', 'squat', 'wave')
TRUTH = [Segment('walk', 1.0, 3.0), Segment('squat', 4.0, 6.0)]


def answers(*spans, step=0.1):
    """(stamp, label) every `step` seconds of (start, end, label) spans."""
    return [(float(t), label) for a, b, label in spans for t in np.arange(a, b - 1e-9, step)]


def test_a_perfect_run_scores_one():
    said = answers((0, 1, 'rest'), (1, 3, 'walk'), (3, 4, 'unknown'), (4, 6, 'squat'), (6, 8, ''))
    scores = score_track(make_track(TRUTH, said, LABELS, 8.0, 10.0))
    assert scores['frames']['accuracy'] == scores['frames']['macro_f1'] == 1.0
    assert all(of['f1'] == 1.0 for of in scores['events']['iou'].values())
    assert scores['events']['edit'] == 1.0
    assert scores['events']['delay'] | {'max': 0.0} == scores['events']['delay']
    assert scores['events']['true_events'] == {'correct': 2}
    assert sum(scores['events']['error_seconds'].values()) == 0.0


def test_figures_of_a_late_run():
    said = answers((1.5, 3.5, 'walk'), (4.0, 5.0, 'wave'), (5.0, 6.0, 'squat'), (6.0, 8.1, 'rest'))
    scores = score_track(make_track(TRUTH, said, LABELS, 8.0, 10.0))
    frames, events = scores['frames'], scores['events']
    walk = frames['per_class']['walk']
    # The last answer stands on until the next one comes: 3.4 is held to before 3.9 s and no more.
    assert walk['recall'] == 0.75 and walk['precision'] == pytest.approx(15 / 24, abs=0.03)
    assert frames['per_class']['squat'] == {
        'precision': 1.0, 'recall': 0.5, 'f1': pytest.approx(2 / 3, abs=1e-4), 'frames': 20,
    }  # fmt: skip
    assert frames['per_class']['wave']['f1'] == 0.0
    assert events['iou']['0.50']['recall'] == 1.0
    assert events['iou']['0.50']['precision'] == pytest.approx(2 / 3, abs=1e-4)
    assert events['delay']['median'] == pytest.approx(0.75)
    assert events['said_events'] == {'correct': 2, 'inserted': 1}
    counts = np.array(scores['confusion']['counts'])
    assert counts.sum() == frames['count'] == 81
    assert counts[1, 2] == 10  # squat taken for wave
    assert scores['confusion']['labels'][-1] == 'none'


def test_silence_is_no_activity_once_the_last_answer_is_old():
    track = make_track(TRUTH, answers((1.0, 1.1, 'walk')), LABELS, 3.0, 10.0)
    assert np.flatnonzero(track.said == 0) / 10 == pytest.approx(np.arange(10, 16) / 10)
    assert HOLD == 0.5


def test_of_two_answers_for_one_stamp_the_last_counts():
    track = make_track(TRUTH, [(1.0, 'walk'), (1.0, 'wave')], LABELS, 3.0, 10.0)
    assert track.said[10] == 2


@pytest.mark.parametrize(
    ('truth', 'parts'),
    [
        ([Segment('moonwalk', 1, 2)], ('moonwalk', 'squat')),
        ([Segment('walk', 8, 12)], ('10.0 s', '12.0')),
        ([Segment('walk', -5, 2)], ('-5.0',)),
        ([Segment('walk', 1, 3), Segment('squat', 2, 4)], ('one activity at a time', '2.0')),
    ],
)
def test_truth_that_cannot_be_scored(truth, parts):
    with pytest.raises(ValueError, match=parts[0]) as caught:
        check_truth(truth, LABELS, {'rest'}, 10.0)
    assert all(part in str(caught.value) for part in parts)
    assert '\n' not in str(caught.value)


def test_truth_may_name_the_background():
    check_truth([Segment('rest', 0, 1), Segment('walk', 1, 2)], LABELS, {'rest'}, 10.0)


def test_agreement_holds_each_answer_against_the_nearest():
    one = [(1.00, 'walk'), (1.10, 'walk'), (1.20, 'squat'), (9.0, 'walk')]
    other = [(1.22, 'squat'), (0.98, 'walk'), (1.11, 'wave')]
    found = agreement(one, other, 0.05)
    assert (found['compared'], found['alone']) == (3, 1)
    assert found['share'] == pytest.approx(2 / 3)
    assert found['differ'] == [[1.10, 'walk', 'wave']]
    assert agreement(one, [], 0.05)['share'] is None


def test_a_file_of_answers_that_is_none_is_named_by_line(tmp_path):
    file = tmp_path / 'activity.jsonl'
    file.write_text('{"stamp": 1.0, "label": "walk"}\n{"stamp": "x"}\n')
    with pytest.raises(ValueError, match='line 2'):
        read_answers(file)
