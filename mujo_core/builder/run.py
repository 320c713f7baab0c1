"""A build from its sources to finished shards; continues where it was killed."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mujo_core.builder.card import data_card, labels_of, schema
from mujo_core.builder.clip import Clip, dump_json
from mujo_core.builder.describe import with_descriptions
from mujo_core.builder.plan import Plan, make_plan
from mujo_core.builder.report import report_page
from mujo_core.builder.sample import FORMAT
from mujo_core.builder.settings import BuildSettings
from mujo_core.builder.shards import PATTERN, SPLITS, Shard, ShardWriter, read_result
from mujo_core.builder.sources import find_sources
from mujo_core.builder.statistics import Statistics
from mujo_core.builder.workers import Outcome, by_processes, by_ray
from mujo_core.cache import write_atomically
from mujo_core.labels import dump_labels

INDEX = 'build.json'
_RESULTS = 'results'


@dataclass(frozen=True)
class Progress:
    """How far a build is: clips of all, and how many of them failed."""

    done: int
    all: int
    failed: int


def build(
    where: str | Path,
    output: str | Path,
    settings: BuildSettings,
    workers: int = 1,
    ray: str = '',
    progress: Callable[[Progress], None] = lambda _: None,
) -> dict[str, Any]:
    """Build shards, and everything beside them, from a folder or a manifest.

    Args:
        where: see `mujo_core.builder.sources`.
        output: folder of the build; one that was killed there is continued.
        workers: processes of this machine; ray: address of a cluster instead, or ``local``.
        progress: called after every clip.

    Returns:
        What ``build.json`` holds.

    Raises:
        ImportError, OSError, ValueError: see `find_sources`, `make_plan` and the workers.
    """
    if workers < 1:
        raise ValueError(f'expected --workers from 1 on, {workers} came')
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        plan = make_plan(find_sources(where), settings.cut)
        plan = with_descriptions(plan, settings.text, folder)
        results = _Results(folder / _RESULTS, settings)
        results.sweep()
        missing = [clip for clip in plan.clips if not results.path(clip).is_file()]
        done, errors = len(plan.clips) - len(missing), {}
        progress(Progress(done, len(plan.clips), 0))
        for outcome in _work(missing, settings, workers, ray):
            done += 1
            if outcome.result is None:
                errors[outcome.clip.name] = outcome.error
            else:
                write_atomically(results.path(outcome.clip), outcome.result)
            progress(Progress(done, len(plan.clips), len(errors)))
        return _finish(folder, plan, results, errors, settings)


def _work(
    clips: Sequence[Clip], settings: BuildSettings, workers: int, ray: str
) -> Iterator[Outcome]:
    if not clips:
        return iter(())
    return by_ray(clips, settings, ray) if ray else by_processes(clips, settings, workers)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder against a second build; the system lets go of it when this process ends."""
    with (folder / '.lock').open('w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(f'{folder}: another build is at work there; wait for it') from error
        yield


class _Results:
    """Where what came of clips is kept; named by all that it depends on."""

    def __init__(self, folder: Path, settings: BuildSettings) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._how = settings.work()

    def path(self, clip: Clip) -> Path:
        return self._folder / f'{clip.name}.{clip.key(self._how)[:20]}.tar'

    def sweep(self) -> None:
        """Delete what a build that was killed left half-written."""
        for pattern in ('.*.tar.*', f'../.{INDEX}.*', '../.fimad-*.part'):
            for path in self._folder.glob(pattern):
                path.unlink()

    def prune(self, clips: Sequence[Clip]) -> None:
        """Delete what no clip of the build is any more."""
        wanted = {self.path(clip) for clip in clips}
        for path in self._folder.glob('*.tar'):
            if path not in wanted:
                path.unlink()


def _finish(
    folder: Path, plan: Plan, results: _Results, errors: dict[str, str], settings: BuildSettings
) -> dict[str, Any]:
    built = [clip for clip in plan.clips if clip.name not in errors]
    facts = [results.path(clip).name for clip in built]
    state = hashlib.sha256(
        json.dumps(
            [
                facts,
                asdict(settings.shard),
                FORMAT,
                sorted(errors),
                [vars(one) for one in (*plan.left_out, *plan.failures)],
            ]
        ).encode()
    ).hexdigest()
    index = folder / INDEX
    if index.is_file() and (before := json.loads(index.read_bytes())).get('state') == state:
        return before
    # Without an index nobody takes a half-written folder for a finished one.
    index.unlink(missing_ok=True)
    statistics = Statistics(len(built))
    writers = {split: ShardWriter(folder, split, settings.shard) for split in SPLITS}
    left_out = [asdict(one) for one in plan.left_out]
    for clip in built:
        samples, apart = read_result(results.path(clip).read_bytes())
        left_out += apart
        for sample in samples:
            writers[clip.split].add(sample)
            statistics.add(sample)
    shards: list[Shard] = []
    for writer in writers.values():
        writer.close()
        shards += writer.shards
    content = {
        'format': FORMAT,
        'state': state,
        'settings': asdict(settings),
        'clips': len(plan.clips),
        'samples': statistics.samples,
        'hours': round(statistics.seconds / 3600, 4),
        'shards': [asdict(shard) for shard in shards],
        'left_out': left_out,
        'failures': [asdict(one) for one in plan.failures]
        + [{'name': name, 'reason': reason} for name, reason in sorted(errors.items())],
    }
    _write_beside(folder, content, statistics)
    results.prune(plan.clips)
    write_atomically(index, dump_json(content))
    return content


def _write_beside(folder: Path, content: dict[str, Any], statistics: Statistics) -> None:
    names = {shard['name'] for shard in content['shards']}
    for path in folder.glob(PATTERN):
        if path.name not in names:
            path.unlink()
    write_atomically(folder / 'schema.json', dump_json(schema()))
    dump_labels(labels_of(statistics), folder / 'labels.yaml')
    write_atomically(folder / 'README.md', data_card(content, statistics).encode())
    write_atomically(folder / 'report.html', report_page(content, statistics).encode())
    sums = ''.join(f'{shard["sha256"]}  {shard["name"]}\n' for shard in content['shards'])
    write_atomically(folder / 'checksums.sha256', sums.encode())
