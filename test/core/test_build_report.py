"""The pictures of the statistics page, and files that others may read."""

import os
import re

import numpy as np

from mujo_core.builder.drawing import signal_row, skeleton_row
from mujo_core.cache import write_atomically


def test_no_line_is_drawn_where_nothing_was_sensed():
    t = np.arange(200) / 50.0
    values = np.sin(np.outer(t, (1, 2, 3)))
    assert signal_row(t, values, 'm/s²').count('<polyline') == 3
    kept = np.r_[0:80, 140:200]
    drawn = signal_row(t[kept], values[kept], 'm/s²', width=300)
    lines = re.findall('points="(.*?)"', drawn)
    assert len(lines) == 6
    ends = sorted(float(line.split()[-1].partition(',')[0]) for line in lines)
    starts = sorted(float(line.partition(',')[0]) for line in lines)
    # Over a width of 300 the gap of 1.2 of 4 s is 90 wide.
    assert 80 < starts[-1] - ends[0] < 95


def test_skeletons_stand_in_cells_of_one_width():
    body = np.zeros((3, 16, 3))
    body[..., 2] = np.linspace(1.0, 1.5, 16)
    places = [float(x) for x in re.findall('x1="(.*?)"', skeleton_row(body, width=3 * 128))]
    assert sorted(set(places)) == [64.0, 192.0, 320.0]


def test_what_is_written_has_the_rights_of_the_umask(tmp_path):
    before = os.umask(0o022)
    try:
        write_atomically(tmp_path / 'new' / 'file', b'x')
        write_atomically(tmp_path / 'new' / 'file', b'y')
    finally:
        os.umask(before)
    (path,) = (tmp_path / 'new').iterdir()
    assert path.read_bytes() == b'y' and path.stat().st_mode & 0o777 == 0o644
