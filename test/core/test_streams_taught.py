"""The protocols `streams` and `taught`, whole, on a small data set on disk."""

import json
from dataclasses import replace

import pytest

from mujo_core.cli.main import main
from mujo_core.model.checkpoint import save_checkpoint


@pytest.fixture(scope='module')
def folder(tiny_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp('tiny')
    save_checkpoint(tiny_checkpoint, folder)
    return folder


@pytest.fixture(scope='module')
def few(tiny_checkpoint, tmp_path_factory):
    """Of many labels a model that knows nothing says rest: all that are narrower speak for it."""
    names = ['swipe_left', 'walk', 'squat', 'boxing', 'rest']
    rows = [list(tiny_checkpoint.labels).index(name) for name in names]
    folder = tmp_path_factory.mktemp('few')
    chosen = replace(
        tiny_checkpoint,
        labels={name: tiny_checkpoint.labels[name] for name in names},
        sentences=tiny_checkpoint.sentences[rows],
    )
    save_checkpoint(chosen, folder)
    return folder


def evaluate(protocol, folder, utd, tmp_path, capsys, *more):
    file = tmp_path / 'out.json'
    command = ['evaluate', '--protocol', protocol, '--dataset', 'utd_mhad', '--root', str(utd)]
    assert main([*command, '--checkpoint', str(folder), '--json', str(file), *more]) == 0
    return json.loads(file.read_text()), capsys.readouterr().out


def test_streams_scores_each_subset_in_both_ways(few, utd, tmp_path, capsys):
    data, table = evaluate('streams', few, utd, tmp_path, capsys, '--subjects', '1')
    assert set(data['subsets']) == {'pose', 'imu', 'pose+imu'}
    for ways in data['subsets'].values():
        alone, steady = ways['each answer by itself'], ways['steady']
        assert alone['events'] == steady['events'] == 6
        assert 0.0 <= steady['f1'] <= 1.0
    # That steadying helps is for `test_segmentation`: this model knows nothing. Here it is done.
    said = [[ways[way]['said'] for ways in data['subsets'].values()] for way in data['settings']]
    assert said[0] != said[1]  # segments dated back alone would be as many
    assert data['settings']['steady']['dwell'] > data['settings']['each answer by itself']['dwell']
    assert 'steady' in table


def test_taught_tells_three_actions_apart_that_were_shown_once(folder, utd, tmp_path, capsys):
    data, table = evaluate('taught', folder, utd, tmp_path, capsys)
    assert data['shown_by'] == 'the same person'
    # The rotation of the random bodies and the strength of the shaking tell them apart.
    assert data['subsets']['imu']['1']['macro_f1'] > 0.6
    assert data['subsets']['pose+imu']['1']['draws'] == 9
    assert 'examples a label' in table
