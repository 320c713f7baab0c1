"""The recognizer with a small untrained checkpoint: its rules, not its taste."""

import json
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mujo_core.labels import never_for_others, wider_labels
from mujo_core.model.batch import batch_windows
from mujo_core.model.checkpoint import Calibration, Checkpoint, save_checkpoint
from mujo_core.posture import posture_of
from mujo_core.recognition import Activity, Recognizer
from mujo_core.recognition.decision import (
    DecisionSettings,
    Postures,
    calibrated_scores,
    settle,
)
from mujo_core.timeline import Timeline

SCHEMA = json.loads((Path(__file__).parents[2] / 'config' / 'activity.schema.json').read_text())
FIELDS = [
    'version', 'stamp', 'label', 'confidence', 'scores', 'unknown', 'modalities', 'coverage',
    'window', 'age', 'latency', 'event', 'person',
]  # fmt: skip
TYPES: dict[str, Any] = {
    'object': dict, 'array': list, 'string': str, 'number': (int, float), 'null': type(None),
}  # fmt: skip


def violations(value: Any, schema: dict[str, Any], at: str = '$') -> list[str]:
    """What of a value breaks a JSON schema, by the keywords that activity.schema.json uses."""
    if '$ref' in schema:
        return violations(value, SCHEMA['$defs'][schema['$ref'].rsplit('/', 1)[1]], at)
    found = []
    if 'type' in schema and not isinstance(value, TYPES[schema['type']]):
        return [f'{at}: {value!r} is no {schema["type"]}']
    if ('const' in schema and value != schema['const']) or value not in schema.get('enum', [value]):
        found.append(f'{at}: {value!r}')
    if isinstance(value, int | float):
        found += [f'{at}: {value!r} is too small'] * (
            value < schema.get('minimum', -np.inf)
            or value <= schema.get('exclusiveMinimum', -np.inf)
        )
        found += [f'{at}: {value!r} is too large'] * (not value <= schema.get('maximum', np.inf))
    if isinstance(value, str):
        found += [f'{at}: too short'] * (len(value) < schema.get('minLength', 0))
    if isinstance(value, list):
        prefix = schema.get('prefixItems', [])
        items = schema.get('items', {})
        for i, each in enumerate(value):
            if i >= len(prefix) and items is False:
                found.append(f'{at}[{i}]: too many')
            else:
                found += violations(each, prefix[i] if i < len(prefix) else items, f'{at}[{i}]')
        found += [f'{at}: too few'] * (len(value) < schema.get('minItems', 0))
        found += [f'{at}: too many'] * (len(value) > schema.get('maxItems', len(value)))
        found += [f'{at}: twice'] * (
            bool(schema.get('uniqueItems')) and len(set(map(str, value))) < len(value)
        )
    if isinstance(value, dict):
        properties = schema.get('properties', {})
        found += [
            f'{at}: {name} is missing' for name in schema.get('required', []) if name not in value
        ]
        pattern = schema.get('propertyNames', {}).get('pattern', '')
        for name, each in value.items():
            rest = schema.get('additionalProperties', {})
            if (name not in properties and rest is False) or not re.search(pattern, name):
                found.append(f'{at}: {name} is not allowed')
            else:
                found += violations(each, properties.get(name, rest or {}), f'{at}.{name}')
    return found


@pytest.fixture
def recognizer(tiny_checkpoint) -> Recognizer:
    return Recognizer(tiny_checkpoint)


def person(stamp: float) -> np.ndarray:
    """A body (16, 3) that waves an arm, canonical layout."""
    body = np.random.default_rng(1).normal(size=(16, 3))
    body[9, 2] += np.sin(stamp * 6)
    return body


def shake(stamp: float) -> np.ndarray:
    return np.array([np.sin(stamp * 9), 0.3, 9.8, np.cos(stamp * 9), 0.1, 0.0])


