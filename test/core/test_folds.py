"""The processes in which folds run."""

import os
import signal
import subprocess
import sys
import time

import pytest

FOLDS = """
import os, time
from mujo_core.training.cross_validation import run_folds

def fold(subject, seed):
    with open(f'{os.environ["FOLDS"]}/{os.getpid()}', 'w'):
        pass
    time.sleep(300)

if __name__ == '__main__':
    run_folds(fold, lambda subject, seed: (subject, seed), ['1', '2'], [0], jobs=2)
"""


def alive(pid: int) -> bool:
    """Whether a process goes on, a zombie not counted."""
    try:
        with open(f'/proc/{pid}/stat') as stat:
            return stat.read().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def until(condition, seconds=60.0):
    """Wait for something; False where it does not come."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


@pytest.mark.parametrize('how', [signal.SIGKILL, signal.SIGTERM])
def test_folds_end_with_the_process_that_started_them(tmp_path, how):
    script, pids = tmp_path / 'folds.py', tmp_path / 'pids'
    script.write_text(FOLDS)
    pids.mkdir()
    parent = subprocess.Popen([sys.executable, str(script)], env={**os.environ, 'FOLDS': str(pids)})
    try:
        # Two processes that import torch, perhaps beside much else.
        assert until(lambda: len(list(pids.iterdir())) == 2, 240.0)
        folds = [int(path.name) for path in pids.iterdir()]
        assert all(alive(pid) for pid in folds)
        parent.send_signal(how)
        parent.wait(60.0)
        assert until(lambda: not any(alive(pid) for pid in folds), 20.0)
    finally:
        parent.kill()
