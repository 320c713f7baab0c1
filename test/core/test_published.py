"""The page that puts our reports beside published numbers."""

import json
from pathlib import Path

import pytest

from mujo_core.cli.main import main
from mujo_core.corruptions import PUBLISHED
from mujo_core.evaluation.published import Ours, comparison, read_published, read_report


def case(name, category, accuracy, **baselines):
    def of(share):
        return {
            'accuracy': share, 'macro_f1': share, 'ticks_answered': 1.0, 'ticks_macro_f1': share,
        }  # fmt: skip

    return {
        'case': name, 'corruption': category, 'severity': '', 'category': category,
        'subsets': {part: of(accuracy) for part in ('pose', 'imu', 'pose+imu')},
        'baselines': {other: of(share) for other, share in baselines.items()},
    }  # fmt: skip


def report(subject, pieces, accuracy, **baselines):
    cases = [case('clean', 'clean', accuracy, **baselines)]
    cases += [case(f'{c} 1', c, accuracy - 0.1, **baselines) for c in PUBLISHED]
    cases += [case(f'{c} 2', c, accuracy - 0.2, **baselines) for c in PUBLISHED]
    return {
        'dataset': 'utd_mhad', 'split': 'test', 'subjects': [subject],
        'checkpoint': f'folds/without_{subject}',
        'unit': 'recording', 'pieces': pieces, 'fullest': 'pose+imu', 'cases': cases,
        'categories': {},
    }  # fmt: skip


@pytest.fixture
def reports():
    return [
        report(1, 300, 1.0, minirocket=0.5, synchronizer=0.25),
        report(3, 100, 0.8, minirocket=0.7),
    ]


def test_reports_are_pooled_by_recordings(reports):
    ours = Ours(reports)
    assert ours.case('clean', 'subsets', 'pose+imu') == pytest.approx(0.95)
    assert ours.category('noise') == pytest.approx(0.80)
    assert ours.case('clean', 'baselines', 'minirocket') == pytest.approx(0.55)
    assert ours.protocol == (
        'utd_mhad, subjects 1, 3: 2 checkpoints, each on people it has not seen'
    )
    assert Ours(reports[:1]).protocol == 'utd_mhad, subjects 1: split test'
    # What was not asked everywhere is not shown.
    assert ours.baselines == ['minirocket']
    assert ours.category('nonsense') is None


def test_the_page_has_every_figure_with_its_source_and_caveat(reports):
    published = read_published()
    page = comparison(reports, published, 'mujo compare A B')
    lines = page.splitlines()
    assert '`mujo compare A B`' in page and '400 recordings' in page
    assert '`without_1`, `without_3`' in page and 'folds/' not in page
    (suite,) = [line for line in lines if line.startswith('| **mujo_ros** | 80.0')]
    assert suite.split('|')[2:8] == [' 80.0 '] * 6
    for task in published['tasks']:
        for row in task['rows']:
            (line,) = [li for li in lines if str(row['value']) in li and row['system'] in li]
            assert all(str(row[key]) in line for key in ('source', 'protocol', 'caveat'))
            assert row['source'] and row['caveat']
    assert any('SafeSense' in line and '57.1' in line for line in lines)
    assert 'not comparable' in page or 'comparable with ours' in page
    others = page.split('## Where others are better')[1]
    assert 'PoseC3D' in others and 'UniMTS' in others
    for feature in published['features']:
        assert set(feature['has']) <= set(published['systems']), feature
    ours_lacks = [f['name'] for f in published['features'] if 'mujo_ros' not in f['has']]
    assert len(ours_lacks) >= 3


def test_one_command_writes_it(reports, tmp_path, capsys):
    files = []
    for number, data in enumerate(reports):
        files.append(str(tmp_path / f'{number}.json'))
        (tmp_path / f'{number}.json').write_text(json.dumps(data))
    page = tmp_path / 'doc' / 'page.md'
    assert main(['compare', *files, '--output', str(page)]) == 0
    first = page.read_text()
    assert main(['compare', *files, '--output', str(page)]) == 0
    assert page.read_text() == first and first.startswith('# ')


def test_people_of_another_data_set_or_twice_are_refused_in_one_line(reports, tmp_path, capsys):
    another_seed = {**reports[0], 'checkpoint': 'folds/without_1_seed_1'}
    elsewhere = {**reports[1], 'dataset': 'folder'}
    named = {'one': reports[0], 'three': reports[1], 'seed': another_seed, 'folder': elsewhere}
    files = {name: str(tmp_path / f'{name}.json') for name in named}
    for name, data in named.items():
        Path(files[name]).write_text(json.dumps(data))
    page = tmp_path / 'page.md'
    for asked, said in ((['one', 'three', 'one'], 'subject 1'), (['one', 'folder'], 'utd_mhad')):
        assert main(['compare', *(files[n] for n in asked), '--output', str(page)]) == 2
        error = capsys.readouterr().err
        assert error.count('\n') == 1 and said in error and f'{asked[-1]}.json' in error
        assert not page.exists()
    allowed = [files[name] for name in ('one', 'three', 'seed')]
    assert main(['compare', *allowed, '--output', str(page)]) == 0
    # Of two seeds the recordings are the same ones.
    assert '400 recordings' in page.read_text()


@pytest.mark.parametrize('text', ['not json', '[]', '{"subsets": {}}'])
def test_another_file_is_refused_in_one_line(tmp_path, capsys, text):
    (tmp_path / 'a.json').write_text(text)
    with pytest.raises(ValueError, match='expected'):
        read_report(tmp_path / 'a.json')
    assert main(['compare', str(tmp_path / 'a.json'), '--output', str(tmp_path / 'x.md')]) == 2
    assert capsys.readouterr().err.count('\n') == 1
    assert not (tmp_path / 'x.md').exists()
    (tmp_path / 'p.yaml').write_text('tasks: []')
    with pytest.raises(ValueError, match='suite'):
        read_published(tmp_path / 'p.yaml')


def test_the_page_in_the_repository_is_what_its_command_makes():
    root = Path(__file__).parents[2]
    page = (root / 'doc' / 'comparison.md').read_text(encoding='utf-8')
    command = page.partition('Made by `')[2].partition('`')[0]
    names = command.removeprefix('mujo compare ').split()
    assert sorted(names) == sorted(f'doc/reports/{p.name}' for p in root.glob('doc/reports/*.json'))
    reports = [read_report(root / name) for name in names]
    assert comparison(reports, read_published(), command) == page