def play(recognizer: Recognizer, start: float, end: float, *streams: str) -> None:
    """Feed the streams from `start` to `end` (excluded), pose at 25 Hz and IMUs at 50 Hz."""
    for step in range(round((end - start) * 50)):
        stamp = start + step / 50
        for stream in streams:
            if stream == 'pose' and step % 2 == 0:
                assert recognizer.add_pose(stamp, person(stamp), 'canonical16')
            elif stream != 'pose':
                assert recognizer.add_imu(stream, stamp, shake(stamp))


def answer(recognizer: Recognizer) -> Activity:
    activity = recognizer.recognize()
    assert activity is not None
    return activity


def test_settings_are_the_checkpoints(recognizer, tiny_checkpoint):
    assert recognizer.settings.window_seconds == 3.0
    assert list(recognizer.settings.labels) == list(tiny_checkpoint.labels)
    assert recognizer.settings.modalities == ('pose', 'imu')


def test_without_data_there_is_no_answer(recognizer):
    assert recognizer.recognize() is None


@pytest.mark.parametrize(
    ('seconds', 'answers'), [(0.2, False), (0.86, False), (0.94, True), (3.0, True)]
)
def test_below_a_total_coverage_of_three_tenths_there_is_no_answer(recognizer, seconds, answers):
    play(recognizer, 100.0, 100.0 + seconds, 'right_wrist')
    assert (recognizer.recognize() is not None) == answers


def test_streams_add_up_to_the_total(recognizer):
    play(recognizer, 100.0, 100.7, 'right_wrist')
    assert recognizer.recognize() is None
    play(recognizer, 102.3, 103.0, 'left_thigh')
    activity = answer(recognizer)
    assert activity.modalities == ['imu']
    assert all(0.2 < share < 0.3 for share in activity.coverage.values())


def test_a_stream_with_little_data_is_listed_but_not_used(tiny_checkpoint):
    alone, beside = Recognizer(tiny_checkpoint), Recognizer(tiny_checkpoint)
    for each in (alone, beside):
        play(each, 100.0, 103.0, 'pose')
    play(beside, 102.5, 103.0, 'right_wrist')
    assert answer(beside).modalities == ['pose']
    assert 0.1 < answer(beside).coverage['imu/right_wrist'] < 0.2
    end = answer(alone).stamp
    assert answer(beside).stamp == end
    assert answer(beside).scores == answer(alone).scores


def test_the_answer_is_the_models_for_that_window(tiny_checkpoint):
    recognizer = Recognizer(
        tiny_checkpoint, decision=DecisionSettings(top_k=len(tiny_checkpoint.labels))
    )
    play(recognizer, 100.0, 104.0, 'pose', 'right_wrist', 'left_thigh')
    activity = answer(recognizer)
    timeline = Timeline(tiny_checkpoint.window)
    stamps = 100 + np.arange(200) / 50
    for name in ('right_wrist', 'left_thigh'):
        timeline.insert(f'imu/{name}', stamps, np.stack([shake(t) for t in stamps]))
    bodies = np.stack([person(t) for t in stamps[::2]])
    bodies[:, 0], bodies[:, 2] = bodies[:, 10:12].mean(axis=1), bodies[:, 4:6].mean(axis=1)
    bodies[:, 1] = (bodies[:, 0] + bodies[:, 2]) / 2
    timeline.insert('pose', stamps[::2], bodies)
    window = timeline.cut()
    assert window is not None
    with torch.inference_mode():
        model = tiny_checkpoint.model
        vector = model(batch_windows([window], tiny_checkpoint.window))
        logits = model.logits(vector, tiny_checkpoint.label_vectors())[0].numpy()
    expected, unknown = calibrated_scores(logits, tiny_checkpoint.calibration['pose+imu'], 0.05)
    apart = never_for_others(tiny_checkpoint.labels)
    seen = posture_of(window.pose, tiny_checkpoint.window.pose_rate)
    expected = Postures(tiny_checkpoint.labels)(expected, seen)
    expected = settle(expected, wider_labels(tiny_checkpoint.labels, apart))
    names = list(tiny_checkpoint.labels)
    found = dict(activity.scores)
    np.testing.assert_allclose([found[name] for name in names], expected, atol=1e-5)
    assert activity.label == names[int(expected.argmax())]
    assert activity.confidence == pytest.approx(expected.max(), abs=1e-5)
    assert activity.unknown == pytest.approx(float(unknown), abs=1e-5)
    assert activity.stamp == pytest.approx(103.96)
    assert activity.window == pytest.approx((100.96, 103.96))
    assert activity.newest == pytest.approx(103.98)


