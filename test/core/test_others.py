"""Several data sets in one training: their shares, their people, their labels."""

import logging
import re
from dataclasses import replace

import numpy as np
import pytest

from mujo_core.datasets.export import write_folder
from mujo_core.model.checkpoint import load_checkpoint
from mujo_core.objectives.term import OUTLIER as OUTLIER_PLACE
from mujo_core.recording import Recording, Segment, Stream
from mujo_core.training.calibration import calibrate
from mujo_core.training.card import model_card
from mujo_core.training.clip import OUTLIER, Clip
from mujo_core.training.config import DataSettings, OtherSettings, make_config
from mujo_core.training.cross_validation import fit_calibration, run_fold, train_without
from mujo_core.training.data import WindowDataset
from mujo_core.training.mixture.clips import dataset_clips
from mujo_core.training.mixture.mixture import class_labels, mix, read_library, read_material
from mujo_core.training.mixture.selection import Selection, left_out_with, sources_of
from mujo_core.training.people import people_of, together
from mujo_core.training.sampler import SamplerSettings, WindowSampler
from mujo_core.window import WindowSpec

WALKS, DEVICES = 8, ('right_pocket', 'left_wrist')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Two people with a device: much walking, a drink each, and a step too short to tell."""
    root = tmp_path_factory.mktemp('devices')
    t = np.arange(0.0, 4.0, 0.02)
    recordings = []
    for person, device in zip(('1', '2'), DEVICES, strict=True):
        rng = np.random.default_rng(int(person))
        for turn in range(WALKS + 1):
            samples = rng.normal(size=(len(t), 6))
            samples[:, 2] += 9.8
            label = 'walk' if turn < WALKS else 'drink'
            segments = [Segment(label, 0.0, 3.0), Segment('hop', 3.2, 3.6)]
            streams = {f'imu/{device}': Stream(t, samples.astype(np.float32))}
            recordings.append(Recording(f'{person}_{turn}', 'x', person, streams, segments))
    write_folder(recordings, root)
    return root


def recordings_of(data):
    return [recording for _, recording in Selection(data).recordings()]


def training_clips(recordings, data):
    return mix(dataset_clips(recordings), data)


@pytest.fixture
def data(utd, folder):
    return DataSettings(
        root=str(utd), split='all', also={'folder': OtherSettings(root=str(folder), share=0.4)}
    )


def test_each_set_has_its_share_and_a_rare_label_is_not_drowned(data):
    recordings = recordings_of(data)
    clips, weights = training_clips(recordings, data)
    share = weights / weights.sum()
    others = np.array([clip.dataset == 'folder' for clip in clips])
    assert share[others].sum() == pytest.approx(0.4)
    assert np.ptp(share[~others]) == pytest.approx(0.0)
    walks = np.array([clip.label == 'walk' for clip in clips])
    drinks = np.array([clip.label == 'drink' for clip in clips])
    # Eight times as many are drawn the square root of that more often.
    assert share[walks & others].sum() == pytest.approx(share[drinks].sum() * WALKS**0.5)


def test_labels_of_one_name_are_one_class_and_people_of_one_name_are_two(data):
    recordings = recordings_of(data)
    config = make_config([{'data': {'dataset': 'utd_mhad'}}])
    clips, _ = training_clips(recordings, data)
    labels = list(class_labels(clips, config.sampler, data, recordings))
    assert labels == ['swipe_left', 'walk', 'squat', 'rest', 'drink']
    assert {c.dataset for c in clips if c.label == 'walk'} == {'utd_mhad', 'folder'}
    assert {r.subject for r in recordings} == {'1', '2', '3', 'folder/1', 'folder/2'}
    without = recordings_of(replace(data, without=['walk']))
    assert 'walk' not in {s.label for r in without for s in r.segments}


def test_a_checkpoint_knows_people_as_their_own_set_calls_them(data):
    clips, _ = training_clips(recordings_of(data), data)
    assert people_of(clips) == {'folder': ('1', '2'), 'utd_mhad': ('1', '2', '3')}
    some, others = {'a': ('2', '10'), 'b': ('x',)}, {'a': ('1', '2')}
    assert together(some, others) == {'a': ('1', '2', '10'), 'b': ('x',)}


def test_the_packaged_checkpoint_knows_the_people_of_its_card():
    checkpoint = load_checkpoint()
    assert f'subjects {", ".join(checkpoint.people["utd_mhad"])}\n' in checkpoint.card
    for name in ('motionsense', 'spar_watch', 'cmu_mocap'):
        found = re.search(rf'- {name}: \d+ recordings of (\d+) people', checkpoint.card)
        assert found and int(found[1]) == len(checkpoint.people[name])


def test_a_set_without_a_folder_is_left_out_in_one_line(data, caplog):
    with caplog.at_level(logging.WARNING):
        alone = replace(data, also={**data.also, 'motionsense': OtherSettings(share=0.3)})
        recordings = recordings_of(alone)
    assert [r.getMessage() for r in caplog.records] == [
        'motionsense: left out, no folder came; give it as --data.also.motionsense.root DIR, '
        'or one that holds it as --data.folders [DIR]'
    ]
    clips, weights = training_clips(recordings, alone)
    others = np.array([clip.dataset == 'folder' for clip in clips])
    assert weights[others].sum() / weights.sum() == pytest.approx(0.4)


def test_a_set_is_looked_for_by_name_in_the_folders(data, folder, utd, tmp_path):
    for place in ('one', 'two'):
        (tmp_path / place).mkdir()
    (tmp_path / 'one' / 'utd_mhad').symlink_to(utd)
    (tmp_path / 'two' / 'utd_mhad').mkdir()
    (tmp_path / 'two' / 'folder').symlink_to(folder)
    also = {'folder': OtherSettings(share=0.4), 'motionsense': OtherSettings()}
    folders = [str(tmp_path / 'one'), str(tmp_path / 'two')]
    found = recordings_of(replace(data, root='', folders=folders, also=also))
    assert [r.name for r in found] == [r.name for r in recordings_of(data)]
    with pytest.raises(ValueError, match=r'--data\.root DIR, or in one of --data\.folders'):
        recordings_of(replace(data, root='', folders=folders[:0]))


def test_a_set_of_which_nothing_is_left_leaves_its_share_to_the_others(data):
    clips, weights = training_clips(recordings_of(data), replace(data, modalities=['pose']))
    assert {clip.dataset for clip in clips} == {'utd_mhad'}
    assert weights.sum() == pytest.approx(1.0)


def test_anybody_of_a_set_can_be_held_out(data):
    few = replace(data.also['folder'], subjects=['1'])
    held = replace(data, subjects=['1'], validation=['3', 'folder/2'], also={'folder': few})
    library = read_library(held)
    assert {clip.subject for clip in library.clips} == {'1', 'folder/1'}
    assert {clip.subject for clip in library.held_out} == {'3', 'folder/2'}


@pytest.mark.parametrize(
    ('name', 'changed', 'said'),
    [
        ('utd_mhad', {}, 'utd_mhad came twice'),
        ('kitchen', {}, 'kitchen'),
        ('folder', {'share': 1.0}, 'below 1 in all, folder 1 came'),
        ('folder', {'share': 0.0}, 'above 0'),
        ('folder', {'outliers': ['drink'], 'outlier_share': 0.7}, 'outliers 0.7 came'),
        ('folder', {'outliers': ['drink'], 'outlier_share': 0.0}, 'outliers 0 came'),
        ('folder', {'outliers': ['run']}, 'outliers as some of drink, hop, walk; run came'),
        ('folder', {'outliers': ['drink'], 'labels': ['drink']}, 'drink came as both'),
        ('folder', {'labels': ['run']}, 'some of drink, hop, walk; run came'),
        ('folder', {'subjects': ['9']}, 'subjects as some of the subjects 1, 2; 9 came'),
    ],
)
def test_what_cannot_be_trained_on_is_refused_in_one_line(data, name, changed, said):
    wrong = replace(data, also={name: replace(data.also['folder'], **changed)})
    with pytest.raises(ValueError, match=said) as caught:
        recordings_of(wrong)
    assert '\n' not in str(caught.value)


def test_everybody_of_every_set_is_left_out_once(data):
    recordings = recordings_of(data)
    out = [left_out_with(subject, recordings, data) for subject in ('1', '2', '3')]
    assert sorted(person for people in out for person in people) == sorted(
        {r.subject for r in recordings}
    )


def test_a_fold_is_judged_on_its_own_people_and_calibrated_on_those_of_all_sets(data, tmp_path):
    config = make_config(
        [{'model': {'size': 16, 'width': 8}, 'fit': {'steps': 2, 'batch_size': 16, 'workers': 0}}]
    )
    config = replace(config, data=data)
    library = read_library(data)
    checkpoint, held = train_without(library, '1', 0, config)
    assert {clip.subject for clip in held} == {'1', 'folder/1'}
    assert list(checkpoint.labels) == ['swipe_left', 'walk', 'squat', 'rest', 'drink']
    fold = run_fold(library, '1', 0, config, [])
    # Of UTD-MHAD 6 clips of 4 windows, which hold both; of the other set two thirds as many.
    assert len(fold.live['pose'].truth) == len(fold.live['pose+imu'].truth) == 24
    assert len(fold.live['imu'].truth) == 40
    for windows in (fold.live, fold.filled):
        for own in windows.values():
            assert len(own.logits) == len(own.truth) == len(own.familiarity)
    assert fold.scores['imu'].n == 6
    assert set(fit_calibration([fold])) == {'pose', 'imu', 'pose+imu'}
    # Thresholds are of windows that an activity fills, of which none is rest.
    rest = list(checkpoint.labels).index('rest')
    assert rest in fold.live['pose'].truth and rest not in fold.filled['pose'].truth
    thresholds = fit_calibration([fold])['pose'].unknown
    assert thresholds == calibrate(fold.live['pose'], fold.filled['pose']).unknown
    assert thresholds != calibrate(fold.live['pose']).unknown
    # To keep its checkpoint changes no figure: the calibration is fitted on the very people judged.
    kept = run_fold(library, '1', 0, config, [], tmp_path / 'fold')
    assert kept.scores == fold.scores
    assert load_checkpoint(tmp_path / 'fold').calibration


@pytest.fixture
def strange(data):
    """The same with drinking as an activity that is none of the labels."""
    folder = replace(data.also['folder'], outliers=['drink'], outlier_share=0.2)
    return replace(data, also={'folder': folder})


def test_outliers_have_their_share_and_are_no_class(strange, utd):
    recordings = recordings_of(strange)
    config = make_config([{'data': {'dataset': 'utd_mhad'}}])
    clips, weights = training_clips(recordings, strange)
    share = weights / weights.sum()
    outliers = np.array([clip.label == OUTLIER for clip in clips])
    others = np.array([clip.dataset == 'folder' for clip in clips]) & ~outliers
    assert outliers.sum() == 2
    assert share[outliers].sum() == pytest.approx(0.2)
    assert share[others].sum() == pytest.approx(0.4)
    labels = class_labels(clips, config.sampler, strange, recordings)
    assert list(labels) == ['swipe_left', 'walk', 'squat', 'rest']
    windows = WindowDataset(WindowSampler(clips, WindowSpec()), list(labels), weights, 60, 0)
    places = np.array([windows[draw].place for draw in range(len(windows))])
    assert len(np.unique(places[places < 0])) == (places < 0).sum() > 3
    assert (places[places < 0] <= OUTLIER_PLACE).all()
    # What is left out is not there as an outlier either, and what is learned cannot be one.
    without = recordings_of(replace(strange, without=['drink']))
    assert 'drink' not in {s.label for r in without for s in r.segments}
    walks = replace(strange.also['folder'], outliers=['walk'])
    both = replace(strange, also={'folder': walks})
    recordings = recordings_of(both)
    clips, _ = training_clips(recordings, both)
    with pytest.raises(ValueError, match='none of the labels that are learned, walk came'):
        class_labels(clips, config.sampler, both, recordings)


def test_nobody_held_out_is_judged_on_outliers(strange):
    config = make_config([])
    terms = {**config.objectives.terms, 'outlier_exposure': 0.5}
    config = replace(
        config,
        data=replace(strange, validation=['folder/1']),
        objectives=replace(config.objectives, terms=terms),
    )
    material = read_material(config)
    assert {clip.label for clip in material.held_out} == {'walk'}
    assert {clip.subject for clip in material.held_out} == {'folder/1'}
    assert {c.subject for c in material.clips if c.label == OUTLIER} == {'folder/2'}


def test_an_activity_may_be_called_outlier(data):
    config = make_config([{'data': {'dataset': 'utd_mhad'}}])
    clips = [Clip(label, '1', {}, dataset='folder') for label in ('outlier', 'walk', OUTLIER)]
    labels = class_labels(clips, config.sampler, data)
    assert 'outlier' in labels and OUTLIER not in labels


def test_devices_simulated_from_outliers_are_not_shown(strange):
    t = np.arange(0.0, 3.0, 0.02)
    streams = {'pose': Stream(t, np.zeros((len(t), 16, 3), np.float32))}
    devices = {'imu/left_wrist': Stream(t, np.zeros((len(t), 6), np.float32))}
    learned, strangers = (
        Clip(label, 'folder/1', streams, devices, dataset='folder') for label in ('walk', 'drink')
    )
    clips, _ = mix([learned, strangers], strange)
    assert [clip.label for clip in clips] == ['walk', OUTLIER]
    assert [list(clip.virtual) for clip in clips] == [['imu/left_wrist'], []]
    assert all(clip.streams.keys() == {'pose'} for clip in clips)


def test_a_fold_learns_from_outliers_and_is_not_judged_on_them(strange):
    config = make_config(
        [
            {
                'model': {'size': 16, 'width': 8},
                'fit': {'steps': 2, 'batch_size': 16, 'workers': 0},
            }
        ]
    )
    with pytest.raises(ValueError, match='outliers alone came'):
        replace(config, data=strange)
    terms = {**config.objectives.terms, 'outlier_exposure': 0.5}
    objectives = replace(config.objectives, terms=terms)
    with pytest.raises(ValueError, match='the term alone came'):
        replace(config, objectives=objectives)
    config = replace(config, data=strange, objectives=objectives)
    fold = run_fold(read_library(strange), '1', 0, config, [])
    assert {own.logits.shape[1] for own in fold.live.values()} == {4}
    assert len(fold.live['pose'].truth) == 24
    assert len(fold.live['imu'].truth) > 24


def test_the_card_names_outliers(strange):
    exposed = make_config([]).objectives
    exposed = replace(exposed, terms={**exposed.terms, 'outlier_exposure': 0.5})
    config = replace(make_config([]), data=strange, objectives=exposed)
    recordings = recordings_of(strange)
    clips, _ = training_clips(recordings, strange)
    card = model_card(config, recordings, clips, None, 1.0)
    assert '- folder: 18 recordings of 2 people, 1 labels, for 40% of the windows' in card
    assert 'as what is none of the labels, for 20% of the windows: drink' in card


def test_the_card_names_every_set(data):
    config = replace(make_config([]), data=data)
    recordings = recordings_of(data)
    clips, _ = training_clips(recordings, data)
    card = model_card(config, recordings, clips, None, 1.0)
    assert '- utd_mhad: 18 recordings of subjects 1, 2, 3' in card
    assert '- folder: 18 recordings of 2 people, 2 labels, for 40% of the windows' in card
    assert '--data.also.folder.root <folder>' in card


def test_rare_labels_are_drawn_more_often_over_all_sets_and_distractors_half_as_often(data):
    def mass(data):
        clips, weights = training_clips(recordings_of(data), data)
        names = np.array([clip.label for clip in clips])
        return {str(name): weights[names == name].sum() for name in set(names)}

    plain = mass(data)
    labels = sorted(plain)
    even = mass(replace(data, balance=1.0))
    assert [even[n] for n in labels] == pytest.approx([1 / len(labels)] * len(labels))
    half = mass(replace(data, balance=0.5, distractors=['drink']))
    wanted = {n: plain[n] ** 0.5 * (0.5 if n == 'drink' else 1.0) for n in labels}
    total = sum(wanted.values())
    assert [half[n] for n in labels] == pytest.approx([wanted[n] / total for n in labels])


def test_distractors_are_marked_so(data):
    clips, _ = training_clips(recordings_of(data), data)
    labels = class_labels(clips, SamplerSettings(), replace(data, distractors=['drink', 'swim']))
    assert [name for name, label in labels.items() if label.distractor] == ['drink']


def test_only_sets_for_products_are_left_and_share_out_what_the_others_had(data):
    table = {'motionsense': OtherSettings(root='here', share=0.1),
             'kard': OtherSettings(root='here', share=0.3)}  # fmt: skip
    found = sources_of(replace(data, also=table, products=True))
    assert [(s.name, round(s.share, 3)) for s in found] == [('motionsense', 0.25), ('kard', 0.75)]
    assert sources_of(replace(data, also=table))[0].name == 'utd_mhad'
    with pytest.raises(ValueError, match='expected a data set whose terms allow use in products'):
        sources_of(replace(data, also={}, products=True))
