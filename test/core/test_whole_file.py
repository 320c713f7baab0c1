"""Files that are written whole or not at all."""

import subprocess
import sys

import pytest

from mujo_core.whole_file import whole_file

FILL = """
import resource, sys
from mujo_core.whole_file import whole_file
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with whole_file(sys.argv[1]) as part:
    part.write_text(5000 * 'x')
"""


def test_a_file_appears_whole_and_with_its_folder(tmp_path):
    path = tmp_path / 'new' / 'report.json'
    with whole_file(path) as part:
        part.write_text('all')
        assert not path.exists() and part.suffix == '.json'
    assert path.read_text() == 'all'
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path):
    path = tmp_path / 'report.json'
    path.write_text('old')
    process = subprocess.run(
        [sys.executable, '-c', FILL, str(path)], capture_output=True, text=True, timeout=60
    )
    assert process.stderr.splitlines()[-1].startswith(f'OSError: cannot write {path}: ')
    assert path.read_text() == 'old' and list(tmp_path.iterdir()) == [path]


def test_an_error_of_another_kind_leaves_the_old_one_too(tmp_path):
    path = tmp_path / 'report.json'
    path.write_text('old')
    with pytest.raises(KeyError), whole_file(path) as part:
        part.write_text('half')
        raise KeyError
    assert path.read_text() == 'old' and list(tmp_path.iterdir()) == [path]


def test_what_is_no_regular_file_is_written_to_directly(tmp_path):
    full = tmp_path / 'full.json'
    full.symlink_to('/dev/full')
    with pytest.raises(OSError, match='No space left on device; make room'), whole_file(full) as f:
        f.write_text('x')
    assert full.is_symlink()