def test_scores_are_the_best_ones_in_order_and_sum_to_one_with_unknown(tiny_checkpoint):
    recognizer = Recognizer(tiny_checkpoint, decision=DecisionSettings(top_k=3))
    play(recognizer, 100.0, 103.0, 'pose')
    everything = Recognizer(tiny_checkpoint, decision=DecisionSettings(top_k=1000))
    play(everything, 100.0, 103.0, 'pose')
    best, full = answer(recognizer), answer(everything)
    assert len(best.scores) == 3
    assert len(full.scores) == len(tiny_checkpoint.labels)
    assert best.scores == full.scores[:3]
    values = [score for _, score in full.scores]
    assert values == sorted(values, reverse=True)
    assert sum(values) + full.unknown == pytest.approx(1.0)


@pytest.mark.parametrize(
    ('streams', 'modalities'),
    [
        (('pose',), ['pose']),
        (('right_wrist',), ['imu']),
        (('nose_ring',), ['imu']),
        (('left_thigh', 'pose', 'right_wrist'), ['pose', 'imu']),
    ],
)
def test_modalities_are_those_that_were_used(recognizer, streams, modalities):
    play(recognizer, 100.0, 103.0, *streams)
    assert answer(recognizer).modalities == modalities


def test_a_modality_that_falls_silent_leaves_within_a_window(recognizer):
    play(recognizer, 100.0, 104.0, 'pose', 'right_wrist')
    for second in np.arange(104.0, 107.2, 0.1):
        play(recognizer, float(second), float(second) + 0.1, 'pose')
        activity = answer(recognizer)
        assert activity.stamp >= second - 0.25
    assert activity.modalities == ['pose']
    assert activity.coverage['imu/right_wrist'] == 0.0


def test_nobody_in_view_is_no_answer(recognizer):
    play(recognizer, 100.0, 103.0, 'pose')
    for step in range(75):
        assert recognizer.add_pose(103.0 + step / 25, np.full((16, 3), np.nan), 'canonical16')
    assert recognizer.recognize() is None


def test_arms_and_legs_alone_are_no_answer(recognizer):
    body = person(0.0)
    body[[4, 5, 10, 11]] = np.nan
    for step in range(75):
        recognizer.add_pose(100.0 + step / 25, body, 'canonical16')
    assert recognizer.recognize() is None


def test_weak_scores_are_unknown_and_no_activity(tiny_checkpoint):
    calibration = {'pose': Calibration(unknown={0.05: 500.0})}
    recognizer = Recognizer(replace(tiny_checkpoint, calibration=calibration))
    play(recognizer, 100.0, 103.0, 'pose')
    activity = answer(recognizer)
    assert activity.label == 'unknown'
    assert activity.confidence == activity.unknown > 0.99
    assert activity.event is None
    assert 'unknown' not in dict(activity.scores)


def test_the_rate_of_false_alarms_chooses_the_threshold(tiny_checkpoint):
    calibration = {'pose': Calibration(unknown={0.01: -500.0, 0.2: 500.0})}
    checkpoint = replace(tiny_checkpoint, calibration=calibration)
    found = []
    for rate in (0.01, 0.2):
        recognizer = Recognizer(checkpoint, decision=DecisionSettings(false_alarm_rate=rate))
        play(recognizer, 100.0, 103.0, 'pose')
        found.append(answer(recognizer).label == 'unknown')
    assert found == [False, True]


