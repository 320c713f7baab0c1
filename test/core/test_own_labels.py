"""What a model says with its own labels of another data set's activities."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mujo_core.evaluation.examples import Example
from mujo_core.evaluation.own_labels import Answers, meanings, own_answers
from mujo_core.evaluation.predictions import ExampleSet
from mujo_core.labels import Label, select_labels
from mujo_core.model.checkpoint import Calibration
from mujo_core.recording import Recording
from mujo_core.window import Window, WindowSpec

LABELS = {
    **select_labels(['kick', 'kick_sideways', 'walk', 'rest']),
    'swim': replace(Label('swim', 'strokes'), distractor=True),
}
"""Two that are related, one that is not, one that is no activity and one that is never said."""
NAMES = list(LABELS)
NOBODY = Window(0.0, 3.0, 3.0)


def said_of(*pairs: tuple[str, dict[str, float]], known: bool = True, **more) -> dict[str, Answers]:
    """What is made of windows: each a name, and the probability of some labels before that of
    none of them, which is little."""
    logits = np.log(np.full((len(pairs), len(NAMES)), 1e-6))
    for row, (_, likely) in zip(logits, pairs, strict=True):
        for name, share in likely.items():
            row[NAMES.index(name)] = np.log(share)
    recording = Recording('r', 'elsewhere', '1', {})
    where = ExampleSet(
        [Example(NOBODY, name, recording, place, 3.0) for place, (name, _) in enumerate(pairs)],
        'window',
        1.5,
    )
    rows = np.arange(len(pairs))
    embedding = SimpleNamespace(
        having=lambda subset: rows,
        fused=lambda subset, rows: torch.from_numpy(logits[rows]),
        familiarity=lambda subset, rows: np.ones(len(rows)),
    )
    checkpoint = SimpleNamespace(
        labels=LABELS,
        window=WindowSpec(),
        label_vectors=lambda: None,
        model=SimpleNamespace(logits=lambda vectors, texts: vectors),
        calibration={'pose': Calibration(unknown={0.05: -1e3})} if known else {},
        **more,
    )
    names = sorted({name for name, _ in pairs})
    return own_answers(checkpoint, embedding, where, ('pose',), meanings(names, checkpoint))


@pytest.mark.parametrize(
    ('name', 'met'),
    [
        ('kick', True),
        ('kick_sideways', True),
        ('walking', True),  # by another name
        ('kick_ball', True),  # a kick, whose kind cannot be said
        ('walk_slowly_home', False),
        ('swim', False),  # shown only so that nothing is said of it
        ('stand', True),  # rest is wider
    ],
)
def test_a_name_is_met_where_something_that_can_be_said_means_it(name, met):
    found = meanings([name], SimpleNamespace(labels=LABELS))
    assert (name in found) == met


@pytest.mark.parametrize('truth', ['kick', 'kick_sideways'])
@pytest.mark.parametrize('said', ['kick', 'kick_sideways'])
def test_a_wider_or_narrower_label_is_right(truth, said):
    assert said_of((truth, {said: 0.9})) == {'met': Answers(1, 1.0, 0.0, 0.0, 0.0)}


def test_another_label_is_wrong_and_surely_so_where_it_is_sure():
    found = said_of(('kick', {'walk': 0.9}), ('kick_sideways', {'walk': 0.4, 'swim': 0.6}))['met']
    # The second says a distractor before all, and so that it is none of them.
    assert found == Answers(2, 0.0, 0.5, 0.5, 0.5)


def test_a_distractor_is_none_of_them():
    found = said_of(('kick', {'swim': 0.9}), ('juggle_balls', {'swim': 0.9}))
    assert found == {
        'met': Answers(1, 0.0, 1.0, 0.0, 0.0),
        'never_met': Answers(1, 0.0, 1.0, 0.0, 0.0),
    }


def test_no_activity_is_none_where_it_is_not_the_truth():
    found = said_of(('kick', {'rest': 0.9}), ('stand', {'rest': 0.9}))['met']
    assert found == Answers(2, 0.5, 0.5, 0.0, 0.0)


def test_what_was_never_met_is_wrong_whatever_activity_is_said():
    found = said_of(('juggle_balls', {'walk': 0.9}), ('swim', {'kick': 0.9}))
    assert found == {'never_met': Answers(2, 0.0, 0.0, 1.0, 1.0)}


def test_related_labels_win_together():
    """Each kick alone is less likely than a walk; a kick it is."""
    found = said_of(('kick', {'kick': 0.35, 'kick_sideways': 0.25, 'walk': 0.4}))['met']
    assert found.right == 1.0


def test_without_a_threshold_nothing_is_said_of_none():
    assert said_of(('kick', {'kick': 0.9}), known=False)['met'].none is None
