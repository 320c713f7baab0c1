"""The taxonomy and files of labels."""

import pytest

from mujo_core.datasets.utd_mhad import LABELS
from mujo_core.labels import (
    UNKNOWN,
    Label,
    ancestors,
    distractor_places,
    dump_labels,
    identifier,
    load_labels,
    merge,
    parse_labels,
    quiet_labels,
    related,
    select_labels,
    taxonomy,
    wider_labels,
)

# As published with the data set, in the order of its action numbers.
UTD_ACTIONS = """
    swipe left, swipe right, wave, clap, throw, cross arms, basketball shoot, draw x,
    draw circle clockwise, draw circle counter clockwise, draw triangle, bowling, boxing,
    baseball swing, tennis swing, arm curl, tennis serve, push, knock, catch,
    pick up and throw, jog, walk, sit to stand, stand to sit, lunge, squat
"""


def test_the_taxonomy_begins_with_utd_mhads_actions_in_their_order():
    names = [action.strip().replace(' ', '_') for action in UTD_ACTIONS.split(',')]
    assert list(LABELS) == names
    assert list(taxonomy())[:27] == names


def test_every_label_has_words_of_its_own():
    seen: dict[str, str] = {}
    for name, label in taxonomy().items():
        assert label.name == name == identifier(name)
        assert label.description and label.prompts
        # The background holds words only until an activity has them.
        words = () if label.background else (*label.synonyms, *label.aliases)
        for phrase in {identifier(phrase) for phrase in (name, *words)}:
            assert phrase not in seen, f'{phrase} is said of {name} and {seen[phrase]}'
            seen[phrase] = name
    assert UNKNOWN not in taxonomy()


def test_rest_is_no_activity_and_actions_are():
    background = {name for name, label in taxonomy().items() if label.background}
    assert 'rest' in background
    assert not background & set(LABELS)


@pytest.mark.parametrize(
    ('name', 'label'),
    [
        ('Jogging', 'jog'),
        ('Right-Hand Wave', 'wave'),
        ('walk', 'walk'),
        ('Juggle Balls', 'juggle_balls'),
    ],
)
def test_synonyms_merge_and_new_names_stay(name, label):
    assert merge(name) == label


def test_identifiers_are_lower_case_with_underscores():
    assert identifier('  Draw X (clockwise)! ') == 'draw_x_clockwise'
    assert identifier('Größe ändern') == 'grosse_andern' != identifier('Grüße ändern')
    assert identifier('跑步') == ''


def test_the_description_leads_the_sentences():
    label = Label('tie_shoes', 'a person ties shoes', ('lacing',), ('someone laces a shoe',))
    assert label.sentences == [
        'a person ties shoes', 'someone laces a shoe', 'tie shoes', 'lacing',
    ]  # fmt: skip


def test_a_file_of_labels_round_trips(tmp_path):
    path = tmp_path / 'labels.yaml'
    dump_labels(taxonomy(), path)
    again = load_labels(path)
    assert again == taxonomy()
    assert list(again) == list(taxonomy())


def test_a_bare_sentence_or_nothing_is_enough():
    labels = parse_labels({'hop': 'a person hops', 'tie_shoes': None}, 'here')
    assert labels['hop'].description == 'a person hops'
    assert labels['tie_shoes'].description == 'tie shoes'


