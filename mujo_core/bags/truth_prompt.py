"""Truth typed by a person, line by line, while it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mujo_core.bags.truth import TruthLog
from mujo_core.labels import merge


def ask_truth(
    lines: Iterable[str],
    clock: Callable[[], float],
    labels: Sequence[str] = (),
    say: Callable[[str], object] = lambda _: None,
    changed: Callable[[float, str], object] = lambda stamp, label: None,
) -> TruthLog:
    """Take a label a line, which holds from then on; an empty line ends the activity.

    Args:
        lines: what is typed; its end or Ctrl-C ends the activity too.
        clock: header time now, seconds.
        labels: those that may be typed by their number (from 1); any other name may be typed too.
        say: takes a line for people.
        changed: told of each change, with its stamp.
    """
    log = TruthLog()
    say('a label and Enter starts an activity, Enter alone ends it, Ctrl-D ends')
    if labels:
        say('  '.join(f'{number} {label}' for number, label in enumerate(labels, start=1)))
    try:
        for line in lines:
            stamp, typed = clock(), line.strip()
            if typed.isdecimal() and 1 <= int(typed) <= len(labels):
                typed = labels[int(typed) - 1]
            label = merge(typed) if typed else ''
            log.say(label, stamp)
            changed(stamp, label)
            say(f'{stamp:.3f} {label or "(none)"}')
    except KeyboardInterrupt:
        pass
    log.say('', clock())
    return log
