"""The table of faults in doc/reliability.md names tests that there are, and enough of them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def rows():
    """(fault, tests) of every row of a table whose first column is the fault, '...' and 'the same'
    replaced by what they stand for."""
    file, last, found, of_faults = '', '', [], False
    for line in (ROOT / 'doc' / 'reliability.md').read_text().splitlines():
        cells = [cell.strip() for cell in line.strip('|').split('|')]
        if not line.startswith('|'):
            of_faults = False
        of_faults = of_faults or cells[0] == 'fault'
        if not of_faults or cells[0] == 'fault' or set(cells[0]) <= set('- '):
            continue
        assert len(cells) == 4, line
        named = cells[1] if cells[1] != 'the same' else last
        tests = []
        for path, name in re.findall(r'`?((?:[\w/]+\.py)|\.\.\.)(?:::(\w+))?', named):
            file = file if path == '...' else path
            tests.append((file, name))
        last = '; '.join(f'{path}::{name}' if name else path for path, name in tests)
        found.append((cells[0], tests, cells[2:]))
    return found


def test_every_fault_has_a_test_that_there_is():
    for fault, tests, (expected, seen) in rows():
        assert tests and expected and seen, fault
        for path, name in tests:
            file = ROOT / path if '/' in path else ROOT / 'test' / 'ros' / path
            assert file.is_file(), f'{fault}: {path}'
            assert not name or f'def {name}(' in file.read_text(), f'{fault}: {path}::{name}'


def test_there_are_at_least_25_faults():
    assert len({fault for fault, *_ in rows()}) >= 25
