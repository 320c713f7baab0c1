"""What an import brings in, in fresh interpreters."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import mujo_core

ROOT = Path(mujo_core.__file__).parents[1]
HEAVY = ('torch', 'lightning', 'sentence_transformers', 'mediapipe', 'cv2', 'scipy', 'numpy')
ROS = ('rclpy', 'mujo_ros', 'sensor_msgs', 'std_msgs', 'diagnostic_msgs', 'builtin_interfaces')
BLOCK = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {ROS!r}:
            raise ImportError('not on this machine: ' + name)
sys.meta_path.insert(0, Refuse())
"""
EVERYTHING = """
import json, pkgutil, sys
from importlib import import_module
import mujo_core
failed, count = {}, 0
for module in pkgutil.walk_packages(mujo_core.__path__, 'mujo_core.'):
    count += 1
    try:
        import_module(module.name)
    except ImportError as error:
        failed[module.name] = str(error)
print(json.dumps([count, failed, sorted({n.partition('.')[0] for n in sys.modules})]))
"""


def python(code: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_mujo_core_is_light():
    code = 'import json, sys, mujo_core; print(json.dumps(sorted(sys.modules)))'
    loaded = {name.partition('.')[0] for name in json.loads(python(code))}
    assert 'mujo_core' in loaded
    assert not loaded & {*HEAVY, *ROS}


def test_import_mujo_core_works_where_there_is_no_ros():
    assert python(BLOCK + 'import mujo_core; print(mujo_core.__version__)').strip()


def test_nothing_in_mujo_core_imports_ros():
    count, failed, loaded = json.loads(python(BLOCK + EVERYTHING))
    assert count > 25
    assert failed == {}
    assert not set(loaded) & set(ROS)


def test_streams_and_skeletons_need_no_torch():
    code = (
        'import sys; import mujo_core.timeline, mujo_core.skeleton, mujo_core.inertial, '
        'mujo_core.recording, mujo_core.labels, mujo_core.recognition; '
        'print("torch" in sys.modules)'
    )
    assert python(code).strip() == 'False'


def test_the_recognizer_needs_nothing_of_training():
    code = (
        'import sys; from mujo_core import Recognizer; '
        'print([n for n in ("lightning", "torchmetrics", "tensorboard", "mediapipe", "cv2", '
        '"sentence_transformers") if n in sys.modules])'
    )
    assert python(code).strip() == '[]'


@pytest.mark.parametrize('name', mujo_core.__all__)
def test_every_public_name_is_there(name):
    assert getattr(mujo_core, name)


def test_a_name_that_is_not_there_is_named():
    with pytest.raises(AttributeError, match='Recogniser'):
        _ = mujo_core.Recogniser