def test_an_activity_starts_and_goes_on_until_a_reset(recognizer):
    play(recognizer, 100.0, 103.0, 'pose')
    assert answer(recognizer).event == 'start'
    assert answer(recognizer).event == 'continue'
    recognizer.reset()
    assert recognizer.recognize() is None
    play(recognizer, 100.0, 103.0, 'pose')
    assert answer(recognizer).event == 'start'


def test_stamps_never_go_back(recognizer):
    play(recognizer, 100.0, 104.0, 'right_wrist')
    first = answer(recognizer).stamp
    assert first == pytest.approx(103.98)
    # A slower stream comes to life 0.2 s behind and would end the window there.
    play(recognizer, 101.0, 103.8, 'pose')
    stamps = [answer(recognizer).stamp]
    for second in np.arange(104.0, 105.0, 0.1):
        play(recognizer, float(second), float(second) + 0.1, 'right_wrist')
        play(recognizer, float(second) - 0.2, float(second) - 0.1, 'pose')
        stamps.append(answer(recognizer).stamp)
    assert stamps[0] == first
    assert stamps == sorted(stamps)
    assert stamps[-1] > 104.6


def test_time_does_not_advance_without_samples(recognizer):
    play(recognizer, 100.0, 103.0, 'pose')
    assert answer(recognizer).stamp == answer(recognizer).stamp == pytest.approx(102.96)


def test_a_jump_of_time_starts_anew(recognizer):
    play(recognizer, 500.0, 503.0, 'pose', 'right_wrist')
    assert answer(recognizer).event == 'start'
    assert not recognizer.add_imu('right_wrist', 100.0, shake(0))
    assert recognizer.add_imu('right_wrist', 100.02, shake(0))
    assert recognizer.jumps == 1
    assert recognizer.recognize() is None
    play(recognizer, 100.04, 103.0, 'right_wrist', 'pose')
    activity = answer(recognizer)
    assert activity.stamp < 103.0
    assert activity.event == 'start'
    assert recognizer.jumps == 1
    assert recognizer.refused['imu/right_wrist'] == {'late': 1}


def test_what_is_refused_is_counted_by_stream_and_kind(recognizer):
    body = person(0.0)
    endless = body.copy()
    endless[3, 1] = np.inf
    huge = body.astype(np.float64)
    huge[3, 1] = 1e300
    assert not recognizer.add_pose(100.0, body[:15], 'canonical16')
    assert not recognizer.add_pose(100.0, body, 'kinect20')
    assert not recognizer.add_pose(100.0, endless, 'canonical16')
    assert not recognizer.add_pose(100.0, huge, 'canonical16')
    assert not recognizer.add_pose(0.0, body, 'canonical16')
    assert recognizer.add_pose(100.0, body, 'canonical16')
    assert not recognizer.add_pose(100.0, body, 'canonical16')
    assert not recognizer.add_imu('head', 100.0, shake(0)[:5])
    assert not recognizer.add_imu('head', 100.0, shake(0) * np.nan)
    assert not recognizer.add_imu('head', np.nan, shake(0))
    assert recognizer.refused == {
        'pose': {'wrong_shape': 2, 'not_finite': 2, 'zero_stamp': 1, 'duplicate': 1},
        'imu/head': {'wrong_shape': 1, 'not_finite': 2},
    }


def test_garbage_changes_no_answer(tiny_checkpoint):
    clean, hit = Recognizer(tiny_checkpoint), Recognizer(tiny_checkpoint)
    for second in np.arange(100.0, 104.0, 0.5):
        for each in (clean, hit):
            play(each, float(second), float(second) + 0.5, 'pose', 'right_wrist')
        hit.add_imu('right_wrist', float(second) + 0.33, np.full(6, 1e30))
        hit.add_imu('right_wrist', float(second) + 0.4, np.full(6, 7.0))
        hit.add_pose(float(second) + 0.41, np.zeros((20, 3)), 'canonical16')
        hit.add_pose(50.0 + 5 * float(second), np.zeros((16, 3)), 'canonical16', now=float(second))
        assert hit.recognize() == clean.recognize()


