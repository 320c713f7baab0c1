"""Examples, intervals and tests, retrieval and labels' words, against what is known by hand."""

from dataclasses import replace

import numpy as np
import pytest

from mujo_core.evaluation.corrupted import Answers, figures
from mujo_core.evaluation.embedding import embed_windows, subsets_of
from mujo_core.evaluation.examples import default_unit, labelled_stretches
from mujo_core.evaluation.label_texts import label_texts
from mujo_core.evaluation.low_label import Amount
from mujo_core.evaluation.missing_modality import Outage, failing_window, with_outage
from mujo_core.evaluation.predictions import Predictions, make_examples, pool
from mujo_core.evaluation.registry import Result, with_interval, with_spread
from mujo_core.evaluation.report import cell, rounded
from mujo_core.evaluation.retrieval import chance_of, figures_of, label_first, ranks
from mujo_core.evaluation.runs import join_runs
from mujo_core.evaluation.statistics import (
    bootstrap_intervals,
    compare,
    confusion,
    macro_f1,
    mcnemar,
    wilson_interval,
)
from mujo_core.evaluation.zero_shot import chance
from mujo_core.labels import taxonomy
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.training import cross_validation
from mujo_core.training.clip import make_clip
from mujo_core.training.config import read_config
from mujo_core.training.mixture.mixture import Material
from mujo_core.window import WindowSpec

SPEC = WindowSpec()


def recording(seconds: float, segments: list[Segment], name: str = 'r', seed: int = 0) -> Recording:
    """One wrist and one skeleton of random motion."""
    rng = np.random.default_rng(seed)
    imu = np.arange(round(seconds * 50) + 1) / 50
    pose = np.arange(round(seconds * 25) + 1) / 25
    body = rng.normal(size=(16, 3)) + np.cumsum(rng.normal(size=(len(pose), 16, 3)) * 0.03, axis=0)
    streams = {
        'imu/right_wrist': Stream(imu, rng.normal(size=(len(imu), 6)).astype(np.float32) + 1),
        'pose': Stream(pose, body.astype(np.float32), layout='canonical16', up=(0.0, 0.0, 1.0)),
    }
    return Recording(name, 'd', '1', streams, segments)


DAY = [Segment('walk', 0.0, 10.0), Segment('sit_down', 10.0, 12.0), Segment('walk', 14.0, 20.0)]


def test_a_recording_of_several_activities_gives_windows_of_one_each():
    where = make_examples([recording(21.0, DAY)], SPEC, unit='window', stride=1.5)
    stretches = {e.stretch.name: (e.label, e.stretch.start, e.stretch.end) for e in where.examples}
    assert [label for label, _, _ in stretches.values()] == ['walk', 'sit_down', 'walk']
    for (_, start, end), segment in zip(stretches.values(), DAY, strict=True):
        assert (start, end) == pytest.approx((segment.start, segment.end), abs=0.021)
    for example in where.examples:
        assert example.stretch.start <= example.end <= example.stretch.end
    ends = [e.end for e in where.examples if e.group == 0]
    assert ends[0] == pytest.approx(3.0) and ends[-1] == pytest.approx(10.0)


def test_labels_may_be_named_by_synonyms():
    found = labelled_stretches([recording(21.0, DAY)], list(taxonomy()))
    assert [r.label for r in found] == ['walk', 'stand_to_sit', 'walk']
    assert [r.label for r in labelled_stretches([recording(21.0, DAY)], ['sit_down'])] == [
        'sit_down'
    ]


def test_no_recording_with_the_labels_is_said():
    with pytest.raises(ValueError, match='labels out of jog; 1 recordings came'):
        make_examples([recording(21.0, DAY)], SPEC, ['jog'])


@pytest.mark.parametrize(
    ('seconds', 'unit'), [(2.0, 'recording'), (5.0, 'recording'), (60.0, 'window')]
)
def test_long_recordings_are_scored_by_windows(seconds, unit):
    assert default_unit([recording(seconds, [])], SPEC) == unit


