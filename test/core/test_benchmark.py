"""`mujo bench --quick`, the whole verb: what it writes, never how fast it was."""

import json
import math
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from mujo_core.cli.main import main
from mujo_core.evaluation import benchmark_export
from mujo_core.evaluation.benchmark_live import tick_waits
from mujo_core.evaluation.figure import make_figure
from mujo_core.labels import taxonomy
from mujo_core.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mujo_core.model.joint_space import JointSpace
from mujo_core.model.text import embed_labels
from mujo_core.recognition.label_space import make_label_space
from mujo_core.window import WindowSpec

IN_CORE = [
    ('windows recognized', 'pose + 1 IMU'),
    ('windows recognized', 'pose + 2 IMUs'),
    ('pose + 2 IMUs scored', 'torch'),
    ('IMU samples stored', 'one by one'),
    ('IMU samples stored', '50 at once'),
]
LIVE = [
    ('har_node, IMU 100 Hz', name)
    for name in (
        'tick to publish p50',
        'tick to publish p99',
        'sample to publish p50',
        'sample to publish p99',
        'CPU',
        'CPU of inference',
        'CPU of callbacks',
    )
]


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """A checkpoint of the usual size that nobody trained."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp('checkpoint')
    labels = taxonomy()
    model = JointSpace().eval()
    save_checkpoint(Checkpoint(model, WindowSpec(), labels, embed_labels(labels)), folder)
    return folder


@pytest.mark.slow
def test_the_verb_writes_every_figure_beside_its_limit(checkpoint, tmp_path, capsys):
    path = tmp_path / 'bench.json'
    with_ros = find_spec('rclpy') is not None
    assert main(['bench', '--quick', '--checkpoint', str(checkpoint), '--json', str(path)]) == 0
    report = json.loads(path.read_text())
    figures = {(f['group'], f['name']): f for f in report['figures']}
    assert list(figures) == IN_CORE + (LIVE if with_ros else [])
    for figure in figures.values():
        numbers = [figure[k] for k in ('value', 'low', 'high', 'limit', 'ratio')]
        assert all(math.isfinite(n) and n > 0 for n in numbers), figure
        assert figure['low'] <= figure['high'] and figure['repeats'] >= 2
        assert figure['limit_name'] and figure['unit'] in ('1/s', 'ms', '%')
    assert report['failed'] == '' and ('har_node over DDS' in report['left_out']) is not with_ros
    table = capsys.readouterr().out
    for group, name in figures:
        assert group in table and name in table
    if with_ros:
        live = report['live']['scenarios'][0]
        assert 0 < live['answers'] <= live['expected_answers'] + 2
        # The age counts from a sample that came before the tick, the latency from the tick.
        ages, latencies = (np.concatenate(live[k]) for k in ('age_ms', 'latency_ms'))
        assert len(ages) == live['answers'] and np.median(ages) > np.median(latencies)
        cpu = live['node_percent']
        assert cpu['inference'][0] + cpu['callbacks'][0] <= cpu['all'][0] + 2.0


def test_without_ros_the_table_says_what_is_left_out(checkpoint, tmp_path, capsys, monkeypatch):
    path = tmp_path / 'bench.json'
    monkeypatch.setattr('mujo_core.evaluation.benchmark.importlib.util.find_spec', lambda _: None)
    assert main(['bench', '--quick', '--checkpoint', str(checkpoint), '--json', str(path)]) == 0
    report = json.loads(path.read_text())
    assert [(f['group'], f['name']) for f in report['figures']] == IN_CORE
    assert 'rclpy is not installed' in report['left_out']['har_node over DDS']
    assert 'left out: har_node over DDS' in capsys.readouterr().out


def test_an_exported_file_of_other_code_is_not_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark_export, 'cache_dir', lambda: tmp_path)
    monkeypatch.setattr(
        'mujo_core.export.onnx_file.write_onnx',
        lambda _, __, file: file.parent.mkdir(exist_ok=True) or file.touch(),
    )
    code = tmp_path / 'code.py'
    code.write_text('a = 1')
    monkeypatch.setattr(benchmark_export, '_SOURCES', [code])
    checkpoint = load_checkpoint()
    space = make_label_space(checkpoint)
    first = benchmark_export.exported_file(checkpoint, space, make=True)
    assert benchmark_export.exported_file(checkpoint, space, make=False) == first
    code.write_text('a = 2')
    assert benchmark_export.exported_file(checkpoint, space, make=False) is None


def test_a_ratio_is_the_cost_over_that_of_the_limit():
    rate = make_figure('g', 'n', '1/s', [50.0, 100.0, 100.0], [100.0, 400.0, 400.0], 'limit')
    assert (rate.value, rate.low, rate.high) == (100.0, 50.0, 100.0)
    assert (rate.limit, rate.ratio) == (400.0, 4.0)
    time = make_figure('g', 'n', 'ms', [6.0, 8.0], [5.0], 'limit', value=10.0)
    assert (time.value, time.ratio, time.repeats) == (10.0, 2.0, 2)


def test_ticks_wait_half_a_period_for_the_fastest_sensor():
    waits = tick_waits([50.0])
    assert np.median(waits) == pytest.approx(0.010, abs=5e-4)
    assert waits.min() >= 0.0 and waits.max() <= 0.020 + 1e-9
    assert tick_waits([30.3, 50.5]).mean() < waits.mean()


def test_training_is_measured_with_its_waiting_apart(tmp_path, capsys):
    path = tmp_path / 'train.json'
    small = ['--fit.batch_size', '4', '--fit.workers', '0', '--model.width', '8', '--model.size']
    assert main(['bench', 'train', '--quick', '--json', str(path), *small, '16']) == 0
    report = json.loads(path.read_text())
    assert report['steps'] == 10 and report['data'] == 'random motion'
    assert 0.0 < report['windows_per_second'] < report['compute_windows_per_second']
    for name in ('step_ms', 'wait_ms'):
        assert 0.0 < report[name]['p50'] <= report[name]['p99']
    # Without a loader process every draw is waited for.
    assert report['wait_ms']['p50'] > 4 * 0.2 * report['draw_cpu_ms']
    assert 0.0 < report['loading_share'] < 1.0
    assert 'waiting for data' in capsys.readouterr().out


def test_settings_of_training_are_refused_elsewhere(capsys):
    assert main(['bench', '--fit.steps=3']) == 2
    assert 'mujo bench train' in capsys.readouterr().err