def test_images_are_not_taken_where_the_checkpoint_sees_none(recognizer):
    assert not recognizer.add_image(100.0, np.zeros((56, 56, 1), dtype=np.uint8))
    assert recognizer.refused == {}
    assert recognizer.recognize() is None


def test_a_name_that_cannot_be_a_placement_is_refused_in_one_line(recognizer):
    with pytest.raises(ValueError, match='Right Wrist'):
        recognizer.add_imu('Right Wrist', 100.0, shake(0))
    with pytest.raises(ValueError, match='kinect99'):
        recognizer.add_pose(100.0, person(0), 'kinect99')


def test_an_unknown_device_is_refused(tiny_checkpoint):
    with pytest.raises(ValueError, match=r"auto, cpu or cuda, 'tpu' came"):
        Recognizer(tiny_checkpoint, device='tpu')


def test_up_decides_how_a_body_stands(tiny_checkpoint):
    upright, tilted = Recognizer(tiny_checkpoint), Recognizer(tiny_checkpoint)
    for step in range(75):
        body = person(step / 25)
        upright.add_pose(100 + step / 25, body, 'canonical16')
        tilted.add_pose(100 + step / 25, body[:, [2, 0, 1]], 'canonical16', up=(1.0, 0.0, 0.0))
    first, second = answer(upright), answer(tilted)
    assert [name for name, _ in first.scores] == [name for name, _ in second.scores]
    assert first.confidence == pytest.approx(second.confidence, abs=1e-3)


@pytest.mark.parametrize('streams', [('pose',), ('right_wrist',), ('pose', 'right_wrist', 'head')])
def test_the_message_satisfies_the_schema(recognizer, streams):
    play(recognizer, 100.0, 103.0, *streams)
    for event in ('start', 'continue'):
        activity = answer(recognizer)
        message = activity.to_dict(age=0.0312345, latency=0.006)
        assert list(message) == FIELDS
        again = json.loads(json.dumps(message))
        assert again == message
        assert violations(again, SCHEMA) == []
        assert message['event'] == event
        assert message['scores'][0] == [activity.label, round(activity.confidence, 4)]
        assert message['stamp'] == message['window'][1] == activity.stamp
        assert message['age'] == 0.0312


def test_the_check_of_the_schema_finds_what_is_wrong(recognizer):
    play(recognizer, 100.0, 103.0, 'pose')
    message = answer(recognizer).to_dict(0.0, 0.0)
    wrong: list[dict[str, Any]] = [
        {'version': 2}, {'label': ''}, {'confidence': 1.5}, {'scores': [['walk', 0.5, 1]]},
        {'modalities': []}, {'coverage': {'imu/Right': 1.0}}, {'event': 'stop'}, {'extra': 1},
        {'window': [1.0]}, {'stamp': 0},
    ]  # fmt: skip
    for change in wrong:
        assert violations({**message, **change}, SCHEMA), change
    del message['person']
    assert violations(message, SCHEMA)


def test_warming_up_leaves_no_trace(recognizer):
    recognizer.warm_up()
    assert recognizer.recognize() is None
    assert recognizer.refused == {}
    assert recognizer.jumps == 0


def test_a_folder_serves_as_well(tiny_checkpoint, tmp_path):
    save_checkpoint(tiny_checkpoint, tmp_path)
    loaded, given = Recognizer(tmp_path), Recognizer(tiny_checkpoint)
    for each in (loaded, given):
        play(each, 100.0, 103.0, 'pose')
    assert answer(loaded) == answer(given)


