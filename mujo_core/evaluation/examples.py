"""What is scored: windows that each show one activity, and who does it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mujo_core.labels import merge
from mujo_core.pace import pace_of
from mujo_core.recognition.playback import windows_of
from mujo_core.recording import Recording
from mujo_core.window import Window, WindowSpec

UNITS = ('recording', 'window')
"""What counts as one: a labelled stretch (played at the pace at which it fills a window, where the
model has seen such, else by the mean of its windows), or each window."""
STRIDE = 0.25
"""Seconds between the windows of a stretch whose answers are averaged."""
_LONG = 2.0
"""Stretches of more windows than this are many examples of their activity, not one."""


@dataclass(frozen=True)
class Example:
    """A window and what it shows.

    Attributes:
        window: as the timeline cuts it.
        label: what the person does.
        stretch: the labelled stretch of a recording from which it was cut.
        group: the place of that stretch among all.
        end: of the window, seconds on the recording's clock.
    """

    window: Window
    label: str
    stretch: Recording
    group: int
    end: float


def labelled_stretches(
    recordings: Sequence[Recording], labels: Collection[str] = ()
) -> list[Recording]:
    """Cut recordings into stretches of one activity each.

    Args:
        recordings: with any number of segments each.
        labels: keep these alone, under these names; a segment's label may be a synonym.
    """
    stretches = []
    for recording in recordings:
        for stretch in recording.activities():
            segment = stretch.segments[0]
            label = segment.label
            if labels and label not in labels:
                label = merge(label)
            if label and (not labels or label in labels):
                stretches.append(replace(stretch, segments=[replace(segment, label=label)]))
    return stretches


def default_unit(stretches: Sequence[Recording], spec: WindowSpec) -> str:
    """Return the literature's unit: one answer a short clip, one a window of a long recording."""
    return unit_of_seconds([s.end - s.start for s in stretches], spec)


def unit_of_seconds(seconds: Sequence[float], spec: WindowSpec) -> str:
    """Return the unit of stretches of some length.

    Those of a whole data set decide: people whose recordings are long would be judged in another
    unit than the rest.
    """
    median = float(np.median(seconds)) if len(seconds) else 0.0
    return 'window' if median > _LONG * spec.seconds else 'recording'


def default_stride(unit: str, spec: WindowSpec) -> float:
    """Return seconds between windows: dense where they are averaged, else half a window."""
    return STRIDE if unit == 'recording' else spec.seconds / 2


def filling(stretch: Recording, spec: WindowSpec) -> float:
    """Return the pace at which a stretch of one activity is judged where it gets one answer."""
    return pace_of(stretch.end - stretch.start, spec.seconds) if spec.whole else 1.0


def cut_examples(stretches: Sequence[Recording], spec: WindowSpec, stride: float) -> list[Example]:
    """Return the windows of stretches of one activity, in their order."""
    examples = []
    for group, stretch in enumerate(stretches):
        windows = list(windows_of(stretch, spec, stride))
        for window in windows:
            # The last window ends where the stretch does; windows have a clock of their own.
            end = stretch.end - (windows[-1].end - window.end)
            examples.append(Example(window, str(stretch.label), stretch, group, end))
    return examples


def window_at(stretch: Recording, end: float, spec: WindowSpec) -> Window:
    """Cut the window that ends at the last sample up to `end`, through the timeline."""
    *_, window = windows_of(stretch.cut(end - 1.1 * spec.seconds, end), spec, spec.seconds)
    return window
