"""Installs two ament packages from one tree: `mujo_ros` (nodes) and `mujo_core` (no ROS).

Metadata is in setup.cfg; here are only the files that ROS 2 tools look for outside of Python:
index markers, share/PACKAGE and the executables in lib/PACKAGE.
"""

from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent


def tree(folder: str, target: str) -> list[tuple[str, list[str]]]:
    """(target folder, files) for every folder below `folder` that holds files."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / folder).rglob('*')):
        if path.is_file() and '__pycache__' not in path.parts:
            inside = path.parent.relative_to(ROOT / folder)
            found.setdefault((Path(target) / inside).as_posix(), []).append(
                path.relative_to(ROOT).as_posix()
            )
    return list(found.items())


data_files = []
for package in ('mujo_core', 'mujo_ros'):
    data_files += [
        ('share/ament_index/resource_index/packages', [f'resource/{package}']),
        (f'share/{package}', ['package.xml']),
        *tree(f'scripts/{package}', f'lib/{package}'),
    ]
data_files += [
    *tree('launch', 'share/mujo_ros/launch'),
    *tree('config', 'share/mujo_ros/config'),
    *(
        entry
        for group in ('model', 'train', 'experiment', 'ablation', 'build')
        for entry in tree(f'config/{group}', f'share/mujo_core/config/{group}')
    ),
]

# Not in setup.cfg: from there it becomes an object that colcon cannot read.
setup(python_requires='>=3.10', data_files=data_files)
