"""Tells what the system lacks for `make`: one line for each, with the Debian/Ubuntu package.

Runs on the system's bare Python, before anything is installed.
"""

import ctypes
import sys

# shared library, why, package
LIBRARIES = (
    ('libGL.so.1', 'OpenCV', 'libgl1'),
    ('libglib-2.0.so.0', 'OpenCV', 'libglib2.0-0'),
    ('libgthread-2.0.so.0', 'OpenCV', 'libglib2.0-0'),
    ('libxcb.so.1', 'OpenCV', 'libxcb1'),
)


def missing() -> list[str]:
    """One line for each thing that is not there."""
    lines = []
    version = '.'.join(map(str, sys.version_info[:2]))
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        lines.append(
            'Python 3.10 to 3.12 is needed (MediaPipe has no wheel for others), this is '
            f'{version}: install one and say `make PYTHON=python3.12 ...`'
        )
    for module in ('venv', 'ensurepip'):
        try:
            __import__(module)
        except ImportError:
            lines.append(
                f'Python module {module} is missing: sudo apt install python{version}-venv'
            )
            break
    for library, user, package in LIBRARIES:
        try:
            ctypes.CDLL(library)
        except OSError:
            lines.append(f'{library} is missing ({user} needs it): sudo apt install {package}')
    return lines


if __name__ == '__main__':
    found = missing()
    print('\n'.join(found), file=sys.stderr, end='\n' if found else '')
    raise SystemExit(1 if found else 0)