def test_one_thread_adds_while_another_recognizes(recognizer):
    done = threading.Event()

    def feed() -> None:
        play(recognizer, 100.0, 108.0, 'pose', 'right_wrist')
        done.set()

    worker = threading.Thread(target=feed)
    worker.start()
    stamps = []
    try:
        while not done.is_set():
            activity = recognizer.recognize()
            if activity is not None:
                stamps.append(activity.stamp)
    finally:
        worker.join()
    assert stamps == sorted(stamps)
    assert answer(recognizer).coverage == {'imu/right_wrist': 1.0, 'pose': 1.0}


def test_the_decision_is_changed_while_at_work(tiny_checkpoint):
    recognizer = Recognizer(tiny_checkpoint)
    play(recognizer, 100.0, 103.0, 'pose')
    full = answer(recognizer)
    other = full.scores[1][0]
    recognizer.decision = DecisionSettings(labels=(other,), top_k=3)
    only = answer(recognizer)
    assert only.label == other and [name for name, _ in only.scores] == [other]
    with pytest.raises(ValueError, match='did you mean'):
        recognizer.decision = DecisionSettings(labels=('wlak',))
    assert recognizer.decision.labels == (other,)
    recognizer.decision = DecisionSettings()
    assert answer(recognizer).scores == full.scores


def scores_of(recognizer: Recognizer) -> dict[str, float]:
    activity = answer(recognizer)
    assert sum(dict(activity.scores).values()) + activity.unknown == pytest.approx(1.0, abs=1e-4)
    return {**dict.fromkeys(recognizer.settings.labels, 0.0), **dict(activity.scores)}


def apart(checkpoint: Checkpoint, *names: str) -> Checkpoint:
    """The checkpoint with some labels of which nothing is to be said."""
    labels = {n: replace(label, distractor=n in names) for n, label in checkpoint.labels.items()}
    return replace(checkpoint, labels=labels)


def test_a_distractor_counts_as_unknown_until_it_is_asked_for(tiny_checkpoint):
    every = DecisionSettings(top_k=1000)
    plain = Recognizer(tiny_checkpoint, decision=every)
    play(plain, 100.0, 103.0, 'pose')
    before, relatives = scores_of(plain), wider_labels(tiny_checkpoint.labels)
    alone = ~(relatives.any(axis=0) | relatives.any(axis=1))  # nobody else's score is among theirs
    names = [name for name, free in zip(tiny_checkpoint.labels, alone, strict=True) if free]
    best = max(names, key=before.__getitem__)
    recognizer = Recognizer(apart(tiny_checkpoint, best), decision=every)
    play(recognizer, 100.0, 103.0, 'pose')
    assert scores_of(recognizer)[best] == 0.0 < 0.005 < before[best]
    assert answer(recognizer).unknown == pytest.approx(
        answer(plain).unknown + before[best], rel=0.05
    )
    for labels in ((best,), ('walk', best), ('+', best)):
        recognizer.decision = replace(every, labels=labels)
        assert scores_of(recognizer)[best] > 0.0
    # Neither other names nor `+`, which stands for all, ask for it.
    recognizer.decision = replace(every, labels=('+', 'walk'))
    assert scores_of(recognizer)[best] == 0.0
    recognizer.decision = every
    assert scores_of(recognizer)[best] == 0.0


def test_a_distractor_that_is_taught_is_said(tiny_checkpoint):
    recognizer = Recognizer(
        apart(tiny_checkpoint, 'dance'), decision=DecisionSettings(top_k=1000, smoothing=0.0)
    )
    play(recognizer, 100.0, 103.0, 'pose')
    assert scores_of(recognizer)['dance'] == 0.0
    recognizer.teach('dance')
    assert scores_of(recognizer)['dance'] > 0.0
    recognizer.forget('dance')
    assert scores_of(recognizer)['dance'] == 0.0


