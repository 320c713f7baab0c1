"""Virtual samples moved onto the distribution of real ones."""

import json

import numpy as np
import pytest

from mujo_core.cli.main import main
from mujo_core.recording import Stream
from mujo_core.virtual_imu import fit_likeness, read_likeness, write_likeness

LEVELS = np.linspace(0.02, 0.98, 25)


def samples(count, strength, seed):
    """Vectors in all directions whose sizes are spread by `strength`."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, 2, 3))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    sizes = rng.gamma(2.0, strength, size=(count, 2, 1)) + 0.2
    return (vectors * sizes).reshape(count, 6)


def sizes(values):
    return np.linalg.norm(np.asarray(values, float).reshape(-1, 2, 3), axis=2)


def moved(likeness, values, placement='right_wrist'):
    stream = Stream(np.arange(len(values)) / 50.0, values.astype(np.float32))
    found = likeness.apply(stream, placement)
    assert np.array_equal(found.stamps, stream.stamps) and found.values.dtype == np.float32
    return found.values.astype(float)


def test_sizes_become_those_of_the_real_device_and_directions_stay():
    likeness = fit_likeness(
        {'right_wrist': samples(8000, 1.0, 0)}, {'right_wrist': samples(500, 2.5, 1) * 1.1}
    )
    fresh, real = samples(8000, 1.0, 2), samples(8000, 2.5, 3) * 1.1
    found = moved(likeness, fresh)
    before, after, wanted = (np.quantile(sizes(v), LEVELS, axis=0) for v in (fresh, found, real))
    assert np.abs(after - wanted).max() < 0.2 * np.abs(before - wanted).max()
    ends = [v.reshape(-1, 2, 3) / sizes(v)[..., None] for v in (fresh, found)]
    assert np.abs(ends[0] - ends[1]).max() < 1e-3
    # The stronger stays the stronger.
    assert (np.diff(sizes(found)[np.argsort(sizes(fresh)[:, 0]), 0]) > -1e-3).all()


def test_axes_take_over_the_attitude():
    rng = np.random.default_rng(5)
    virtual, real = (rng.normal(m, s, size=(5000, 6)) for m, s in ((0.0, 1.0), (4.0, 3.0)))
    likeness = fit_likeness({'chest': virtual}, {'chest': real}, 'axes')
    found = moved(likeness, rng.normal(size=(5000, 6)), 'chest')
    assert found.mean(axis=0) == pytest.approx([4.0] * 6, abs=0.2)
    assert found.std(axis=0) == pytest.approx([3.0] * 6, rel=0.05)
    # Beyond what was seen it goes on as the outermost that was.
    far = moved(likeness, np.full((1, 6), 40.0), 'chest')
    assert far == pytest.approx(real.max(axis=0)[None] + 40.0 - virtual.max(axis=0), abs=1e-3)


def test_a_file_holds_all_of_it_and_other_placements_stay(tmp_path):
    path = tmp_path / 'like.json'
    likeness = fit_likeness({'head': samples(300, 1.0, 0)}, {'head': samples(300, 2.0, 1)})
    write_likeness(likeness, path)
    again, fresh = read_likeness(path), samples(50, 1.0, 2)
    assert again.kind == 'size'
    assert moved(again, fresh, 'head') == pytest.approx(moved(likeness, fresh, 'head'), abs=1e-3)
    assert moved(again, fresh, 'right_wrist') == pytest.approx(fresh, abs=1e-6)
    assert not len(again.apply(Stream(np.zeros(0), np.zeros((0, 6), np.float32)), 'head'))


@pytest.mark.parametrize(
    'change',
    [
        lambda data: data.update(format=7),
        lambda data: data.update(kind='smell'),
        lambda data: data['placements']['head']['acc']['real'].pop(),
        lambda data: data['placements']['head']['acc']['real'].reverse(),
        lambda data: data['placements']['head'].pop('gyro'),
        lambda data: data.clear(),
    ],
)
def test_another_file_is_refused_in_a_line(tmp_path, change):
    path = tmp_path / 'like.json'
    write_likeness(
        fit_likeness({'head': samples(300, 1.0, 0)}, {'head': samples(300, 2.0, 1)}), path
    )
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match='fit it again') as error:
        read_likeness(path)
    assert '\n' not in str(error.value)


def test_too_little_or_nothing_in_common_is_said():
    few, many = {'head': samples(100, 1.0, 0)}, {'head': samples(300, 1.0, 0)}
    for virtual, real, kind, line in (
        (many, few, 'size', r'250 samples.*head \(100\)'),
        (many, {'chest': many['head']}, 'size', r'chest \(300\)'),
        (many, {}, 'size', 'real ones of none'),
        (many, many, 'looks', 'size, axes'),
    ):
        with pytest.raises(ValueError, match=line):
            fit_likeness(virtual, real, kind)


def test_the_command_fits_measures_and_writes(utd, tmp_path, capsys):
    like, figures = tmp_path / 'like.json', tmp_path / 'figures.json'
    arguments = ['data', 'utd_mhad', '--root', str(utd), '--likeness', str(like)]
    assert main([*arguments, '--json', str(figures)]) == 0
    assert 'right_wrist' in read_likeness(like).knots
    assert json.loads(figures.read_text())['kind'] == 'size'
    assert main([*arguments, '--likeness-kind', 'looks']) == 2
    assert main(['data', 'spar_watch', '--likeness', str(like)]) == 2
    assert '--beside' in capsys.readouterr().err
