"""Writes what the demo saw: annotated video, one picture, every message, a summary."""

from __future__ import annotations

import bisect
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

from mujo_core.whole_file import whole_file
from mujo_ros.demo.drawing import colours, draw_skeleton, panel, project, shrink
from mujo_ros.demo.source import VideoSource
from mujo_ros.demo.video import VideoWriter
from mujo_ros.demo.watcher import Seen

matplotlib.use('Agg')
from matplotlib import pyplot as plt

FRAMES_IN_STRIP = 8
CURVES = 5  # labels whose confidence is drawn,
LEAST = 0.05  # of those that ever reach this
LONGEST_GAP = 0.25  # s between skeletons that is bridged in the pictures
SILENCE = 0.5  # s without a message that stay empty in the band of labels


class Report:
    """Joins the frames of a source with the messages they led to.

    Args:
        seen: what came over the topics.
        source: opens the frames, which are read again for each result.
        name: of the source, for people.
        stamps: (N,) s, of the frames that were played.
        folder: where to write.
    """

    def __init__(
        self,
        seen: Seen,
        source: Callable[[], VideoSource],
        name: str,
        stamps: NDArray[np.float64],
        folder: Path,
    ) -> None:
        self._seen = seen
        self._open = source
        self._name = name
        self._source = source()
        self._source.close()
        self._folder = folder
        self._times = stamps - stamps[0]
        span = float(self._times[-1])
        self._rate = (len(stamps) - 1) / span if span > 0.0 else self._source.rate
        self._duration = span + 1.0 / self._rate
        start = float(stamps[0])
        self._answers = [{**a, 'video_time': round(a['stamp'] - start, 3)} for a in seen.activities]
        self._said_at = [a['video_time'] for a in self._answers]
        self._past = [(a['video_time'], a['label']) for a in self._answers]
        labels = [a['label'] for a in self._answers]
        others = [label for a in self._answers for label, _ in a['scores']]
        self._colour = colours([*(n for n, _ in Counter(labels).most_common()), *others])
        self._skeleton_times = np.array([stamp - start for stamp, _ in seen.skeletons])

    def messages(self) -> Path:
        """`activity.jsonl`: each `/activity` message and the second of the video it ends at."""
        path = self._folder / 'activity.jsonl'
        with whole_file(path) as part:
            part.write_text(''.join(json.dumps(answer) + '\n' for answer in self._answers))
        return path

    def figures(self) -> dict[str, Any]:
        """How many messages, which labels, how late."""
        answers = self._answers
        span = self._seen.arrivals[-1] - self._seen.arrivals[0] if len(answers) > 1 else 0.0
        bodies = sum(bool(np.isfinite(joints).any()) for _, joints in self._seen.skeletons)
        return {
            'source': self._name,
            'seconds': round(self._duration, 3),
            'frames': len(self._times),
            'skeletons': len(self._seen.skeletons),
            'skeletons_with_a_body': bodies,
            'messages': len(answers),
            'rate_hz': round((len(answers) - 1) / span, 2) if span > 0 else 0.0,
            'labels': dict(Counter(a['label'] for a in answers).most_common()),
            'modalities': dict(Counter('+'.join(a['modalities']) for a in answers).most_common()),
            'latency_s': _percentiles([a['latency'] for a in answers]),
            'age_s': _percentiles([a['age'] for a in answers]),
        }

    def summary(self) -> Path:
        """`summary.json`: the figures."""
        path = self._folder / 'summary.json'
        with whole_file(path) as part:
            part.write_text(json.dumps(self.figures(), indent=2) + '\n')
        return path

    def video(self) -> Path:
        """`annotated.mp4`: the frames with skeleton, label and confidences."""
        path = self._folder / 'annotated.mp4'
        with whole_file(path) as part, VideoWriter(part, self._rate) as writer:
            for at, rgb in self._annotated_frames():
                count = bisect.bisect_right(self._said_at, at)
                answer = self._answers[count - 1] if count else None
                below = panel(
                    rgb.shape[1], at, self._duration, answer, self._past[:count], self._colour
                )
                writer.write(np.concatenate([rgb, below]))
        return path

    def picture(self) -> Path:
        """`timeline.png`: some frames over the labels and their confidences in time."""
        path = self._folder / 'timeline.png'
        wanted = np.linspace(0, self._duration, FRAMES_IN_STRIP + 1)[:-1]
        wanted += self._duration / FRAMES_IN_STRIP / 2
        indices = np.abs(self._times[None] - wanted[:, None]).argmin(axis=1)
        strip = [
            (at, rgb) for i, (at, rgb) in enumerate(self._annotated_frames()) if i in set(indices)
        ]
        figure = plt.figure(figsize=(15, 6.2), dpi=110)
        grid = figure.add_gridspec(
            3, len(strip), height_ratios=(1.5, 2.2, 0.35), hspace=0.12, wspace=0.04,
            left=0.055, right=0.985, top=0.9, bottom=0.11,
        )  # fmt: skip
        for column, (at, rgb) in enumerate(strip):
            axes = figure.add_subplot(grid[0, column])
            axes.imshow(_square(rgb, self._focus(at, rgb)))
            axes.set_axis_off()
            count = bisect.bisect_right(self._said_at, at)
            said = f': {_words(self._past[count - 1][1])}' if count else ''
            axes.set_title(f'{at:.1f} s{said}', fontsize=10)
        curves = figure.add_subplot(grid[1, :])
        self._draw_curves(curves)
        band = figure.add_subplot(grid[2, :], sharex=curves)
        self._draw_band(band)
        counts = Counter(label for _, label in self._past)
        said = ', '.join(f'{_words(label)} {count}' for label, count in counts.most_common(4))
        figure.suptitle(
            f'{self._name}: {len(self._answers)} /activity messages ({said or "none"})',
            x=0.055, ha='left', fontsize=12,
        )  # fmt: skip
        with whole_file(path) as part:
            figure.savefig(part)
        plt.close(figure)
        return path

    def _annotated_frames(self) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """Second of the video and its frame, made smaller, with the skeleton of that stamp."""
        with contextlib.closing(self._open()) as source:
            for at, frame in zip(self._times.tolist(), source.frames(), strict=False):
                rgb, scale = shrink(frame)
                joints = self._skeleton(at)
                if joints is not None:
                    draw_skeleton(rgb, scale * project(joints, self._seen.focal, self._seen.center))
                yield at, rgb

    def _skeleton(self, at: float) -> NDArray[np.float32] | None:
        """Joints (33, 3) at a second of the video; between two skeletons where its own is missing
        because the frame was dropped."""
        times, seen = self._skeleton_times, self._seen.skeletons
        after = int(np.searchsorted(times, at - 1e-3))
        if after == len(times) or (after == 0 and times[0] > at + 1e-3):
            return None
        if abs(times[after] - at) <= 1e-3:
            return seen[after][1]
        if times[after] - times[after - 1] > LONGEST_GAP:
            return None
        share = (at - times[after - 1]) / (times[after] - times[after - 1])
        return np.asarray((1 - share) * seen[after - 1][1] + share * seen[after][1], np.float32)

    def _focus(self, at: float, rgb: NDArray[np.uint8]) -> float:
        """Where in the frame to look, as px from the left: at the body, else at the middle."""
        joints = self._skeleton(at)
        if joints is None or not np.isfinite(joints).any():
            return rgb.shape[1] / 2
        scale = rgb.shape[1] / self._source.size[0]
        return float(np.nanmean(project(joints, self._seen.focal, self._seen.center)[:, 0]) * scale)

    def _draw_curves(self, axes: Any) -> None:
        scores: dict[str, list[tuple[float, float]]] = {}
        for answer in self._answers:
            for label, score in [*answer['scores'], ['unknown', answer['unknown']]]:
                scores.setdefault(label, []).append((answer['video_time'], score))
        highest = sorted(scores, key=lambda label: -sum(score for _, score in scores[label]))
        drawn = [n for n in highest if max(score for _, score in scores[n]) >= LEAST]
        for label in drawn[:CURVES]:
            at, score = zip(*scores[label], strict=True)
            colour = _unit(self._colour[label])
            axes.plot(at, score, '.-', color=colour, lw=1.6, ms=4, label=_words(label))
        axes.set(xlim=(0, self._duration), ylim=(0, 1.02), ylabel='confidence')
        axes.grid(alpha=0.3)
        axes.tick_params(labelbottom=False)
        if highest:
            axes.legend(loc='upper left', fontsize=9, framealpha=0.9)
        else:
            axes.text(0.5, 0.5, 'no /activity message', transform=axes.transAxes, ha='center')

    def _draw_band(self, axes: Any) -> None:
        runs: list[tuple[float, float, str]] = []
        ends = [*self._said_at[1:], self._duration]
        for (start, label), end in zip(self._past, ends, strict=False):
            end = min(end, start + SILENCE)
            if runs and runs[-1][2] == label and runs[-1][1] >= start - 1e-6:
                start = runs.pop()[0]
            runs.append((start, end, label))
        for start, end, label in runs:
            axes.axvspan(start, end, color=_unit(self._colour[label]), lw=0)
            if end - start > self._duration * 0.011 * len(label):
                axes.text(
                    (start + end) / 2, 0.5, _words(label),
                    ha='center', va='center', color='white', fontsize=10,
                )  # fmt: skip
        axes.set(yticks=[], xlabel='second of the video at which the window ends', ylabel='said')


def _unit(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = colour
    return red / 255, green / 255, blue / 255


def _words(label: str) -> str:
    return label.replace('_', ' ')


def _square(rgb: NDArray[np.uint8], focus: float) -> NDArray[np.uint8]:
    """The part of a wide image around `focus` that is as wide as high."""
    height, width = rgb.shape[:2]
    side = min(height, width)
    left = int(np.clip(focus - side / 2, 0, width - side))
    return rgb[:, left : left + side]


def _percentiles(values: list[float]) -> dict[str, float | None]:
    if not values:
        return {'p50': None, 'p95': None, 'p99': None}
    return {f'p{q}': round(float(np.percentile(values, q)), 5) for q in (50, 95, 99)}