def test_a_wide_label_alone_is_said_for_what_is_narrower(tiny_checkpoint):
    """Only what is listed shares: a kick that no kind is listed of has its own score."""
    recognizer = Recognizer(
        tiny_checkpoint, decision=DecisionSettings(top_k=1000, labels=('kick',))
    )
    play(recognizer, 100.0, 103.0, 'pose')
    assert scores_of(recognizer) == {'kick': pytest.approx(1.0 - answer(recognizer).unknown)}
    kinds = ('kick', 'kick_forward', 'kick_sideways', 'walk')
    recognizer.decision = DecisionSettings(top_k=1000, labels=kinds)
    settled = scores_of(recognizer)
    # Either the kick has all that speaks for one, or one kind has all that speaks for it.
    assert sum(settled[name] > 0 for name in kinds[:3]) in (1, 2)
    assert settled['kick'] == 0.0 or settled['kick_forward'] == settled['kick_sideways'] == 0.0


def test_an_edited_file_of_labels_counts_when_it_is_set_again(tiny_checkpoint, tmp_path):
    first, other = list(tiny_checkpoint.labels)[:2]
    file = tmp_path / 'own.yaml'
    recognizer = Recognizer(tiny_checkpoint)
    for name in (first, other):
        file.write_text(f'{name}:\n')
        recognizer.decision = DecisionSettings(labels=(str(file),))
        assert recognizer.settings.labels == (name,)
    file.write_text('[')
    with pytest.raises(ValueError, match='not a YAML file'):
        recognizer.decision = DecisionSettings(labels=(str(file),))
    assert recognizer.settings.labels == (other,)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no GPU')
def test_a_gpu_says_in_half_precision_what_the_cpu_says(tiny_checkpoint):
    settings = DecisionSettings(top_k=len(tiny_checkpoint.labels))
    found = []
    for device in ('cpu', 'cuda'):
        recognizer = Recognizer(tiny_checkpoint, device=device, decision=settings)
        play(recognizer, 100.0, 103.0, 'pose', 'right_wrist')
        found.append(dict(answer(recognizer).scores))
    assert found[1] == pytest.approx(found[0], abs=0.02)


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_a_gpu_that_is_not_there_is_refused_and_auto_goes_without(tiny_checkpoint):
    with pytest.raises(ValueError, match='set device to auto or cpu'):
        Recognizer(tiny_checkpoint, device='cuda')
    assert Recognizer(tiny_checkpoint, device='auto').device.type == 'cpu'


@pytest.mark.parametrize('rate', [100, 1000])
def test_samples_given_at_once_are_stored_as_one_by_one(tiny_checkpoint, rate):
    rng = np.random.default_rng(5)
    stamps, samples = 50.0 + np.arange(4 * rate) / rate, rng.normal(size=(4 * rate, 6))
    together, apart = Recognizer(tiny_checkpoint), Recognizer(tiny_checkpoint)
    for part in np.split(np.arange(len(stamps)), 20):
        assert together.add_imus('head', stamps[part], samples[part], now=60.0)
    for stamp, sample in zip(stamps, samples, strict=True):
        assert apart.add_imu('head', stamp, sample, now=60.0)
    ours, theirs = together.timeline.cut(), apart.timeline.cut()
    assert ours.end == theirs.end and ours.coverage == {'imu/head': 1.0}
    np.testing.assert_array_equal(ours.imu['head'], theirs.imu['head'])


@pytest.mark.parametrize(
    'stamps', [(54.01, 54.0), (54.0, 54.0), (53.9, 54.1), (54.0, 90.0), (0.0, 54.0)]
)
def test_samples_that_do_not_go_on_from_what_is_held_are_left_to_be_given_alone(
    tiny_checkpoint, stamps
):
    recognizer = Recognizer(tiny_checkpoint)
    assert recognizer.add_imus('head', 50.0 + np.arange(396) / 100, np.ones((396, 6)), now=54.0)
    assert not recognizer.add_imus('head', np.array(stamps), np.ones((2, 6)), now=54.0)
    assert recognizer.timeline.newest() == 53.95 and not recognizer.refused['imu/head']
