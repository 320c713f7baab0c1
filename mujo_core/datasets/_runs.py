"""Labels that come with every sample, as segments."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from mujo_core.recording import Segment


def segments_of_codes(
    stamps: np.ndarray, codes: np.ndarray, labels: Mapping[int, str], max_gap: float
) -> list[Segment]:
    """Return a segment for every run of one code.

    Args:
        stamps: (N,) seconds; codes: (N,) integers, one a sample.
        labels: code to label; codes that are not in it give no segment.
        max_gap: seconds without samples that end a run.
    """
    changes = np.flatnonzero((np.diff(codes) != 0) | (np.diff(stamps) > max_gap)) + 1
    edges = np.concatenate([[0], changes, [len(codes)]])
    return [
        Segment(labels[int(codes[first])], float(stamps[first]), float(stamps[last - 1]))
        for first, last in pairwise(edges)
        if last - first > 1 and int(codes[first]) in labels
    ]