@pytest.mark.parametrize(
    ('text', 'what'),
    [
        ('', 'mapping'),
        ('- walk\n- jog\n', 'mapping'),
        ('Walk: a person walks\n', 'Walk'),
        ('unknown: nothing of it\n', 'unknown'),
        ('1: one\n', '1'),
        ('walk: {descripton: a person walks}\n', 'descripton'),
        ('walk: [a, b]\n', 'walk'),
        ('walk: {a: [}\n', 'not a YAML file'),
        ('walk: {prompts: 7}\n', 'walk'),
        ('walk: {synonyms: going on foot}\n', 'walk'),
        ('walk: {background: "no"}\n', 'background'),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(tmp_path, text, what):
    path = tmp_path / 'labels.yaml'
    path.write_text(text)
    with pytest.raises(ValueError, match=what) as caught:
        load_labels(path)
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / 'labels.yaml'
    path.write_bytes(b'\x80\x02}q\x00.')
    with pytest.raises(ValueError, match='not a YAML file') as caught:
        load_labels(path)
    assert str(path) in str(caught.value)


def test_activities_have_words_before_the_background():
    assert merge('Standing') == 'stand' and merge('sitting') == 'sit'
    assert merge('NULL') == merge('non_activity') == 'rest'


@pytest.mark.parametrize(
    ('word', 'label'),
    [
        ('dws', 'walk_downstairs'),
        ('Climbing stairs', 'walk_upstairs'),
        ('situps', 'sit_up'),
        ('bicep_curls', 'arm_curl'),
        ('Wide-Grip Pulldown Behind The Neck', 'pulldown_behind_neck'),
        ('Seated Dumbbell Shoulder Press', 'shoulder_press'),
        ('dumbbell_shoulder_press', 'shoulder_press'),
        ('Frontal elevation of arms', 'front_raise'),
    ],
)
def test_words_of_the_data_sets_merge(word, label):
    assert merge(word) == label


def test_aliases_are_not_told_to_the_text_encoder():
    assert 'dws' in taxonomy()['walk_downstairs'].aliases
    assert 'dws' not in taxonomy()['walk_downstairs'].sentences


def test_every_label_has_its_embedding_in_the_package():
    from mujo_core.model import text

    assert {text._key(label) for label in taxonomy().values()} == set(text._packaged())


def test_selected_labels_keep_the_taxonomys_order():
    own = {'tie_shoes': Label('tie_shoes', 'a person ties shoes')}
    chosen = select_labels(['tie_shoes', 'rest', 'juggle_balls', 'wave', 'wave'], own)
    assert list(chosen) == ['wave', 'rest', 'tie_shoes', 'juggle_balls']
    assert chosen['tie_shoes'].description == 'a person ties shoes'
    assert chosen['juggle_balls'].description == 'juggle balls'


def test_parents_are_labels_and_make_no_circle():
    known = taxonomy()
    for name, label in known.items():
        assert set(label.parents) <= set(known), name
        assert name not in ancestors(name)


def test_a_wider_label_is_related_and_a_sibling_is_not():
    assert related('fall', 'fall_forward') and related('fall_forward', 'fall')
    assert related('wave', 'wave_both_hands')
    assert not related('fall_forward', 'fall_backward')
    assert not related('walk', 'walk_upstairs')


def test_relations_go_through_labels_that_a_model_lacks():
    own = parse_labels({'a': {'parents': ['b']}, 'b': {'parents': ['c']}, 'c': 'widest'}, 'here')
    assert ancestors('a', own) == {'b', 'c'}
    wider = wider_labels({name: own[name] for name in ('c', 'a')} | {'d': Label('d', 'other')})
    assert wider.tolist() == [[False] * 3, [False] * 3, [False] * 3]
    wider = wider_labels(own)
    assert [list(row) for row in wider] == [
        [False, True, True],
        [False, False, True],
        [False, False, False],
    ]


def test_what_is_never_said_is_wider_than_nothing():
    own = parse_labels({'a': {'parents': ['b']}, 'b': {'parents': ['c'], 'distractor': True},
                        'c': 'widest'}, 'here')  # fmt: skip
    assert distractor_places(own) == [1]
    wider = wider_labels(own, distractor_places(own))
    assert wider.tolist() == [[False, False, True], [False, False, True], [False] * 3]


def test_parents_and_distractors_are_kept_in_a_file(tmp_path):
    labels = {'swim': Label('swim', 'strokes', parents=('exercise',), distractor=True, alarm=0.2)}
    dump_labels(labels, tmp_path / 'labels.yaml')
    assert load_labels(tmp_path / 'labels.yaml') == labels
    with pytest.raises(ValueError, match=r'distractor of label .swim. is true or false, 3 came'):
        parse_labels({'swim': {'distractor': 3}}, 'here')


def test_who_rests_sits_or_stands():
    labels = select_labels(['walk', 'sit', 'lie', 'rest', 'type'])
    assert quiet_labels(labels) == ['rest', 'sit', 'lie', 'type']


@pytest.mark.parametrize('alarm', [1.5, -0.1, True, 'often'])
def test_an_alarm_is_a_score(alarm):
    with pytest.raises(ValueError, match="expected alarm of label 'fall' as a score"):
        parse_labels({'fall': {'alarm': alarm}}, 'here')
