"""An activity taught by showing: told apart at once, kept in a readable file, undone."""

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from mujo_core.cli.main import main
from mujo_core.labels import Label
from mujo_core.model.checkpoint import load_checkpoint, save_checkpoint
from mujo_core.recognition.distinction import details_of
from mujo_core.recognition.label_space import make_label_space
from mujo_core.recognition.recognizer import Recognizer
from mujo_core.recognition.taught import default_file, forget, load_taught, save_taught
from mujo_core.recognition.teaching import encode, example_windows, label_named, show
from mujo_core.recognition.vocabulary import Vocabulary


@pytest.fixture(scope='module')
def checkpoint(encoder):
    """Trained without the person whose recordings are shown here, and without these labels."""
    full = load_checkpoint(Path(__file__).parents[1] / 'data' / 'without_subject_7')
    kept = [n for n in full.labels if n not in ('jog', 'squat')]
    rows = [list(full.labels).index(n) for n in kept]
    labels = {n: full.labels[n] for n in kept}
    return replace(full, labels=labels, sentences=full.sentences[rows])


@pytest.fixture(scope='module')
def clips(clips_in_sequence):
    """Recordings of one person by label."""
    found = {}
    for label in ('jog', 'squat', 'wave', 'boxing'):
        sequence = clips_in_sequence([label], 1.0)
        segment = sequence.segments[0]
        found[label] = sequence.cut(segment.start, segment.end)
    return found


@pytest.fixture(scope='module')
def lesson(checkpoint, clips, encoder):
    windows = example_windows(clips['jog'], checkpoint)
    return show(checkpoint, {}, Label('jog_on_the_spot', 'jog'), windows, 'clip 1')


def best(checkpoint, space, recording, subset):
    """The label whose vector is nearest to a recording's, seen by a subset of modalities."""
    vectors = encode(checkpoint, example_windows(recording, checkpoint))[subset]
    return space.names[int((vectors @ space.vectors(subset).numpy().T).mean(axis=0).argmax())]


@pytest.mark.parametrize('subset', ['pose', 'imu', 'pose+imu'])
def test_one_showing_is_known_by_every_sensor_and_takes_nothing_else(
    checkpoint, clips, lesson, subset
):
    space = make_label_space(checkpoint, taught=lesson.taught)
    assert space.names == (*checkpoint.labels, 'jog_on_the_spot')
    assert best(checkpoint, space, clips['jog'], subset) == 'jog_on_the_spot'
    for other in ('wave', 'boxing', 'squat'):
        assert best(checkpoint, space, clips[other], subset) != 'jog_on_the_spot'


def test_a_label_taught_by_one_sensor_is_known_by_the_other(checkpoint, clips):
    windows = example_windows(clips['squat'].only(['pose']), checkpoint)
    lesson = show(checkpoint, {}, Label('crouch', 'crouch'), windows, 'pose alone')
    assert lesson.taught['crouch'].subsets == ['pose']
    space = make_label_space(checkpoint, taught=lesson.taught)
    vectors = space.vectors('imu').numpy()
    assert np.linalg.norm(vectors[-1]) > 0.3
    assert best(checkpoint, space, clips['squat'], 'pose+imu') == 'crouch'


def test_a_showing_of_what_is_known_collides_with_it(checkpoint, clips, lesson):
    windows = example_windows(clips['jog'], checkpoint)
    second = show(checkpoint, lesson.taught, Label('run', 'run'), windows, 'the same clip')
    collision = second.collisions['pose+imu']
    assert collision.nearest == 'jog_on_the_spot'
    assert collision.similarity > 0.95
    assert collision.collides
    assert (collision.said, collision.said_share) == ('jog_on_the_spot', 1.0)
    apart = lesson.collisions['pose+imu']
    assert not apart.collides and apart.own > apart.similarity
    json.dumps(second.to_dict())


def test_a_showing_of_what_is_known_by_text_is_said_to_be_that(checkpoint, clips):
    windows = example_windows(clips['boxing'], checkpoint)
    collision = show(checkpoint, {}, Label('fight', 'hi'), windows, 'clip').collisions['pose+imu']
    assert (collision.said, collision.said_share, collision.taken) == ('boxing', 1.0, 0.0)
    assert collision.collides


