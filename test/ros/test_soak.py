"""A short soak of the node at full load, as `make soak` runs for long."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mujo_ros.soak import MeasurementError, Sample, summary
from mujo_ros.soak_report import GROWTH_LIMIT, exceeded, one_line

ROOT = Path(__file__).parents[2]


def test_a_short_soak_reports_memory_ticks_latency_and_cpu(tmp_path):
    out = tmp_path / 'soak.json'
    process = subprocess.run(
        [
            *(sys.executable, '-m', 'mujo_ros.soak', '--minutes', '0.12', '--warm-up', '5'),
            *('--rate', '10', '--json', str(out)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
    )
    # A crowded machine misses ticks, which is said and is status 1.
    said = process.stderr.splitlines()
    assert all(line.startswith('over its limit: ') for line in said), process.stderr
    assert process.returncode == (1 if said else 0)
    report = json.loads(out.read_text())
    assert report['seconds'] >= 7.0 and report['answers'] > 0
    assert report['memory_mib']['growth'] < GROWTH_LIMIT
    assert 0.0 < report['cpu_percent']['callbacks'] <= report['cpu_percent']['all']
    for key in ('age_ms', 'latency_ms', 'forward_ms'):
        assert 0.0 < report[key]['p50'] <= report[key]['p99'] <= report[key]['max']
    assert f'{report["answers"]} answers' in process.stdout
    assert process.stdout.splitlines()[-1] == one_line(report)


def test_growth_missed_ticks_and_busy_callbacks_exceed_their_limits():
    def report(growth, missed, callbacks, forward=2.0):
        samples = [
            Sample(t, 300.0 + growth * t / 60.0, 10 * t, missed * t // 60) for t in range(61)
        ]
        answers = [(0.01 + i / 1e5, 0.005) for i in range(600)]
        percent = {'all': 30.0, 'main': callbacks}
        return summary(10.0, samples, answers, percent, [0.01 + forward / 1e3] * 300)

    calm = report(0.0, 0, 5.0)
    assert exceeded(calm) == [] and calm['ticks'] == 600
    assert calm['age_ms']['p99'] == pytest.approx(np.percentile(10 + np.arange(600) / 100, 99))
    bad = report(20.0, 6, 15.0, forward=0.9)
    assert bad['memory_mib']['growth'] == pytest.approx(20.0)
    assert bad['memory_mib']['growth_an_hour'] == pytest.approx(1200.0)
    assert exceeded(bad) == [
        'memory grew by 20.0 MiB',
        '6 of 600 ticks missed',
        'p99 newest sample to /activity is 15.9 ms, a forward alone 10.9 ms',
        'callbacks took 15.0 % of a core',
    ]
    assert exceeded({**calm, 'expected_answers': 610}) == ['10 of 610 answers did not come']
    with pytest.raises(MeasurementError, match='no answer'):
        summary(10.0, [Sample(0.0, 1.0, 0, 0)], [], {'all': 0.0, 'main': 0.0}, [0.01])
