"""How fast a build is, beside MediaPipe alone on the same pictures in the same run."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from mujo_core.builder.clip import VIDEO, Clip
from mujo_core.builder.people import PeopleEstimator
from mujo_core.builder.pictures import read_pictures, video_seconds
from mujo_core.builder.settings import BuildSettings
from mujo_core.builder.work import build_clip
from mujo_core.builder.workers import by_processes


def measure_build(
    video: str | Path | None = None,
    settings: BuildSettings | None = None,
    start: float = 2.0,
    seconds: float = 3.0,
    repeats: int = 5,
    rounds: int = 3,
) -> dict[str, Any]:
    """Measure the work on a stretch of a video.

    Args:
        video: a file; None for the one that comes with the package sports2d.
        start, seconds: of the stretch.
        repeats: of the work on one core; rounds: clips a worker.

    Returns:
        ``alone``, ``build``: pictures a second of CPU time, one each repeat, in turns; ``ratio``:
        the median of build over alone; ``workers``: clips a second of wall-clock time with 1 and 2,
        in turns, ``speedup``: the median of their ratio, ``speedup_by_cpu``: that on two cores
        which are free, by the CPU time that a clip takes; ``real_time``: seconds of video a second
        of CPU time; ``machine``.

    Raises:
        ImportError, OSError, ValueError: no video, or what reads it is not installed.
    """
    settings = settings or BuildSettings()
    path = Path(video) if video else _packaged()
    start = min(start, max(0.0, video_seconds(path) - seconds))
    clip = Clip(
        name='bench', kind=VIDEO, path=str(path.resolve()), digest='', start=start,
        end=start + seconds, group='bench', title='bench', label='bench', words='bench',
    )  # fmt: skip
    load = os.getloadavg()[0]
    pictures = sum(1 for _ in read_pictures(path, clip.start, clip.end, settings.pose.rate))
    alone, built = [], []
    for repeat in range(repeats + 1):
        pair = (_cpu(lambda: _mediapipe(clip, settings)), _cpu(lambda: build_clip(clip, settings)))
        if repeat:  # The first loads libraries and models.
            alone.append(pictures / pair[0])
            built.append(pictures / pair[1])
    speeds: dict[int, list[float]] = {1: [], 2: []}
    costs: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(max(1, repeats // 2)):
        for workers in speeds:
            speed, cost = _work_in_parallel(clip, settings, workers, rounds)
            speeds[workers].append(speed)
            costs[workers].append(cost)
    return {
        'video': path.name,
        'pictures': pictures,
        'people': settings.pose.people,
        'alone': alone,
        'build': built,
        'ratio': median(b / a for a, b in zip(alone, built, strict=True)),
        'real_time': median(built) * seconds / pictures,
        'workers': speeds,
        'speedup': median(t / o for o, t in zip(speeds[1], speeds[2], strict=True)),
        'speedup_by_cpu': median(2 * o / t for o, t in zip(costs[1], costs[2], strict=True)),
        'machine': {'cpus': os.cpu_count(), 'load_before': load, 'load_after': os.getloadavg()[0]},
    }


def _packaged() -> Path:
    found = find_spec('Sports2D')
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder) / 'Demo' / 'demo.mp4'
        if path.is_file():
            return path
    raise FileNotFoundError('expected --video FILE: the package sports2d, which brings one, is not'
                            ' installed')  # fmt: skip


def _cpu(work: Callable[[], Any]) -> float:
    """Return the seconds that work takes of this process' cores, whoever else uses them."""
    before = time.process_time()
    work()
    return time.process_time() - before


def _mediapipe(clip: Clip, settings: BuildSettings) -> int:
    """Decode the pictures and find people in them, and nothing else."""
    found = 0
    with PeopleEstimator(settings.pose.people) as estimator:
        for picture in read_pictures(Path(clip.path), clip.start, clip.end, settings.pose.rate):
            rgb = np.ascontiguousarray(picture.bgr[..., ::-1])
            found += len(estimator.estimate(picture.stamp, rgb))
    return found


def _work_in_parallel(
    clip: Clip, settings: BuildSettings, workers: int, rounds: int
) -> tuple[float, float]:
    """Return clips a second of warm workers, and the CPU seconds of a clip, starts among them.

    The speed is that of the clips after each worker's first.
    """
    clips: Sequence[Clip] = [
        replace(clip, name=f'bench{number}') for number in range(workers * (rounds + 1))
    ]
    before, ends = _children_seconds(), []
    for outcome in by_processes(clips, settings, workers):
        if outcome.result is None:
            raise ValueError(f'{clip.path}: {outcome.error}')
        ends.append(time.perf_counter())
    speed = (len(ends) - workers) / (ends[-1] - ends[workers - 1])
    return speed, (_children_seconds() - before) / len(clips)


def _children_seconds() -> float:
    """Return the CPU time of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