def test_more_examples_are_joined_and_held_against_each_other(checkpoint, clips, lesson):
    windows = example_windows(clips['squat'], checkpoint)
    words = lesson.taught['jog_on_the_spot'].label
    second = show(checkpoint, lesson.taught, words, windows, 'another thing')
    assert [e.source for e in second.taught['jog_on_the_spot'].examples] == [
        'clip 1',
        'another thing',
    ]
    assert second.collisions['pose'].own < lesson.collisions['pose'].own - 0.1
    assert len(lesson.taught['jog_on_the_spot'].examples) == 1


def test_a_file_gives_back_what_it_was_given_and_forgets(checkpoint, lesson, tmp_path):
    file = tmp_path / 'deep' / 'taught.yaml'
    save_taught(lesson.taught, file)
    back = load_taught(file)
    assert yaml.safe_load(file.read_text())['labels']['jog_on_the_spot']['description'] == 'jog'
    ours, theirs = (
        make_label_space(checkpoint, taught=taught).vectors('imu').numpy()
        for taught in (lesson.taught, back)
    )
    np.testing.assert_array_equal(ours, theirs)
    assert forget(back, 'jog_on_the_spot') == {}
    with pytest.raises(ValueError, match=r"\(jog_on_the_spot\), 'jog' came"):
        forget(back, 'jog')