def test_every_fold_is_judged_in_the_unit_of_all_people(tiny_checkpoint, monkeypatch):
    """Recordings of 8 s alone would be judged by windows."""
    everybody = [
        replace(recording(seconds, [Segment('walk', 0.0, seconds)], f'{who}{i}', i), subject=who)
        for who, seconds in (('1', 4.0), ('1', 4.0), ('1', 4.0), ('2', 8.0))
        for i in range(2)
    ]

    everything = [make_clip(r, 'walk', rests=True) for r in everybody]
    library = Material(everybody, everything, np.ones(len(everything)), [])

    def untrained(library, subject, seed, config):
        return tiny_checkpoint, [clip for clip in library.clips if clip.subject == subject]

    def read(data, people):
        return [r for r in everybody if r.subject in people]

    monkeypatch.setattr(cross_validation, 'train_without', untrained)
    monkeypatch.setattr(cross_validation, 'first_recordings', read)
    folds = [
        cross_validation.run_fold(library, who, 0, read_config(None), ['walk']) for who in '12'
    ]
    assert [fold.unit for fold in folds] == ['recording', 'recording']
    assert [fold.scores['imu'].n for fold in folds] == [6, 2]
    assert cross_validation.summarize(folds)['unit'] == 'recording'


def test_a_recordings_answer_is_the_mean_of_its_windows():
    days = [recording(4.0, [Segment('walk', 0.0, 4.0)], f'r{i}', i) for i in range(2)]
    where = make_examples(days, SPEC, unit='recording', stride=1.0)
    rows = np.arange(len(where.examples))
    groups = where.groups(rows)
    assert list(groups) == [0, 0, 1, 1]
    answers = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.3, 0.7]])
    found = pool(answers, rows, where, ['walk', 'jog'])
    np.testing.assert_allclose(found.probabilities, [[0.7, 0.3], [0.25, 0.75]])
    each = pool(answers, rows, replace(where, unit='window'), ['walk', 'jog'])
    np.testing.assert_allclose(each.probabilities, answers)
    assert list(each.recordings) == [0, 0, 1, 1]


def test_wilson_interval_by_hand():
    # (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) with p = 0.9, n = 10.
    assert wilson_interval(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-3)
    assert wilson_interval(10, 10)[1] == pytest.approx(1.0)


def test_mcnemar_counts_where_only_one_is_right():
    first = np.array([True] * 6 + [False] + [True] * 5)
    second = np.array([False] * 6 + [True] + [True] * 5)
    # Two-sided binomial: 2 * (C(7,0) + C(7,1)) / 2^7.
    assert mcnemar(first, second) == pytest.approx(2 * 8 / 128)
    assert mcnemar(first, first) == 1.0


def test_macro_f1_of_a_confusion_matrix_is_that_of_the_scores():
    truth, said = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 2])
    assert macro_f1(confusion(truth, said, 4)) == pytest.approx((0.8 + 0.8 + 1.0) / 3)


def test_whole_recordings_are_drawn_again():
    """Windows of one recording are all right or all wrong: they say no more than one of them."""
    right = np.tile([1, 0], 10)
    truth, said = np.ones(20, int), right
    single = bootstrap_intervals(truth, said, np.arange(20), 2)['accuracy']
    many = bootstrap_intervals(
        np.repeat(truth, 50), np.repeat(said, 50), np.repeat(np.arange(20), 50), 2
    )['accuracy']
    assert many == pytest.approx(single)
    assert single[1] - single[0] > 0.3


def test_the_difference_to_a_baseline_is_paired():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 200)
    ours = np.where(rng.random(200) < 0.9, truth, (truth + 1) % 3)
    theirs = ours.copy()
    theirs[:20] = (truth[:20] + 1) % 3
    found = compare(truth, ours, theirs, np.arange(200), 3)
    assert found.accuracy == pytest.approx((ours == truth).mean() - (theirs == truth).mean())
    assert 0 < found.accuracy_interval[0] < found.accuracy < found.accuracy_interval[1] < 0.2
    assert found.mcnemar < 1e-3
    same = compare(truth, ours, ours, np.arange(200), 3)
    assert same.macro_f1_interval == (0.0, 0.0) and same.mcnemar == 1.0


def test_ranks_by_hand_and_ties_count_against():
    gallery = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [0.6, 0.8]])
    queries = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    wanted = np.zeros((3, 4), dtype=bool)
    wanted[0, 0] = wanted[1, 0] = wanted[2, 1] = True
    found = ranks(queries, gallery, wanted)
    assert list(found) == [1, 4, 3]
    wanted[2, 3] = True
    assert ranks(queries, gallery, wanted)[2] == 2
    assert figures_of(found) == pytest.approx({
        'r_at_1': 1 / 3, 'r_at_5': 1.0, 'mrr': (1 + 1 / 4 + 1 / 3) / 3, 'median_rank': 3.0,
    })  # fmt: skip
    assert label_first(queries, gallery, np.array([0, 1, 1]), np.array([0, 1, 1, 0])) == 2 / 3


