"""Fixtures of the tests of mujo_core: a small untrained checkpoint, and small random data."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for known_body


@pytest.fixture(scope='session')
def tiny_checkpoint():
    """A checkpoint with random weights and statistics: whatever reaches it shows in its output."""
    import torch

    from mujo_core.labels import taxonomy
    from mujo_core.model.checkpoint import Calibration, Checkpoint
    from mujo_core.model.joint_space import JointSpace, ModelSettings
    from mujo_core.model.text import embed_labels
    from mujo_core.window import WindowSpec

    torch.manual_seed(3)
    model = JointSpace(ModelSettings(size=16, width=8))
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point() and tensor.ndim == 1:
                tensor.add_(torch.rand_like(tensor) * 0.5)
    return Checkpoint(
        model=model.eval(),
        window=WindowSpec(),
        labels=taxonomy(),
        sentences=embed_labels(taxonomy()),
        calibration={
            'pose': Calibration(temperature=0.5, unknown={0.05: -50.0, 0.2: -40.0}),
            'pose+imu': Calibration(temperature=2.0, spread=0.3, unknown={0.05: -1.0}),
        },
        card='# Model card\n',
    )


@pytest.fixture(scope='session')
def utd(tmp_path_factory) -> Path:
    """Three people who do three actions twice: swipe left, walk (23) and squat (27)."""
    import scipy.io

    root = tmp_path_factory.mktemp('utd')
    rng = np.random.default_rng(0)
    (root / 'Inertial').mkdir()
    (root / 'Skeleton').mkdir()
    standing = rng.normal(size=(20, 3, 1))
    for action in (1, 23, 27):
        for subject in (1, 2, 3):
            for trial in (1, 2):
                name = f'a{action}_s{subject}_t{trial}'
                steps = rng.normal(size=(20, 3, 60)) * 0.02
                skeleton = standing + np.cumsum(steps, axis=2) + np.sin(action)
                inertial = rng.normal(size=(100, 6)) * action + (0, 0, 1, 0, 0, 0)
                scipy.io.savemat(root / f'Skeleton/{name}_skeleton.mat', {'d_skel': skeleton})
                scipy.io.savemat(root / f'Inertial/{name}_inertial.mat', {'d_iner': inertial})
    return root


@pytest.fixture
def make_window() -> Callable:
    """Return a maker of windows: pose and these placements, seen in these shares from the start."""
    from mujo_core.timeline import Timeline

    def make(seed: int, pose: float = 1.0, imu: Sequence[str] = (), share: float = 1.0):
        rng = np.random.default_rng(seed)
        timeline = Timeline()
        body = rng.normal(size=(16, 3)) + np.cumsum(rng.normal(size=(75, 16, 3)) * 0.05, axis=0)
        body[round(75 * pose) :] = np.nan
        timeline.insert('pose', 7.04 + np.arange(75) / 25, body)
        for placement in imu:
            samples = rng.normal(size=(150, 6)) * 3 + (0, 0, 9.8, 0, 0, 0)
            seen = round(150 * share)
            timeline.insert(f'imu/{placement}', 7.02 + np.arange(seen) / 50, samples[:seen])
        return timeline.cut(10.0)

    return make


class StubEncoder:
    """Stands in for the sentence encoder; `read` is what it was asked."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def encode(self, sentences: Sequence[str], **_) -> np.ndarray:
        """Return vectors that depend on the sentences alone."""
        self.read += sentences
        seeds = [sum(map(ord, sentence)) for sentence in sentences]
        rows = [np.random.default_rng(seed).normal(size=384) for seed in seeds]
        return np.array(rows, dtype=np.float32) / 20


@pytest.fixture(scope='module')
def encoder(tmp_path_factory):
    """A sentence encoder that costs nothing, and nothing in the user's cache."""
    from mujo_core.model import text

    stub = StubEncoder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MUJO_CACHE', str(tmp_path_factory.mktemp('cache')))
        patch.setattr(text, '_sentence_encoder', lambda model: stub)
        yield stub


BONES = (
    ('Hips', None, (0, 0, 0)), ('LeftUpLeg', 'Hips', (10, 0, 0)),
    ('LeftLeg', 'LeftUpLeg', (0, -40, 0)), ('LeftFoot', 'LeftLeg', (0, -42, 0)),
    ('RightUpLeg', 'Hips', (-10, 0, 0)), ('RightLeg', 'RightUpLeg', (0, -40, 0)),
    ('RightFoot', 'RightLeg', (0, -42, 0)), ('Spine', 'Hips', (0, 25, 0)),
    ('Head', 'Spine', (0, 45, 0)), ('LeftArm', 'Spine', (18, 25, 0)),
    ('LeftForeArm', 'LeftArm', (28, 0, 0)), ('LeftHand', 'LeftForeArm', (25, 0, 0)),
    ('RightArm', 'Spine', (-18, 25, 0)), ('RightForeArm', 'RightArm', (-28, 0, 0)),
    ('RightHand', 'RightForeArm', (-25, 0, 0)),
)  # fmt: skip


def _write_bvh(path, seed, seconds=4.0, rate=40.0, prefix=''):
    """A person in centimetres, y up, facing +z, who sways and lifts the arms."""
    children = {name: [c for c, parent, _ in BONES if parent == name] for name, _, _ in BONES}
    offsets = {name: offset for name, _, offset in BONES}
    lines = ['HIERARCHY']

    def put(name, depth):
        lines.append(f'{"JOINT" if depth else "ROOT"} {prefix}{name} {{')
        lines.append('OFFSET ' + ' '.join(map(str, offsets[name])))
        moves = 'Xposition Yposition Zposition ' if not depth else ''
        lines.append(f'CHANNELS {6 if not depth else 3} {moves}Zrotation Xrotation Yrotation')
        for child in children[name]:
            put(child, depth + 1)
        if not children[name]:
            lines.append('End Site { OFFSET 0 5 0 }')
        lines.append('}')

    put('Hips', 0)
    t = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(seed)
    motion = np.zeros((len(t), 3 + 3 * len(BONES)))
    motion[:, 1] = 90
    motion[:, 2] = 30 * t
    for place in range(3, motion.shape[1]):
        motion[:, place] = 12 * np.sin(rng.uniform(1, 6) * t + rng.uniform(0, 6))
    lines += ['MOTION', f'Frames: {len(t)}', f'Frame Time: {1 / rate:.7f}']
    lines += [' '.join(f'{v:.4f}' for v in row) for row in motion]
    path.write_text('\n'.join(lines) + '\n')


@pytest.fixture(scope='session')
def write_bvh():
    """Return what writes a capture: (path, seed, seconds, rate, prefix of joints' names)."""
    return _write_bvh
