"""Data sets that are trained on beside the main one, each with its share of the windows."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mujo_core.datasets.registry import get_dataset, load_recordings
from mujo_core.labels import Label
from mujo_core.recording import Recording
from mujo_core.training.config import DataSettings
from mujo_core.training.stored import AnyClip

_LOG = logging.getLogger(__name__)
_LEAST_SECONDS = 1.0
"""Shorter activities show too little to be named."""


def check_others(data: DataSettings) -> None:
    """Refuse, before anything is read, what cannot be trained on; ValueError names it."""
    for name, other in data.also.items():
        get_dataset(name)
        if name == data.dataset:
            raise ValueError(
                f'expected data.also to name data sets beside data.dataset, {name} came twice'
            )
        if both := sorted(set(other.labels) & set(other.outliers)):
            raise ValueError(
                f'expected data.also.{name} to name a label among labels or outliers, '
                f'{", ".join(both)} came as both'
            )
    shares = {name: other.share for name, other in data.also.items()}
    shares |= {f'{n} outliers': o.outlier_share for n, o in data.also.items() if o.outliers}
    if any(share <= 0.0 for share in shares.values()) or sum(shares.values()) >= 1.0:
        raise ValueError(
            'expected the shares of data.also above 0 and below 1 in all, '
            f'{", ".join(f"{name} {share:g}" for name, share in shares.items())} came'
        )


def there(data: DataSettings) -> list[str]:
    """Return the names of those data sets beside the main one that there is something to read."""
    return [n for n, o in data.also.items() if o.root or not get_dataset(n).needs_root]


def is_main(recording: Recording, data: DataSettings) -> bool:
    """Whether a recording is not of a data set beside the main one."""
    return recording.dataset not in data.also


def other_recordings(data: DataSettings) -> list[Recording]:
    """Return the recordings of the data sets beside the main one; a subject `3` of the set NAME is
    called `NAME/3`, since people of two sets are not the same.

    A set without a folder is left out, with a line in the log; so are stretches too short to show
    anything.

    Raises:
        ValueError: a set has none of a label or an outlier that was asked for.
    """
    recordings = []
    for name, other in data.also.items():
        if name not in there(data):
            _LOG.warning(
                '%s: left out, no folder came; give it as --data.also.%s.root DIR', name, name
            )
            continue
        if other.subjects:
            found = load_recordings(name, other.root, subjects=list(other.subjects))
        else:
            found = load_recordings(name, other.root, split=other.split or None)
        labels = {segment.label for recording in found for segment in recording.segments}
        for which, asked in (('labels', other.labels), ('outliers', other.outliers)):
            if missing := set(asked) - labels:
                raise ValueError(
                    f'expected data.also.{name}.{which} as some of {", ".join(sorted(labels))}; '
                    f'{", ".join(sorted(missing))} came'
                )
        kept = (set(other.labels) or labels) | set(other.outliers)
        for recording in found:
            segments = [
                segment
                for segment in recording.segments
                if segment.label in kept and segment.end - segment.start >= _LEAST_SECONDS
            ]
            if segments:
                subject = f'{name}/{recording.subject}'
                recordings.append(replace(recording, subject=subject, segments=segments))
    return recordings


def is_outlier(dataset: str, label: str, data: DataSettings) -> bool:
    """Whether a data set's activity of this label is there as none of the labels."""
    other = data.also.get(dataset)
    return other is not None and label in other.outliers


def words_of_others(data: DataSettings) -> dict[str, Label]:
    """Return the labels that the folders of the data sets beside the main one describe."""
    words: dict[str, Label] = {}
    for name in there(data):
        read, root = get_dataset(name).read_labels, data.also[name].root
        words |= read(root) if read and root else {}
    return words


def shared_weights(
    clips: Sequence[AnyClip], share: float, data: DataSettings, main: int
) -> list[float]:
    """Return how often each clip of a set beside the main one is drawn, whose clips count 1 each.

    A label is drawn by the square root of its number of clips: a common one does not drown the
    others, and a rare one is not learned by heart.

    Args:
        clips: of that set; share: of all windows, 0..1.
        main: how many clips the main set has.
    """
    counts = Counter(clip.label for clip in clips)
    whole = sum(count**0.5 for count in counts.values())
    beside = [data.also[name] for name in there(data)]
    rest = 1.0 - sum(o.share + (o.outlier_share if o.outliers else 0.0) for o in beside)
    return [share / rest * main * counts[clip.label] ** -0.5 / whole for clip in clips]


def left_out_with(
    subject: str, recordings: Sequence[Recording], data: DataSettings
) -> frozenset[str]:
    """Return who is left out when one person of the main data set is: of each other set as large a
    part of the people as one is of the main set's, so that every one is left out once."""
    main = sorted({r.subject for r in recordings if is_main(r, data)})
    turn = main.index(subject)
    out = {subject}
    for name in data.also:
        people = sorted({r.subject for r in recordings if r.dataset == name})
        out |= {person for place, person in enumerate(people) if place % len(main) == turn}
    return frozenset(out)