@pytest.mark.parametrize(('size', 'counts'), [(20, [1, 1]), (12, [3, 5]), (4, [1, 4])])
def test_chance_of_retrieval_is_that_of_random_orders(size, counts):
    wanted = np.array([np.arange(size) < count for count in counts])
    rng = np.random.default_rng(0)
    drawn = []
    for row in wanted:
        for _ in range(4000):
            drawn.append(1 + int(rng.permutation(row).argmax()))
    expected = figures_of(np.array(drawn))
    found = chance_of(wanted)
    for figure in ('r_at_1', 'r_at_5', 'mrr'):
        assert found[figure] == pytest.approx(expected[figure], abs=0.02)


def test_chance_of_guessing_is_that_of_blind_guesses():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2, 3], [700, 200, 50, 50])
    found = chance(truth, 4)
    blind = [macro_f1(confusion(truth, rng.integers(0, 4, 1000), 4)) for _ in range(200)]
    assert found['macro_f1'] == pytest.approx(np.mean(blind), abs=0.01)
    assert (found['accuracy'], found['commonest']) == (0.25, 0.7)


def test_words_of_labels_are_the_taxonomys_or_their_own():
    texts = label_texts(['walk', 'Jogging', 'juggle_balls'])
    assert texts['walk'] == taxonomy()['walk']
    assert texts['Jogging'].prompts == taxonomy()['jog'].prompts
    assert 'a person juggle balls' in texts['juggle_balls'].sentences
    both = label_texts(['jogging', 'running'])
    assert not set(both['jogging'].sentences) & set(both['running'].sentences)


@pytest.mark.parametrize(
    ('text', 'count'), [('1%', 10), ('10%', 100), ('100%', 1000), ('1/class', 4), ('5/class', 20)]
)
def test_amounts_of_labelled_windows(text, count):
    places = np.random.default_rng(0).permutation(np.repeat([0, 1, 2, 3], [400, 300, 200, 100]))
    amount = Amount.parse(text)
    drawn = amount.draw(places, np.random.default_rng(1))
    assert str(amount) == text
    assert len(set(drawn)) == len(drawn) == count
    shares = np.bincount(places[drawn], minlength=4)
    if '%' in text:
        np.testing.assert_allclose(shares, np.array([0.4, 0.3, 0.2, 0.1]) * count, atol=1)
    else:
        assert set(shares) == {count // 4}
    assert set(drawn) == set(amount.draw(places, np.random.default_rng(1)))
    if count < 1000:
        assert set(drawn) != set(amount.draw(places, np.random.default_rng(2)))


@pytest.mark.parametrize('text', ['0%', '101%', 'many', '5', '0/class', '2.5/class', '1/subject'])
def test_an_amount_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match='2% or 5/class'):
        Amount.parse(text)


def test_a_sensor_that_is_silent_for_a_while_leaves_a_hole_there_alone():
    walk = make_examples([recording(9.0, [Segment('walk', 0.0, 9.0)])], SPEC, unit='window')
    example = walk.examples[2]
    assert example.end == pytest.approx(6.0)
    whole = failing_window(example, 'imu', Outage('never', 0.0, 0.0), SPEC)
    np.testing.assert_allclose(
        whole.imu['right_wrist'], example.window.imu['right_wrist'], atol=1e-4
    )
    np.testing.assert_allclose(whole.pose.joints, example.window.pose.joints, atol=1e-4)
    back = failing_window(example, 'imu', Outage('hole', 0.25, 0.75), SPEC)
    mask = back.imu_mask['right_wrist']
    assert mask[:36].all() and not mask[39:111].any() and mask[114:].all()
    np.testing.assert_allclose(back.pose.joints, whole.pose.joints)
    lost = failing_window(example, 'pose', Outage('lost', 0.5, 1.0), SPEC)
    assert lost.pose.mask[:36].all() and not lost.pose.mask[39:].any()
    assert lost.imu_mask['right_wrist'].all()
    assert lost.end == pytest.approx(whole.end)


