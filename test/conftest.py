"""Fixtures shared by all tests. Nothing here needs ROS until a fixture that does is used."""

import fcntl
import os
import random
import tempfile
from pathlib import Path

import pytest

# Before anything loads the middleware: no test is seen on, or looks into, the network.
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ.setdefault('ROS_LOG_DIR', str(Path(tempfile.gettempdir()) / 'mujo_test_logs'))

DATA = Path(__file__).parent / 'data'
DOMAINS = range(1, 102)  # DDS domains whose ports lie below the ephemeral ones


@pytest.fixture
def data_dir() -> Path:
    """Folder of the small recordings that tests play."""
    return DATA


@pytest.fixture
def ros_domain(request):
    """A ROS domain that no other test on this machine uses at the same time."""
    candidates = list(DOMAINS)
    # Not the domain of the test before, which others may still believe to be there.
    random.Random(f'{os.getpid()} {request.node.nodeid}').shuffle(candidates)
    for domain in candidates:
        lock = Path(tempfile.gettempdir()) / f'mujo_test_domain_{domain}.lock'
        with lock.open('w') as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            yield domain
            return
    pytest.fail(f'all {len(DOMAINS)} ROS domains for tests are in use')
