"""Fixtures shared by all tests. Nothing here needs ROS until a fixture that does is used."""

import fcntl
import os
import random
import tempfile
from pathlib import Path

import pytest

from mujo_ros.demo.processes import is_free

# Before anything loads the middleware: no test is seen on, or looks into, the network.
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ.setdefault('OMP_NUM_THREADS', '1')  # tests run beside each other
os.environ.setdefault('ROS_LOG_DIR', str(Path(tempfile.gettempdir()) / 'mujo_test_logs'))

DATA = Path(__file__).parent / 'data'
DOMAINS = range(1, 51)  # those above are taken by demos, soaks and benchmarks


@pytest.fixture
def data_dir() -> Path:
    """Folder of the small recordings that tests play."""
    return DATA


@pytest.fixture(scope='session')
def clips_in_sequence():
    """A maker of a long recording: real clips by label, with seconds of rest between them."""
    import numpy as np

    from mujo_core.bags.sequence import in_sequence
    from mujo_core.recording import Recording, Segment, Stream

    def clip(label: str) -> Recording:
        (file,) = (f for f in DATA.glob(f'*_{label}.npz'))
        streams = {}
        with np.load(file) as arrays:
            for key in arrays:
                name, _, part = key.rpartition('/')
                if part == 'xyz':
                    streams['pose'] = Stream(arrays[f'{name}/t'], arrays[key], 'kinect20')
                elif part == 'acc':
                    values = np.concatenate([arrays[key], arrays[f'{name}/gyro']], axis=1)
                    streams[name] = Stream(arrays[f'{name}/t'], values.astype(np.float32))
        recording = Recording(label, 'utd_mhad', '7', streams)
        segment = Segment(label, recording.start, recording.end)
        return Recording(label, 'utd_mhad', '7', streams, [segment])

    def make(labels: list[str], rest: float = 2.0) -> Recording:
        return in_sequence([clip(label) for label in labels], rest)

    return make


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
            if is_free(domain):  # nor anything else
                yield domain
                return
    pytest.fail(f'all {len(DOMAINS)} ROS domains for tests are in use')
