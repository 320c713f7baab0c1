"""Virtual beside real IMUs: a device that is its own twin, a clock that is off, and real people."""

from pathlib import Path

import numpy as np
import pytest

from mujo_core.cli.main import main
from mujo_core.datasets.registry import load_recordings
from mujo_core.evaluation.fidelity import measure_fidelity
from mujo_core.recording import Recording, Stream
from mujo_core.virtual_imu import virtual_imu

SHARED = Path(__file__).parents[3] / 'shared' / 'data' / 'utd_mhad'


def recording(late: float = 0.0) -> Recording:
    """An arm that swings at two paces, and the wrist device that a skeleton of it predicts."""
    rng = np.random.default_rng(4)
    stamps = np.arange(0.0, 4.0, 1 / 30)
    joints = np.repeat(rng.normal(size=(1, 16, 3)) * 0.3, len(stamps), axis=0)
    swing = np.sin(2 * np.pi * 0.7 * stamps) + 0.5 * np.sin(2 * np.pi * 1.1 * stamps + 1.0)
    for joint, reach in ((7, 0.2), (9, 0.5)):
        joints[:, joint] += reach * swing[:, None] * (0.3, 1.0, 0.6)
    real = virtual_imu(stamps, joints, 'right_wrist', cutoff=2.3, turn_cutoff=1.6)
    end = late + np.linspace(0.0, stamps[-1], len(real))
    streams = {
        'pose': Stream(stamps, joints.astype(np.float32), layout='canonical16', up=(0, 0, 1)),
        'imu/right_wrist': Stream(end, real.values),
        'imu/right_pocket': Stream(end, real.values[::-1].copy()),
        'imu/desk': Stream(end, real.values),
    }
    return Recording('swing', 'folder', '1', streams)


@pytest.mark.parametrize('late', [0.0, 7.0])
def test_a_device_is_like_its_twin_however_the_clocks_begin(late):
    found = measure_fidelity([recording(late)])
    assert set(found) == {'right_wrist', 'right_pocket'}
    same, other = found['right_wrist'].to_dict(), found['right_pocket'].to_dict()
    # The axes that this swing moves.
    assert all(same[name] > 0.95 for name in ('acc', 'gyro', 'acc x', 'acc z', 'gyro y'))
    assert other['acc'] < 0.5 and other['gyro y'] < 0.5


def test_without_anything_to_compare_the_command_says_so(utd, capsys, tmp_path):
    assert main(['data', 'spar_watch', '--virtual-imu']) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    figures = tmp_path / 'figures.json'
    assert (
        main(['data', 'utd_mhad', '--root', str(utd), '--virtual-imu', '--json', str(figures)]) == 0
    )
    assert 'right_wrist' in figures.read_text() and 'right_thigh' in figures.read_text()


def test_on_people_it_is_as_good_as_was_measured():
    if not SHARED.is_dir():
        pytest.skip('needs the recordings of UTD-MHAD in ../shared/data')
    found = measure_fidelity(load_recordings('utd_mhad', str(SHARED), subjects=['7']))
    wrist = found['right_wrist'].to_dict()
    assert wrist['acc'] > 0.8 and wrist['gyro'] > 0.85
