"""Ground truth from files, topics and people."""

import io

import pytest

from mujo_core.bags.truth import TruthLog, read_truth, truth_of_messages
from mujo_core.bags.truth_prompt import ask_truth
from mujo_core.recording import Segment

START = 1_700_000_000.0


def test_both_kinds_of_columns_mean_the_same(tmp_path):
    relative, absolute = tmp_path / 'a.csv', tmp_path / 'b.csv'
    relative.write_text('start,end,label\n4,6.5,jogging\n1,2,walk\n')
    rows = f'{START + 1},{START + 2},walk\n{START + 4},{START + 6.5},jog\n'
    absolute.write_text(f'start_stamp,end_stamp,label\n{rows}')
    expected = [Segment('walk', 1.0, 2.0), Segment('jog', 4.0, 6.5)]
    assert read_truth(relative, START) == read_truth(absolute, START) == expected


@pytest.mark.parametrize(
    ('text', 'part'),
    [
        ('begin,end,label\n1,2,walk\n', "start,end,label.*'begin,end,label' came"),
        ('start,end,label\n', 'at least one row'),
        ('start,end,label\n1,2,walk\n3,2,walk\n', 'row 3'),
        ('start,end,label\n1,x,walk\n', 'row 2'),
        ('start,end,label\n1,inf,walk\n', 'row 2'),
        ('start,end,label\n1,2,\n', 'row 2'),
        ('start,end,label\n1\n', 'row 2'),
    ],
)
def test_a_wrong_file_is_named_with_its_row(tmp_path, text, part):
    file = tmp_path / 'truth.csv'
    file.write_text(text)
    with pytest.raises(ValueError, match=part) as caught:
        read_truth(file, 0.0)
    assert 'truth.csv' in str(caught.value) and '\n' not in str(caught.value)


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / 'truth.csv').write_bytes(b'\xff\xfe\x00start')
    with pytest.raises(ValueError, match='UTF-8'):
        read_truth(tmp_path / 'truth.csv', 0.0)


def test_messages_say_from_when_on_a_label_holds():
    messages = [
        (START + 5.2, f'{{"stamp": {START + 5}, "label": "squat"}}'),
        (START + 1.0, ' jogging '),
        (START + 3.0, ''),
        (START + 8.0, 'walk'),
    ]
    assert truth_of_messages(messages, START, START + 10) == [
        Segment('jog', 1.0, 3.0), Segment('squat', 5.0, 8.0), Segment('walk', 8.0, 10.0),
    ]  # fmt: skip


@pytest.mark.parametrize('text', ['{"label": "walk"}', '{broken', '{"stamp": [], "label": "a"}'])
def test_a_message_that_says_nothing_is_named(text):
    with pytest.raises(ValueError, match='truth message'):
        truth_of_messages([(1.0, text)], 0.0, 10.0)


def test_a_person_types_labels_and_numbers(tmp_path):
    clock = iter([START + 1, START + 2, START + 4, START + 5, START + 6])
    told, changes = [], []
    log = ask_truth(
        io.StringIO('2\n\nJumping  jacks\nwalk\n'),
        lambda: next(clock),
        ['walk', 'squat'],
        told.append,
        lambda stamp, label: changes.append((stamp - START, label)),
    )
    jacks = changes[2][1]
    assert changes == [(1.0, 'squat'), (2.0, ''), (4.0, jacks), (5.0, 'walk')]
    assert any('1 walk  2 squat' in line for line in told)
    log.write(tmp_path / 'truth.csv')
    assert read_truth(tmp_path / 'truth.csv', START) == [
        Segment('squat', 1.0, 2.0), Segment(jacks, 4.0, 5.0), Segment('walk', 5.0, 6.0),
    ]  # fmt: skip


def test_ctrl_c_ends_the_activity_too():
    def typed():
        yield 'walk\n'
        raise KeyboardInterrupt

    clock = iter([1.0, 3.0])
    assert ask_truth(typed(), lambda: next(clock)).rows == [Segment('walk', 1.0, 3.0)]


def test_an_activity_without_length_is_none():
    log = TruthLog()
    log.say('walk', 1.0)
    log.say('squat', 1.0)
    log.say('', 2.0)
    assert log.rows == [Segment('squat', 1.0, 2.0)]
