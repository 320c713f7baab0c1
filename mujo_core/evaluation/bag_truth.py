"""The truth of a bag, from wherever it is, checked against what can be said of the bag."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from mujo_core.bags.truth import SUFFIX, read_truth, truth_file, truth_of_messages
from mujo_core.evaluation.bag import Bag
from mujo_core.evaluation.track import check_truth
from mujo_core.labels import UNKNOWN
from mujo_core.recording import Segment


def truth_of(
    bag: Bag, file: str | Path, topic: str, labels: Collection[str], background: Collection[str]
) -> list[Segment]:
    """Return a bag's truth in seconds from its first stamp.

    Args:
        bag: the bag, with the texts of its truth topic.
        file: a CSV file; empty for ``BAG.labels.csv`` where it is there, else the topic.
        topic: what the topic is called.
        labels: what can be said.
        background: names that are no activity.

    Raises:
        OSError: the file cannot be read.
        ValueError: there is no truth, or it cannot be scored.
    """
    found = Path(file) if file else truth_file(bag.path)
    if found is not None:
        truth = read_truth(found, bag.start)
    elif bag.texts:
        truth = truth_of_messages(bag.texts, bag.start, bag.end)
    else:
        raise ValueError(
            f'expected truth: a file {bag.path.stem}{SUFFIX} beside the bag, a topic {topic} in '
            'it, or --truth FILE; `mujo record_truth` makes one'
        )
    check_truth(truth, labels, {*background, UNKNOWN}, bag.end - bag.start)
    return truth
