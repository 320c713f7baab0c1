"""`mujo <verb>`: exit codes, one line for bad use, runs on a small UTD-MHAD of random motion."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import mujo_core
from mujo_core.cli.main import VERBS, main
from mujo_core.cli.report import print_table
from mujo_core.model.checkpoint import load_checkpoint, save_checkpoint
from mujo_core.training.config import read_config
from mujo_core.training.module import FitSettings, JointSpaceModule

ROOT = Path(mujo_core.__file__).parents[1]
SMALL = ['--fit.batch_size', '8', '--fit.workers', '0', '--model.width', '8', '--model.size', '16']


@pytest.fixture(scope='module')
def tiny_folder(tiny_checkpoint, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('tiny')
    save_checkpoint(tiny_checkpoint, folder)
    return folder


def refused(capsys, *arguments: object) -> str:
    """Run what cannot be run; return the line that says why."""
    try:
        assert main([str(argument) for argument in arguments]) == 2
    except SystemExit as error:
        assert error.code == 2
    said = capsys.readouterr()
    assert 'Traceback' not in said.err + said.out
    lines = [line for line in said.err.splitlines() if line.startswith('mujo')]
    assert len(lines) == 1
    assert lines[0] == said.err.splitlines()[-1]
    return lines[0]


def done(capsys, *arguments: object) -> str:
    """Run what can be run; return what it prints."""
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def test_help_lists_every_verb(capsys):
    with pytest.raises(SystemExit) as caught:
        main(['--help'])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert all(verb in said for verb in VERBS)


@pytest.mark.parametrize('verb', sorted(VERBS))
def test_every_verb_has_help(capsys, verb):
    with pytest.raises(SystemExit) as caught:
        main([verb, '--help'])
    assert caught.value.code == 0
    assert f'mujo {verb}' in capsys.readouterr().out


EVALUATE = 'evaluate --dataset utd_mhad --root UTD --checkpoint TINY'
TRAIN = 'train --output OUT --data.root UTD'
FOLDS = 'cross_validate --seeds 0 --data.root UTD --fit.steps 1'


@pytest.mark.parametrize(
    ('arguments', 'what'),
    [
        ('', 'VERB'),
        ('trane', 'trane'),
        ('data utd_mhad', '--root'),
        ('data utd --root NOWHERE', 'utd_mhad'),
        ('data utd_mhad --root NOWHERE', 'NOWHERE'),
        ('data cmu_mocap --root NOWHERE', 'NOWHERE'),
        ('data utd_mhad --root UTD --jason x', '--jason'),
        ('evaluate --dataset utd_mhad', '--root'),
        ('evaluate --dataset imagenet --root UTD --checkpoint TINY', 'imagenet'),
        ('evaluate --dataset utd_mhad --root NOWHERE --checkpoint TINY', 'NOWHERE'),
        ('evaluate --dataset utd_mhad --root UTD --checkpoint NOWHERE', 'NOWHERE'),
        (EVALUATE + ' --split even', 'train, test, all'),
        (EVALUATE + ' --subjects 9', 'subjects 1, 2, 3'),
        (EVALUATE + ' --protocol fast', 'full, missing_modality, low_label, zero_shot, retrieval'),
        (EVALUATE + ' --baseline oracle', 'minirocket'),
        (EVALUATE + ' --protocol retrieval --baseline minirocket', 'retrieval'),
        (EVALUATE + ' --fit.steps 5', 'low_label'),
        (EVALUATE + ' --stride 0', '--stride'),
        (EVALUATE + ' --stride nan', '--stride as seconds'),
        (EVALUATE + ' --stride inf', '--stride as seconds'),
        (EVALUATE + ' --seeds 5 7', '--seeds with --protocol low_label'),
        (EVALUATE + ' --protocol robustness --seeds 5 7', 'a single one with robustness'),
        (EVALUATE + ' --modalities video', 'pose, imu'),
        (EVALUATE + ' --protocol low_label --subjects 1 --amounts most', '2% or 5/class'),
        (EVALUATE + ' --protocol low_label', 'none is left'),
        ('train --data.root UTD', '--output'),
        ('train --output OUT', '--data.root'),
        ('train --output OUT --data.root NOWHERE', 'NOWHERE'),
        (TRAIN + ' --fit.stepz 5', 'stepz'),
        (TRAIN + ' --fit.steps five', 'five'),
        (TRAIN + ' --fit.steps', '--fit.steps'),
        (TRAIN + ' steps 5', 'steps'),
        (TRAIN + ' --config NOWHERE', 'NOWHERE'),
        (TRAIN + ' --config BROKEN', 'BROKEN'),
        (TRAIN + ' --cross-validation NOWHERE', 'NOWHERE'),
        (TRAIN + ' --data.split even', '--data.split all'),
        (TRAIN + ' --data.subjects [1,nobody] --fit.steps 1', 'subjects 1, 2, 3; nobody came'),
        (TRAIN + ' --data.subjects 1', "such as '[a,b]'"),
        (TRAIN + ' --data.validation [1,3]', 'leave somebody to train on out of 1, 3;'),
        (TRAIN + ' --data.validation [1,nobody]', 'subjects 1, 2, 3; nobody came'),
        ('train --output BROKEN --data.root UTD', 'a folder to write to as --output'),
        (FOLDS + ' --output BROKEN', 'a folder to write to as --output'),
        (FOLDS + ' --output OUT --data.subjects [1]', 'two people or more'),
        (FOLDS + ' --output OUT --data.subjects [1,nobody]', 'subjects 1, 2, 3; nobody came'),
    ],
)
def test_bad_use_is_one_line_and_exit_2(capsys, tmp_path, utd, tiny_folder, arguments, what):
    broken = tmp_path / 'broken.yaml'
    broken.write_text('fit: {steps: [\n')
    places = {
        'UTD': utd, 'TINY': tiny_folder, 'OUT': tmp_path / 'out', 'BROKEN': broken,
        'NOWHERE': tmp_path / 'nowhere',
    }  # fmt: skip
    line = refused(capsys, *(places.get(word, word) for word in arguments.split()))
    assert str(places.get(what, what)) in line


def test_as_a_program_bad_use_ends_with_2_and_no_traceback(tmp_path):
    command = [sys.executable, '-m', 'mujo_core.cli.main', 'data', 'utd_mhad', '--root', tmp_path]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert ended.stdout == ''
    assert len(ended.stderr.splitlines()) == 1
    assert str(tmp_path) in ended.stderr


def test_data_counts_what_is_there(capsys, utd, tmp_path):
    out = tmp_path / 'deep' / 'data.json'
    said = done(capsys, 'data', 'utd_mhad', '--root', utd, '--json', out)
    report = json.loads(out.read_text())
    assert report['recordings'] == 18
    assert report['subjects'] == ['1', '2', '3']
    assert report['classes'] == {'swipe_left': 6, 'walk': 6, 'squat': 6}
    assert report['streams'] == {'imu/right_wrist': 6, 'imu/right_thigh': 12, 'pose': 18}
    assert report['hours'] == pytest.approx(18 * 99 / 50 / 3600, abs=1e-4)
    assert 'squat' in said and '18' in said


def test_data_leaves_out_a_damaged_file_and_names_it_once(capsys, utd, tmp_path):
    root = shutil.copytree(utd, tmp_path / 'utd')
    (root / 'Inertial/a1_s1_t1_inertial.mat').write_bytes(b'MATLAB 5.0 and no more')
    out = tmp_path / 'data.json'
    command = [sys.executable, '-m', 'mujo_core.cli.main', 'data', 'utd_mhad', '--root', root]
    ended = subprocess.run(
        [*command, '--json', out], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0
    report = json.loads(out.read_text())
    assert report['streams']['imu/right_wrist'] == 5
    assert len(report['problems']) == 1 and 'a1_s1_t1_inertial.mat' in report['problems'][0]
    said = [line for line in ended.stdout.splitlines() if 'a1_s1_t1_inertial.mat' in line]
    assert said == [f'problem: {report["problems"][0]}']
    assert ended.stderr == ''


def test_data_that_makes_no_report_names_problems_too(capsys, utd, tmp_path, caplog):
    root = shutil.copytree(utd, tmp_path / 'utd')
    for file in (root / 'Inertial').iterdir():
        file.write_bytes(b'MATLAB 5.0 and no more')
    line = refused(capsys, 'data', 'utd_mhad', '--root', root, '--virtual-imu')
    assert 'a skeleton and an IMU' in line
    assert 'a1_s1_t1_inertial.mat' in caplog.text


def test_a_table_in_a_pipe_loses_no_figure(capsys):
    columns = ['placement', *(f'figure {i}' for i in range(20))]
    rows = [['right_wrist', *(f'{-i / 1000:.3f}' for i in range(20))]]
    print_table('a title', columns, rows)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].replace('│', ' ').split() == rows[0]
    assert lines[2].replace('┃', ' ').split() == ' '.join(columns).split()


@pytest.mark.parametrize('width', [40, 60, 80, 99, 120])
def test_a_table_in_a_terminal_breaks_no_figure(capsys, monkeypatch, width):
    monkeypatch.setenv('COLUMNS', str(width))
    monkeypatch.setenv('FORCE_COLOR', '1')  # what rich takes for a terminal
    rows = [[place, *(f'{-i / 9:.3f}' for i in range(9))] for place in ('left_thigh', 'head')]
    print_table('a title', ['placement', *(f'gyro {i}' for i in range(9))], rows)
    said = capsys.readouterr().out
    assert '…' not in said
    assert all(figure in said for row in rows for figure in row)


def evaluate(capsys, utd: Path, checkpoint: Path, out: Path, *more: str) -> dict:
    done(
        capsys, 'evaluate', '--checkpoint', checkpoint, '--dataset', 'utd_mhad', '--root', utd,
        '--json', out, *more,
    )  # fmt: skip
    return json.loads(out.read_text())


def test_evaluate_writes_the_report_of_the_design(capsys, utd, tiny_folder, tmp_path):
    report = evaluate(capsys, utd, tiny_folder, tmp_path / 'out.json', '--split', 'test')
    assert list(report) == [
        'dataset', 'split', 'subjects', 'recordings', 'checkpoint',
        'subjects_trained_on', 'subsets', 'unit', 'answers',
    ]  # fmt: skip
    assert report['dataset'] == 'utd_mhad'
    assert report['split'] == 'test'
    assert report['subjects'] == [2]
    assert report['recordings'] == 6
    assert report['checkpoint'] == str(tiny_folder)
    assert list(report['subsets']) == ['pose', 'imu', 'pose+imu']
    for figures in report['subsets'].values():
        assert list(figures) == ['accuracy', 'macro_f1', 'ece', 'n', 'per_class']
        assert figures['n'] == 6
        assert set(figures['per_class']) == {'swipe_left', 'walk', 'squat'}
        assert all(0 <= figures[name] <= 1 for name in ('accuracy', 'macro_f1', 'ece'))


def write_wrists(root: Path, seconds: dict[str, list[float]]) -> None:
    """A folder of wrists that walk and squat in turn: of each person, recordings of so long."""
    root.mkdir()
    rows = ['recording,subject,label,start,end']
    for person, lengths in seconds.items():
        for number, length in enumerate(lengths):
            t = np.arange(round(50 * length)) / 50
            samples = np.random.default_rng(number).normal((0, 0, 9.8, 0, 0, 0), size=(len(t), 6))
            name = f'{person}_{number}'
            np.savetxt(
                root / f'{name}.imu.right_wrist.csv', np.column_stack([t, samples]), '%.5f', ',',
                header='t,ax,ay,az,gx,gy,gz', comments='',
            )  # fmt: skip
            rows.append(f'{name},{person},{("walk", "squat")[number % 2]},,')
    (root / 'manifest.csv').write_text('\n'.join(rows) + '\n')


def test_whoever_is_tested_the_unit_is_that_of_the_data_set(capsys, tiny_folder, tmp_path):
    """Recordings of 8 s alone would be judged by windows."""
    write_wrists(tmp_path / 'wrists', {'ann': [4.0] * 4, 'ben': [8.0] * 2})
    out = tmp_path / 'out.json'
    asked = ['--dataset', 'folder', '--root', tmp_path / 'wrists', '--checkpoint', tiny_folder]
    for subjects in (['ann'], ['ben'], ['ann', 'ben']):
        done(capsys, 'evaluate', *asked, '--subjects', *subjects, '--json', out,
             '--report', tmp_path / 'report')  # fmt: skip
        report = json.loads(out.read_text())
        assert report['unit'] == 'recording', subjects
        assert report['subsets']['imu']['n'] == report['recordings']
    assert 'one answer a recording' in (tmp_path / 'report' / 'report.md').read_text()


@pytest.mark.parametrize('protocol', ['missing_modality', 'zero_shot', 'retrieval'])
def test_other_protocols_write_json_too(capsys, utd, tiny_folder, tmp_path, protocol):
    out = tmp_path / 'out.json'
    report = evaluate(
        capsys, utd, tiny_folder, out, '--subjects', '2', '--protocol', protocol,
        '--modalities', 'imu', '--report', str(tmp_path / 'report'),
    )  # fmt: skip
    assert report['subjects'] == [2]
    assert list(report.get('subsets', {'imu': 0})) == ['imu']
    assert (tmp_path / 'report' / 'report.md').exists()


def test_a_full_disk_takes_no_figures_away(capsys, utd, tiny_folder, tmp_path):
    """/dev/full takes no byte: what is written there fails as on a full disk."""
    out = tmp_path / 'out.json'
    out.symlink_to('/dev/full')
    arguments = ['evaluate', '--checkpoint', tiny_folder, '--dataset', 'utd_mhad', '--root', utd]
    assert main([str(a) for a in [*arguments, '--subjects', '2', '--json', out]]) == 2
    said = capsys.readouterr()
    assert 'pose+imu' in said.out
    line = said.err.splitlines()[-1]
    assert line.startswith(f'mujo evaluate: cannot write {out}: No space left') and 'room' in line


def test_several_checkpoints_give_mean_and_spread(capsys, utd, tiny_folder, tmp_path):
    out = tmp_path / 'out.json'
    done(
        capsys, 'evaluate', '--checkpoint', tiny_folder, tiny_folder, '--dataset', 'utd_mhad',
        '--root', utd, '--json', out,
    )  # fmt: skip
    report = json.loads(out.read_text())
    assert len(report['runs']) == 2
    assert 'answers' not in report['over_checkpoints'] and report['runs'][1]['answers']['said']
    macro_f1 = report['over_checkpoints']['subsets']['pose']['macro_f1']
    assert macro_f1['std'] == 0.0
    assert macro_f1['mean'] == report['runs'][0]['subsets']['pose']['macro_f1']


def test_subjects_override_the_split(capsys, utd, tiny_folder, tmp_path):
    out = tmp_path / 'out.json'
    report = evaluate(capsys, utd, tiny_folder, out, '--split', 'test', '--subjects', '3', '1')
    assert report['subjects'] == [1, 3]
    assert report['recordings'] == 12
    assert report['split'] != 'test'


def test_judging_people_who_were_trained_on_is_said(capsys, utd, tmp_path):
    """Also those by whom the weights were chosen, and those of the checkpoint it went on from."""
    tiny = ['--model.width', 8, '--model.size', 16, '--fit.steps', 2, '--fit.batch_size', 4,
            '--fit.workers', 0, '--data.root', utd]  # fmt: skip
    first, second = tmp_path / 'first', tmp_path / 'second'
    done(capsys, 'train', *tiny, '--data.subjects', '[1,3]', '--data.validation', '[3]',
         '--fit.validate_every', 1, '--output', first)  # fmt: skip
    done(capsys, 'train', '--stage', 'finetune', '--from', first, *tiny[4:], '--data.subjects',
         '[2]', '--output', second)  # fmt: skip
    for folder, judged, known, said in (
        (first, ['2'], [], ''),
        (first, ['1', '2', '3'], [1, 3], 'trained on subjects 1, 3:'),
        (second, ['1', '2', '3'], [1, 2, 3], 'trained on all of these people:'),
    ):
        asked = ['--checkpoint', folder, '--dataset', 'utd_mhad', '--root', utd]
        printed = done(capsys, 'evaluate', *asked, '--subjects', *judged, '--report', tmp_path,
                       '--json', tmp_path / 'out.json')  # fmt: skip
        assert json.loads((tmp_path / 'out.json').read_text())['subjects_trained_on'] == known
        for text in (printed, (tmp_path / 'report.md').read_text()):
            assert ('was trained on' in text) == bool(known)
            assert said in text


@pytest.mark.parametrize('unit', ['recording', 'window'])
def test_from_single_answers_the_figures_can_be_had_again(capsys, utd, tiny_folder, tmp_path, unit):
    root = shutil.copytree(utd, tmp_path / 'utd')
    (root / 'Skeleton/a1_s2_t1_skeleton.mat').unlink()
    report = evaluate(
        capsys, root, tiny_folder, tmp_path / 'out.json', '--split', 'test', '--unit', unit,
        '--report', str(tmp_path / 'report'),
    )  # fmt: skip
    answers = report['answers']
    assert json.loads((tmp_path / 'report' / 'report.json').read_text())['answers'] == answers
    assert len(set(answers['recording'])) == 6 and set(answers['subject']) == {'2'}
    assert ('end' in answers) == (unit == 'window')
    for name, figures in report['subsets'].items():
        said, sure = answers['said'][name], answers['probability'][name]
        there = np.array([s is not None for s in said])
        assert len(said) == len(sure) == len(answers['label']) and there.sum() == figures['n']
        lacking = {r for r, has in zip(answers['recording'], there, strict=True) if not has}
        assert lacking == (set() if name == 'imu' else {'a1_s2_t1'})
        right = (np.array(said) == np.array(answers['label']))[there]
        assert right.mean() == pytest.approx(figures['accuracy'], abs=1e-5)
        confidence = np.array(sure, dtype=float)[there]
        bins = np.ceil(confidence * 10)
        ece = sum(abs((right - confidence)[bins == b].sum()) for b in set(bins)) / len(right)
        assert ece == pytest.approx(figures['ece'], abs=1e-4)


def test_a_recording_without_one_modality_counts_where_it_can(capsys, utd, tiny_folder, tmp_path):
    root = shutil.copytree(utd, tmp_path / 'utd')
    (root / 'Skeleton/a1_s2_t1_skeleton.mat').unlink()
    report = evaluate(capsys, root, tiny_folder, tmp_path / 'out.json', '--split', 'test')
    assert {name: s['n'] for name, s in report['subsets'].items()} == {
        'pose': 5, 'imu': 6, 'pose+imu': 5,
    }  # fmt: skip


def test_a_few_steps_of_training_give_a_checkpoint_that_loads(capsys, caplog, utd, tmp_path):
    out = tmp_path / 'checkpoint'
    done(capsys, 'train', '--output', out, '--data.root', utd, '--fit.steps', '6', *SMALL)
    assert 'after 6 steps the averaged weights are still 97% those of the start' in caplog.text
    checkpoint = load_checkpoint(out)
    assert checkpoint.model.settings.width == 8
    assert checkpoint.window.seconds == 3.0
    assert 'walk' in checkpoint.labels
    assert 'subjects 1, 3' in checkpoint.card
    assert list((out / 'log').iterdir())
    report = evaluate(capsys, utd, out, tmp_path / 'out.json')
    assert report['subjects'] == [1, 2, 3]
    assert report['split'] == 'all'


@pytest.mark.parametrize('steps', [1, 2, 5, 900])
def test_any_number_of_steps_has_a_schedule(tiny_checkpoint, steps):
    sentences = torch.from_numpy(tiny_checkpoint.sentences)
    module = JointSpaceModule(tiny_checkpoint.model, sentences, FitSettings(steps=steps))
    schedule = module.configure_optimizers()['lr_scheduler']['scheduler']
    for _ in range(steps):
        schedule.optimizer.step()
        schedule.step()
    assert 0.0 < schedule.get_last_lr()[0] <= FitSettings.learning_rate


def test_leaving_one_out_gives_figures_calibration_and_a_card(capsys, utd, tmp_path):
    folds, out = tmp_path / 'folds', tmp_path / 'checkpoint'
    run = ['--data.root', str(utd), '--fit.steps', '2', *SMALL]
    said = done(capsys, 'cross_validate', '--output', folds, '--seeds', '0', *run)
    # One seed has no spread, which is not one of 0.
    assert '±' not in said and '1 seed' in said and '1 seeds' not in said
    assert 'without subject 1, seed 0' in said and 'without subject 3, seed 0' in said
    summary = json.loads((folds / 'cross_validation.json').read_text())
    assert summary['subjects'] == ['1', '3']
    assert {fold['subject'] for fold in summary['folds']} == {'1', '3'}
    for subset, figures in summary['subsets'].items():
        scores = [fold['subsets'][subset]['macro_f1'] for fold in summary['folds']]
        assert figures['macro_f1']['mean'] == pytest.approx(np.mean(scores), abs=1e-4)
        assert figures['macro_f1']['std'] == 0.0
    done(capsys, 'train', '--output', out, '--cross-validation', folds, *run)
    checkpoint = load_checkpoint(out)
    assert set(checkpoint.calibration) == {'pose', 'imu', 'pose+imu'}
    assert all(entry.unknown for entry in checkpoint.calibration.values())
    mean = summary['subsets']['pose+imu']['accuracy']['mean']
    assert f'| pose+imu | {mean:.4f}' in checkpoint.card
    assert summary['unit'] == 'recording' and 'one prediction a recording;' in checkpoint.card
    in_windows = json.dumps({**summary, 'unit': 'window'})
    (folds / 'cross_validation.json').write_text(in_windows)
    done(capsys, 'train', '--output', out, '--cross-validation', folds, *run)
    assert 'one prediction a window;' in load_checkpoint(out).card
    assert 'calibrated on the other people |' in checkpoint.card
    assert '--cross-validation <folds> ' in checkpoint.card
    # Its scores are not those of a model of other people, or of other activities.
    for other, strangers in (('--data.subjects=[1,2]', '3'), ('--data.without=[walk]', 'walk')):
        line = refused(capsys, 'train', '--output', out, '--cross-validation', folds, *run, other)
        assert str(folds) in line and f'{strangers} came; cross-validate' in line


def test_the_command_on_a_card_trains_the_same_again(capsys, utd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps = ['--fit.steps', '2', '--fit.seed', '7', '--data.subjects', '[1,2]']
    said = done(capsys, 'train', '--output', 'a run', '--data.root', utd, *steps, *SMALL)
    assert 'Epoch 0/0' in said
    first = load_checkpoint('a run')
    # A card is published: it tells nothing of the disk it was written on.
    assert str(utd) not in first.card and 'a run' not in first.card
    (line,) = (line for line in first.card.splitlines() if line.startswith('    mujo train'))
    line = line.replace('<utd_mhad>', str(utd)).replace('<folder>', str(tmp_path / 'again'))
    monkeypatch.chdir('a run')
    done(capsys, *shlex.split(line)[1:])
    again = load_checkpoint(tmp_path / 'again').model.state_dict()
    assert all(torch.equal(again[name], value) for name, value in first.model.state_dict().items())


def test_settings_come_from_the_file_and_then_the_command_line(tmp_path):
    path = tmp_path / 'run.yaml'
    path.write_text('fit: {steps: 7, batch_size: 9}\nwindow: {seconds: 2}\n')
    config = read_config(path, ['--fit.steps', '11', '--data.subjects=[1,2]'])
    assert (config.fit.steps, config.fit.batch_size) == (11, 9)
    assert config.window.seconds == 2.0
    assert config.data.subjects == ['1', '2']
    assert config.fit.learning_rate == read_config(None).fit.learning_rate
