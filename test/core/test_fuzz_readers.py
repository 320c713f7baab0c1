"""Damaged files of every kind: refused with ValueError or OSError, or read; nothing else, soon."""

import logging
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / 'fuzz'))
from readers import READERS, Reader, attempt, checkpoint_reader

EXAMPLES = int(os.environ.get('MUJO_FUZZ_EXAMPLES', '60'))
LONGEST = 10.0  # s of processor time
NEEDS = {'mcap': 'rosbags', 'db3': 'rosbags', 'bag_labels': 'rosbags'}
TOKENS = (
    b'', b'\n', b'-1', b'0', b'nan', b'inf', b'1e999', b'99999999999999999999', b'"', b"'", b'{',
    b'}', b'[', b']', b':', b',', b'\xff\xfe', b'\x00', b'&a [*a, *a]', b'!!python/name:exit',
    b'CHANNELS 1000000000', b'End', b'root', b'1', b'2', b'-', b'~', b' ' * 40, b'\xef\xbb\xbf',
)  # fmt: skip
CHECKPOINT = ('config.yaml', 'labels.yaml', 'calibration.yaml', 'model.safetensors',
              'text.safetensors', 'README.md')  # fmt: skip


@st.composite
def damage(draw):
    """How a file is damaged: (kind, share of the file where, bytes) some times over."""
    kind = st.sampled_from(['cut', 'drop', 'double', 'insert', 'overwrite', 'flip'])
    patch = st.one_of(st.sampled_from(TOKENS), st.binary(max_size=12))
    place = st.floats(0.0, 1.0)
    return draw(st.lists(st.tuples(kind, place, place, patch), min_size=1, max_size=4))


def damaged(whole: bytes, how) -> bytes:
    data = bytearray(whole)
    for kind, first, second, patch in how:
        at = round(first * len(data))
        end = min(len(data), at + round(second**3 * 200) + 1)
        if kind == 'cut':
            del data[at:]
        elif kind == 'drop':
            del data[at:end]
        elif kind == 'double':
            data[at:at] = data[at:end] * 3
        elif kind == 'insert':
            data[at:at] = patch
        elif kind == 'overwrite':
            data[at : at + len(patch)] = patch
        elif at < len(data):
            data[at] ^= 1 << round(second * 7)
    return bytes(data)


def judged(reader: Reader, data: bytes) -> None:
    begin = time.process_time()
    line = attempt(reader, data)
    assert time.process_time() - begin < LONGEST
    assert '\n' not in line, line


@pytest.mark.parametrize('name', READERS)
def test_any_damaged_file_is_read_or_refused(name, caplog):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    caplog.set_level(logging.CRITICAL)
    reader = READERS[name]
    whole = reader.whole()
    assert attempt(reader, whole) == 'read'

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.one_of(damage().map(lambda how: damaged(whole, how)), st.binary(max_size=200)))
    def judge(data):
        judged(reader, data)

    judge()


@pytest.mark.parametrize('name', CHECKPOINT)
def test_any_damaged_checkpoint_is_read_or_refused(name, tiny_checkpoint, tmp_path):
    from mujo_core.model.checkpoint import save_checkpoint

    save_checkpoint(tiny_checkpoint, tmp_path)
    reader = checkpoint_reader(name, tmp_path)
    whole = reader.whole()
    assert attempt(reader, whole) == 'read'

    @settings(
        max_examples=EXAMPLES // 2, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(damage().map(lambda how: damaged(whole, how)))
    def judge(data):
        judged(reader, data)

    judge()


def nested(depth: int) -> bytes:
    """YAML that names 9**depth things in a few bytes."""
    lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    lines += [f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 9)}]' for i in range(1, depth)]
    return '\n'.join(lines).encode()


@pytest.mark.parametrize('name', ['labels', 'layout'])
def test_yaml_that_unfolds_without_end_is_refused(name):
    reader = READERS[name]
    judged(reader, nested(9))
    judged(reader, b'[' * 100_000)
    entry = b'walk:' if name == 'labels' else b'mine:'
    judged(reader, nested(9) + b'\n' + entry + b' *a8')


def test_an_archive_that_claims_more_than_it_holds_is_left_out(tmp_path, caplog):
    import io
    import zipfile

    from mujo_core.datasets.folder import load_folder

    (tmp_path / 'manifest.csv').write_text('recording,subject,label,start,end\none,ann,walk,,\n')
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {'descr': '<f8', 'fortran_order': False, 'shape': (10**13,)}
    )
    with zipfile.ZipFile(tmp_path / 'one.npz', 'w') as archive:
        archive.writestr('imu/right_wrist/t.npy', header.getvalue() + bytes(80))
    with caplog.at_level(logging.WARNING):
        assert list(load_folder(tmp_path)) == []
    assert 'not readable as npz' in caplog.text
