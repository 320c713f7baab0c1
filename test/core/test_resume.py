"""A run that is killed continues and ends with the same weights, or is refused in one line."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.torch import load_file

from mujo_core.recording import Stream
from mujo_core.training.clip import Clip
from mujo_core.training.config import DataSettings, OtherSettings, TrainConfig
from mujo_core.training.module import FitSettings
from mujo_core.training.resume import Run, fingerprint

ROOT = Path(__file__).parents[2]
STEPS = 24
RUN = [
    '--fit.steps', str(STEPS), '--fit.batch_size', '4', '--fit.workers', '1', '--model.width', '16',
    '--model.size', '16', '--fit.snapshot_every', '2', '--fit.accumulate', '2',
    '--data.subjects', '[1,2,3]', '--data.validation', '[3]', '--fit.validate_every', '4',
    '--fit.patience', '3', '--corruptions.names', '[noise,gap]', '--corruptions.modality_dropout',
    '0.2', '--objectives.terms.consistency', '0.5',
]  # fmt: skip
"""Dropout, moving average, accumulation, early stopping and corruptions are all at work."""


def clip(seed: int) -> Clip:
    samples = np.random.default_rng(seed).normal(size=(100, 6)).astype(np.float32)
    return Clip('walk', '1', {'imu/right_wrist': Stream(np.arange(100) / 50, samples)})


def train(utd: Path, output: Path, *more: str) -> subprocess.Popen:
    command = [sys.executable, '-m', 'mujo_core.cli.main', 'train', '--output', str(output)]
    return subprocess.Popen(
        [*command, '--data.root', str(utd), *RUN, *more],
        cwd=ROOT,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )


def finish(process: subprocess.Popen) -> str:
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    return said


def kill_after(process: subprocess.Popen, snapshot: Path, pause: float) -> None:
    """SIGKILL a run and its loaders, some moment after it has left a snapshot."""
    deadline = time.monotonic() + 300
    while not snapshot.is_file():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(pause)
    assert process.poll() is None, 'the run was done before it could be killed'
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)


@pytest.mark.slow
def test_a_killed_run_ends_with_the_weights_of_one_that_was_not(utd, tmp_path):
    whole, broken = tmp_path / 'whole', tmp_path / 'broken'
    finish(train(utd, whole))
    snapshot = broken / 'run' / 'last.ckpt'
    kill_after(train(utd, broken), snapshot, random.random() * 0.3)
    assert snapshot.is_file() and not (broken / 'model.safetensors').exists()
    assert 'continuing' in finish(train(utd, broken))
    expected, found = (load_file(d / 'model.safetensors') for d in (whole, broken))
    assert expected.keys() == found.keys()
    different = [name for name in expected if not expected[name].equal(found[name])]
    assert not different
    assert not snapshot.exists()
    settings = yaml.safe_load((broken / 'train.yaml').read_text())
    assert settings['fit']['steps'] == STEPS and settings['data']['validation'] == ['3']
    events = [yaml.safe_load((d / 'train.yaml').read_text()) for d in (whole, broken)]
    assert events[0] == events[1]


@pytest.fixture
def begun(tmp_path):
    """A run on disk with a snapshot of step 6, its settings and its clips."""
    import torch

    config, clips = TrainConfig(), [clip(0), clip(1)]
    run = Run(tmp_path / 'out')
    assert not run.unfinished
    assert run.begin(config, clips) == 0
    torch.save({'global_step': 6}, run.snapshot)
    return run, config, clips


def test_a_run_continues_where_its_snapshot_is(begun):
    run, config, clips = begun
    assert Run(run.output).unfinished
    assert Run(run.output).begin(config, clips) == 6
    # What the weights do not depend on may change.
    other = replace(
        config,
        data=replace(config.data, root='elsewhere', folders=['there']),
        fit=replace(config.fit, workers=3, snapshot_every=7, devices=2),
    )
    assert Run(run.output).begin(other, clips) == 6


def test_a_run_continues_where_the_folder_of_a_set_beside_the_first_has_moved(tmp_path):
    import torch

    def beside(root: str, share: float = 0.1) -> TrainConfig:
        return TrainConfig(
            data=DataSettings(also={'motionsense': OtherSettings(root, share=share)})
        )

    run, clips = Run(tmp_path), [clip(0), clip(1)]
    run.begin(beside('here'), clips)
    torch.save({'global_step': 6}, run.snapshot)
    assert Run(tmp_path).begin(beside('there'), clips) == 6
    with pytest.raises(ValueError, match=r'data\.also\.motionsense\.share 0\.1, 0\.2 came'):
        Run(tmp_path).begin(beside('here', 0.2), clips)


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        ({'fit': FitSettings(steps=9)}, '--fit.steps 2500, 9 came'),
        ({'stage': 'finetune'}, '--stage pretrain, finetune came'),
    ],
)
def test_a_run_of_other_settings_is_refused_in_one_line(begun, settings, said):
    run, config, clips = begun
    with pytest.raises(ValueError, match=said) as caught:
        Run(run.output).begin(replace(config, **settings), clips)
    assert '\n' not in str(caught.value) and '--restart' in str(caught.value)


def test_a_run_on_other_recordings_is_refused_in_one_line(begun):
    run, config, clips = begun
    with pytest.raises(ValueError, match='other recordings') as caught:
        Run(run.output).begin(config, clips[:1])
    assert '\n' not in str(caught.value)


def test_a_damaged_snapshot_is_refused_in_one_line(begun):
    run, config, clips = begun
    run.snapshot.write_bytes(b'\x80\x04\x95\xff\xfe' * 40)
    with pytest.raises(ValueError, match='damaged') as caught:
        Run(run.output).begin(config, clips)
    assert '\n' not in str(caught.value)


def test_a_run_begins_anew_where_that_is_asked_for(begun):
    run, config, clips = begun
    assert Run(run.output, anew=True).begin(config, clips) == 0
    assert not run.snapshot.exists()


def test_a_fingerprint_knows_clips_by_what_they_hold():
    clips = [clip(0), clip(1)]
    assert fingerprint(clips) == fingerprint([clip(0), clip(1)])
    assert fingerprint(clips) != fingerprint(clips[::-1])
    stream = clips[1].streams['imu/right_wrist']
    moved = replace(stream, values=stream.values + np.float32(1e-3))
    changed = replace(clips[1], streams={'imu/right_wrist': moved})
    assert fingerprint(clips) != fingerprint([clips[0], changed])