@pytest.mark.parametrize(
    ('spoil', 'line'),
    [
        (lambda text: text.replace('format: 2', 'format: 9'), 'of format 1 or 2, format 9 came'),
        (lambda text: text[: len(text) // 2], 'taught.yaml'),
        (lambda text: text.replace('pose+imu: ', 'pose+imu: !'), 'taught.yaml'),
        (lambda text: text.replace('windows: ', 'w: '), 'is damaged'),
        (lambda text: '', 'of format 1 or 2, format None came'),
    ],
)
def test_a_damaged_file_is_named_in_one_line(lesson, tmp_path, spoil, line):
    file = tmp_path / 'taught.yaml'
    save_taught(lesson.taught, file)
    file.write_text(spoil(file.read_text()))
    with pytest.raises(ValueError, match=line) as caught:
        load_taught(file)
    assert len(str(caught.value).splitlines()) == 1


def test_examples_of_another_model_are_refused(tiny_checkpoint, lesson):
    with pytest.raises(ValueError, match='was taught to another model'):
        make_label_space(tiny_checkpoint, taught=lesson.taught)


def test_a_recognizer_learns_what_it_was_just_shown(checkpoint, clips, tmp_path):
    recognizer = Recognizer(checkpoint)
    clip = clips['squat']
    with pytest.raises(ValueError, match='expected a window with data'):
        recognizer.teach('crouch')
    for name, stream in clip.streams.items():
        for stamp, values in zip(stream.stamps, stream.values, strict=True):
            if name == 'pose':
                recognizer.add_pose(100 + stamp, values, stream.layout)
            else:
                recognizer.add_imu(name.partition('/')[2], 100 + stamp, values)
    assert recognizer.recognize().label != 'crouch'
    with pytest.raises(ValueError, match='expected the name of an activity'):
        recognizer.teach('!!!')
    lesson = recognizer.teach('Crouch', 'squat', seconds=4.0)
    assert set(lesson.collisions) == {'pose', 'imu', 'pose+imu'}
    assert recognizer.recognize().label == 'crouch'
    save_taught(recognizer.taught, tmp_path / 'taught.yaml')
    assert Recognizer(checkpoint, taught=tmp_path / 'taught.yaml').settings.labels[-1] == 'crouch'
    recognizer.forget('crouch')
    assert recognizer.settings.labels == tuple(checkpoint.labels)
    assert recognizer.recognize().label != 'crouch'


def test_a_name_keeps_the_words_it_has(checkpoint):
    assert label_named(checkpoint, 'Wave') is checkpoint.labels['wave']
    assert label_named(checkpoint, 'Wipe the table').name == 'wipe_the_table'
    assert label_named(checkpoint, 'wave', 'hello').description == 'hello'


def test_where_it_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_DATA_HOME', str(tmp_path))
    assert default_file(None) == tmp_path / 'mujo_ros' / 'taught.yaml'
    assert default_file('model') == Path('model/taught.yaml')


@pytest.mark.usefixtures('encoder')
def test_the_verb_teaches_lists_and_forgets(checkpoint, data_dir, tmp_path, capsys):
    save_checkpoint(checkpoint, tmp_path / 'model')
    root = tmp_path / 'own'
    root.mkdir()
    shutil.copy(data_dir / 'utd_mhad_a22_s7_t1_jog.npz', root / 'jog.npz')
    shutil.copy(root / 'jog.npz', root / 'two.npz')
    rows = 'recording,subject,label,start,end', 'jog,7,jog,,', 'two,7,jog,0,1.5', 'two,7,walk,1.5,3'
    (root / 'manifest.csv').write_text('\n'.join(rows) + '\n')
    there = ['--checkpoint', str(tmp_path / 'model')]
    showing = ['--dataset', 'folder', '--root', str(root), '--recording', 'j*']
    report = tmp_path / 'report.json'
    command = ['teach', 'walk fast', '--description', 'walk', *showing, *there]
    assert main([*command, '--from', '0', '1', '--to', '2.5', '3.5', '--json', str(report)]) == 0
    said = json.loads(report.read_text())
    assert said['label'] == 'walk_fast'
    assert said['examples'] == ['jog 0.0-2.5 s', 'jog 1.0-3.2 s']  # where it ends
    assert set(said['subsets']) == {'pose', 'imu', 'pose+imu'}
    assert said['file'] == str(tmp_path / 'model' / 'taught.yaml')
    assert main(['teach', '--list', *there]) == 0
    assert 'walk_fast' in capsys.readouterr().out
    for bad, line in (
        (['teach', 'x', *there], 'either --bag BAG or --dataset'),
        (['teach', 'x', *showing, '--from', '3', '--to', '2', *there], '--from before --to'),
        (['teach', 'x', *showing, '--from', '90', '--to', '95', *there], 'which lasts from'),
        (['teach', 'x', *showing, '--from', '1', *there], 'as many --from as --to'),
        (['teach', 'x', *showing, '--from', '1', '--to', 'inf', *there], '--from before --to'),
        (['teach', 'x', *showing, 'k*', *there], 'recordings called k* under'),
        (['teach', 'x', *showing, 'two', *there], 'two shows 2 activities, of which the first is'),
        (['teach', 'x', '--bag', 'b', '--recording', 'j*', *there], 'with --dataset alone'),
        (['teach', 'walk fast', '--description', 'run', *showing, *there], 'or forget it first'),
        (['teach', '--list', '--forget', *there], 'either --list or --forget'),
        (['teach', '--list', '--file', str(tmp_path / 'none.yaml'), *there], 'is not there'),
        (['teach', 'squat', '--forget', *there], r"'squat' came"),
    ):
        assert main(bad) == 2
        error = capsys.readouterr().err
        assert line in error and len(error.splitlines()) == 1
    assert main(['teach', 'walk fast', '--forget', *there]) == 0
    assert load_taught(tmp_path / 'model' / 'taught.yaml') == {}


@pytest.mark.usefixtures('encoder')
def test_the_line_on_how_to_undo_it_undoes_it(checkpoint, data_dir, tmp_path, capsys):
    save_checkpoint(checkpoint, tmp_path / 'my model')
    shutil.copy(data_dir / 'utd_mhad_a22_s7_t1_jog.npz', tmp_path / 'jog.npz')
    (tmp_path / 'manifest.csv').write_text('recording,subject,label,start,end\njog,7,jog,,\n')
    file = tmp_path / 'kept here.yaml'
    there = ['--checkpoint', str(tmp_path / 'my model'), '--file', str(file)]
    showing = ['--dataset', 'folder', '--root', str(tmp_path), '--recording', 'jog']
    assert main(['teach', 'walk fast', *showing, *there]) == 0
    assert list(load_taught(file)) == ['walk_fast']
    undo = shlex.split(capsys.readouterr().out.partition('undo: ')[2])
    assert undo[0] == 'mujo' and main(undo[1:]) == 0
    assert load_taught(file) == {}


def test_a_synonym_is_the_label_it_stands_for(checkpoint):
    assert label_named(checkpoint, 'Walking') == checkpoint.labels['walk']
    assert label_named(checkpoint, 'walking', 'a slow walk').name == 'walking'


def test_what_is_nearly_a_known_name_is_taught_with_a_description_alone(checkpoint, clips):
    """Else a slip in the second example of an activity would make another one of it."""
    windows = example_windows(clips['jog'], checkpoint)
    vocabulary = Vocabulary(checkpoint)
    vocabulary.teach('Sip Tea', windows, 'clip', 'a person drinks tea')
    for slip, meant in (('wavee', 'wave'), ('sip the tea', 'sip_tea')):
        with pytest.raises(ValueError, match=f'did you mean {meant!r}'):
            vocabulary.teach(slip, windows, 'clip')
    assert (
        list(vocabulary.taught) == ['sip_tea'] and len(vocabulary.taught['sip_tea'].examples) == 1
    )
    vocabulary.teach('sip the tea', windows, 'clip', 'a person drinks tea slowly')
    assert list(vocabulary.taught) == ['sip_tea', 'sip_the_tea']


def without_words(*_):
    raise ImportError('no text encoder here')


def test_what_was_chosen_stays_by_its_words_where_there_are_any(checkpoint, clips, monkeypatch):
    monkeypatch.setattr('mujo_core.recognition.label_space.embed_labels', without_words)
    monkeypatch.setattr('mujo_core.recognition.teaching.embed_labels', without_words)
    windows = example_windows(clips['jog'], checkpoint)
    vocabulary = Vocabulary(checkpoint)
    vocabulary.choose(['wave', 'boxing'])
    for name in ('wave', 'Sip Tea'):
        vocabulary.teach(name, windows, 'clip')
    assert vocabulary.space.names == ('wave', 'boxing', 'sip_tea')
    vocabulary.forget('wave')
    vocabulary.forget('sip tea')
    assert vocabulary.space.names == ('wave', 'boxing') and not vocabulary.taught
    vocabulary.teach('Sip Tea', windows, 'clip')
    vocabulary.choose(['wave', 'boxing'])  # the same once more: what was taught beside them stays
    assert vocabulary.space.names == ('wave', 'boxing', 'sip_tea')
    vocabulary.choose(['boxing'])
    assert vocabulary.space.names == ('boxing',)
    vocabulary.forget('sip tea')
    # Without words of its own it cannot stay, by whatever spelling it was chosen.
    vocabulary.teach('Sip Tea', windows, 'clip')
    vocabulary.choose(['Sip Tea', 'wave'])
    vocabulary.forget('sip_tea')
    assert vocabulary.space.names == ('wave',)
    vocabulary.teach('Sip Tea', windows, 'clip')
    vocabulary.choose(['Sip Tea'])
    with pytest.raises(ValueError, match='all that may be said'):
        vocabulary.forget('sip_tea')
    assert vocabulary.space.names == ('sip_tea',) and list(vocabulary.taught) == ['sip_tea']


def damaged(lesson, **changes):
    example = replace(lesson.taught['jog_on_the_spot'].examples[0], **changes)
    label = replace(lesson.taught['jog_on_the_spot'], examples=(example,))
    return {'jog_on_the_spot': label}


@pytest.mark.parametrize(
    'vectors, line',
    [
        ({}, 'no example'),
        ({'pose': np.zeros(128, np.float32)}, 'or zero'),
        ({'pose': np.ones(128, np.float32), 'imu': np.ones(7, np.float32)}, 'not of one length'),
        ({'pose+smell': np.ones(128, np.float32)}, 'examples of pose'),
    ],
)
def test_damaged_vectors_are_named_in_one_line(lesson, tmp_path, vectors, line):
    file = tmp_path / 'taught.yaml'
    save_taught(damaged(lesson, vectors=vectors), file)
    with pytest.raises(ValueError, match=line) as caught:
        load_taught(file)
    assert str(caught.value).startswith(f'{file} is damaged') and '\n' not in str(caught.value)


def test_vectors_of_another_size_are_refused_in_one_line(checkpoint, lesson):
    short = damaged(lesson, vectors={'pose': np.ones(7, np.float32)})
    with pytest.raises(ValueError, match=r'jog_on_the_spot.*vectors of 7 .*teach it again'):
        make_label_space(checkpoint, taught=short)
    wordy = lesson.taught['jog_on_the_spot']
    wordy = {'jog_on_the_spot': replace(wordy, text=np.ones(5, np.float32))}
    with pytest.raises(ValueError, match=r'and 5 numbers.*teach it again'):
        make_label_space(checkpoint, taught=wordy)


def test_details_settle_which_taught_label_it_is_and_nothing_else(checkpoint, clips, tmp_path):
    taught = {}
    for name in ('jog', 'squat'):
        words = Label(f'my_{name}', name)
        windows = example_windows(clips[name], checkpoint)
        taught = show(checkpoint, taught, words, windows, 'clip').taught
    save_taught(taught, tmp_path / 'taught.yaml')
    space = make_label_space(checkpoint, taught=load_taught(tmp_path / 'taught.yaml'))
    rows = details_of(checkpoint, example_windows(clips['squat'], checkpoint))
    logits = np.zeros((len(rows), len(space.names)))
    logits[:, -2], logits[:, 0] = 1.0, 2.0  # the wrong one, and one that was not taught
    told, near = space.distinction.tell(logits, rows, np.ones(len(rows)))
    assert not near.any()
    assert (told[:, -1] == 1.0).all() and (told[:, -2] < 0.0).all()
    np.testing.assert_array_equal(told[:, :-2], logits[:, :-2])


def test_details_of_another_size_are_refused_in_one_line(checkpoint, clips, lesson):
    windows = example_windows(clips['squat'], checkpoint)
    both = show(checkpoint, lesson.taught, Label('squat_down', 'squat'), windows, 'clip 2').taught
    (example,) = both['squat_down'].examples
    short = replace(example, details={'pose': example.details['pose'][:, :-1]})
    both['squat_down'] = replace(both['squat_down'], examples=(short,))
    with pytest.raises(ValueError, match=r'squat_down: expected details of pose .* teach it again'):
        make_label_space(checkpoint, taught=both)


def test_a_file_of_format_1_is_read(lesson, tmp_path):
    file = tmp_path / 'taught.yaml'
    save_taught(lesson.taught, file)
    content = yaml.safe_load(file.read_text())
    content['format'] = 1
    del content['labels']['jog_on_the_spot']['examples'][0]['details']
    file.write_text(yaml.safe_dump(content))
    assert load_taught(file)['jog_on_the_spot'].examples[0].details == {}


@pytest.mark.parametrize('examples', [1, 2])
def test_what_looks_like_an_example_is_familiar_and_nothing_else_is_more_so(
    checkpoint, clips, examples
):
    usual = 50.0  # more than any window has of its own
    calibration = {n: replace(c, familiarity=usual) for n, c in checkpoint.calibration.items()}
    model = replace(checkpoint, calibration=calibration)
    start, end = clips['jog'].start, clips['jog'].end
    taught = {}
    for part in range(examples):
        cut = clips['jog'].cut(start + 0.2 * part, end - 0.2 * (examples - 1 - part))
        windows = example_windows(cut, model)
        taught = show(model, taught, Label('my_jog', 'jog'), windows, f'{part}').taught
    plain, knowing = Recognizer(model), Recognizer(model)
    knowing.learn(taught)
    for name in ('jog', 'wave', 'boxing'):
        windows = example_windows(clips[name], model)
        own, (logits, familiar) = plain._weighed(windows)[1], knowing._weighed(windows)
        taught_best = logits.argmax(axis=1) == logits.shape[1] - 1
        assert (own < usual / 2).all()
        np.testing.assert_allclose(familiar[~taught_best], own[~taught_best], rtol=1e-5)
        assert taught_best.all() if name == 'jog' else not taught_best.any()
        assert (familiar[taught_best] > usual / 2).all()
