"""Fixtures of the tests over real DDS; without rclpy none of them is collected."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
collect_ignore_glob = [] if importlib.util.find_spec('rclpy') else ['test_*.py']


@pytest.fixture
def rig(ros_domain):
    """Own context, domain and spinning executor; see `ros_rig.Rig`."""
    from ros_rig import Rig

    rig = Rig(ros_domain)
    yield rig
    rig.close()


@pytest.fixture
def held_out_checkpoint() -> Path:
    """A checkpoint trained without the people of test/data, from MUJO_HELD_OUT_CHECKPOINT."""
    folder = os.environ.get('MUJO_HELD_OUT_CHECKPOINT')
    if not folder:
        pytest.skip('MUJO_HELD_OUT_CHECKPOINT names no checkpoint trained without subject 7')
    return Path(folder)
