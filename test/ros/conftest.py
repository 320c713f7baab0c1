"""Fixtures of the tests over real DDS; without rclpy none of them is collected."""

import importlib.util
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
def held_out_checkpoint(data_dir) -> Path:
    """A checkpoint trained without the person of test/data."""
    return data_dir / 'without_subject_7'