def test_a_sensor_that_never_was_is_as_the_subset_without_it(tiny_checkpoint):
    walk = make_examples([recording(5.0, [Segment('walk', 0.0, 5.0)])], SPEC, unit='window')
    gone = failing_window(walk.examples[0], 'pose', Outage('gone', 0.0, 1.0), SPEC)
    assert gone.pose is None
    whole = embed_windows(tiny_checkpoint, [walk.examples[0].window])
    part = embed_windows(tiny_checkpoint, [gone])
    assert not part.present['pose'].any()
    alone = whole.fused(['imu'], np.array([0])).numpy()
    np.testing.assert_allclose(part.fused(['pose', 'imu'], np.array([0])), alone, atol=1e-5)


def test_an_outage_of_one_modality_leaves_the_others():
    whole = recording(4.0, [])
    cut = with_outage(whole, 'pose', 1.0, 2.0)
    assert len(cut.streams['imu/right_wrist']) == 201
    assert len(cut.streams['pose']) == 101 - 26
    assert 'pose' not in with_outage(whole, 'pose', -1.0, 9.0).streams


def test_each_subset_is_the_fusion_of_its_modalities(tiny_checkpoint, make_window):
    windows = [make_window(0, imu=['right_wrist']), make_window(1), make_window(2, 0.0, ['head'])]
    found = embed_windows(tiny_checkpoint, windows)
    assert subsets_of(found.modalities) == [('pose',), ('imu',), ('pose', 'imu')]
    assert list(found.having(['pose'])) == [0, 1]
    assert list(found.having(['imu'])) == [0, 2]
    assert list(found.having(['pose', 'imu'])) == [0]
    both = embed_windows(tiny_checkpoint, windows[:1]).fused(['pose', 'imu'], np.array([0]))
    np.testing.assert_allclose(found.fused(['pose', 'imu'], np.array([0])), both, atol=1e-5)
    assert float(both.norm()) == pytest.approx(1.0, abs=1e-5)


def test_a_figure_is_rounded_once():
    """70 of 108 are 0.648148: by way of 0.64815 it would be printed as 0.6482."""
    truth = np.zeros(108, int)
    said = np.repeat([0, 1], [70, 38])
    predictions = Predictions(
        ['walk', 'jog'], np.eye(2)[said], truth, np.arange(108), np.full(108, '1')
    )
    corrupted = figures(Answers(said, said, np.arange(108)), truth, 2)
    for found in (predictions.scores().to_dict(), corrupted, predictions.spread()['subjects']['1']):
        assert cell(found['accuracy']) == with_interval(found['accuracy'], (0, 1))[:6] == '0.6481'
        assert rounded([{'accuracy': found['accuracy']}]) == [{'accuracy': 0.648148}]
    assert cell(0.1 + 0.2 - 0.3) == '0.0000' and cell(3e-7) == '3e-07'


def test_one_value_has_no_spread():
    assert with_spread(0.648148, 0.0, 1) == '0.6481'
    assert with_spread(0.648148, 0.0, 2, digits=3) == '0.648 ± 0.000'


def test_runs_of_several_seeds_give_mean_and_spread():
    def run(name: str, *macro: float) -> Result:
        subsets = {'imu': {'accuracy': 0.5, 'macro_f1': macro[0], 'ece': 0.1, 'who': 'x'}}
        curve = [{'value': v} for v in macro]
        return Result(
            {'dataset': 'd', 'split': 's', 'subjects': [1, 5], 'recordings': 2, 'checkpoint': name,
             'subjects_trained_on': [5] if name == 'b' else [], 'subsets': subsets,
             'curve': curve}, []
        )  # fmt: skip

    one = run('a', 0.5, 0.1)
    assert join_runs([one]) is one
    joined = join_runs([one, run('b', 0.7, 0.3)])
    assert joined.data['checkpoint'] == ['a', 'b']
    assert joined.data['subjects_trained_on'] == [5]
    assert [run['subjects_trained_on'] for run in joined.data['runs']] == [[], [5]]
    found = joined.data['over_checkpoints']
    assert 'subjects_trained_on' not in found  # there is no mean of people
    macro_f1 = found['subsets']['imu']['macro_f1']
    assert (macro_f1['mean'], macro_f1['std']) == pytest.approx((0.6, 0.1))
    assert macro_f1['values'] == [0.5, 0.7]
    assert found['subsets']['imu']['who'] == 'x'
    assert [point['value']['mean'] for point in found['curve']] == pytest.approx([0.6, 0.2])
    assert joined.tables[0].rows == [
        ['imu', '0.5000 ± 0.0000', '0.6000 ± 0.1000', '0.1000 ± 0.0000']
    ]
