"""Whether two runs over one recording say the same, such as a live replay and an offline one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def agreement(
    answers: Sequence[tuple[float, str]], others: Sequence[tuple[float, str]], within: float
) -> dict[str, Any]:
    """Hold each answer against the other run's nearest one in time.

    Args:
        answers, others: (stamp in s, label).
        within: seconds; an answer with no other so near is counted apart.

    Returns:
        ``share`` of the answers held against one that say the same (None where there is none),
        how many were ``compared``, how many were ``alone``, and ``differ``: (stamp, label, other).
    """
    ordered = sorted(others)
    stamps = np.array([stamp for stamp, _ in ordered])
    alone, compared, differ = 0, 0, []
    for stamp, label in answers:
        distances = np.abs(stamps - stamp)
        if not len(stamps) or distances.min() > within:
            alone += 1
            continue
        compared += 1
        other = ordered[int(distances.argmin())][1]
        if other != label:
            differ.append([stamp, label, other])
    share = (compared - len(differ)) / compared if compared else None
    return {'share': share, 'compared': compared, 'alone': alone, 'differ': differ}


def read_answers(file: str | Path) -> list[tuple[float, str]]:
    """Return (stamp in s, label) of a file with one `/activity` message (JSON) a line.

    Raises:
        OSError: it cannot be read.
        ValueError: a line is no such message.
    """
    answers = []
    for number, line in enumerate(Path(file).read_text(encoding='utf-8').splitlines(), start=1):
        try:
            message = json.loads(line)
            answers.append((float(message['stamp']), str(message['label'])))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'{file}, line {number}: expected a message of /activity as JSON ({error})'
            ) from error
    return answers
