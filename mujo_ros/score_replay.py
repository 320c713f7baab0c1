"""`score_replay BAG`: scores what comes out on `/activity` while a bag is replayed.

It ends by itself once the clock has reached the end of the bag and stands still, or at SIGINT, and
leaves a folder: `activity.jsonl` (every message, a line each), `scores.json`, `confusion.png` and
`timeline.png`. The figures are those of `mujo evaluate_bag`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.utilities import remove_ros_args
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String

from mujo_core.bags.truth import TOPIC
from mujo_core.cli.report import print_table
from mujo_core.evaluation.agreement import read_answers
from mujo_core.evaluation.bag import Bag, read_bag
from mujo_core.evaluation.bag_truth import truth_of
from mujo_core.evaluation.track import Track, make_track, score_track
from mujo_core.labels import load_labels
from mujo_core.recording import Segment

STANDS = 2.0  # s of real time for which the clock stands still at the end
ANSWERS = 'activity.jsonl'


class ReplayListener(Node):
    """Keeps the answers, and knows when the replay is over.

    Args:
        end: when the bag ends on the recorder's clock, s.

    Attributes:
        texts: every message on `activity`.
    """

    def __init__(self, end: float, **arguments: Any) -> None:
        super().__init__('score_replay', **arguments)
        self.texts: list[str] = []
        self._end = end
        self._now = 0.0
        self._moved_at = time.monotonic()
        self.create_subscription(String, 'activity', self._take, 1000)
        self.create_subscription(Clock, '/clock', self._follow, 10)

    @property
    def over(self) -> bool:
        """Whether the bag has been played to its end."""
        stands = time.monotonic() - self._moved_at > STANDS
        return stands and self._now >= self._end - 0.1

    def _take(self, msg: String) -> None:
        self.texts.append(msg.data)
        self._moved_at = time.monotonic()

    def _follow(self, msg: Clock) -> None:
        now = msg.clock.sec + msg.clock.nanosec * 1e-9
        if now != self._now:
            self._now, self._moved_at = now, time.monotonic()


def read_labels(checkpoint: str) -> tuple[list[str], set[str]]:
    """Return a checkpoint's activities in order, and the names that are none; '' the packaged one.

    Raises:
        OSError, ValueError: there is no checkpoint there.
    """
    import mujo_core

    packaged = Path(mujo_core.__file__).parent / 'pretrained' / 'default'
    known = load_labels((Path(checkpoint) if checkpoint else packaged) / 'labels.yaml')
    labels = [name for name, label in known.items() if not label.background]
    return labels, set(known) - set(labels)


def score(
    bag: Bag,
    truth: Sequence[Segment],
    labels: Sequence[str],
    answers: Sequence[tuple[float, str]],
    rate: float,
) -> tuple[Track, dict[str, Any]]:
    """Return the track and the figures of answers (stamp in s, label)."""
    said = [(stamp - bag.start, label) for stamp, label in answers]
    seconds = bag.end - bag.start
    track = make_track(truth, said, labels, seconds, rate)
    scores = {
        'bag': str(bag.path),
        'seconds': round(seconds, 3),
        'streams': {name: len(samples.stamps) for name, samples in bag.streams.items()},
        'answers': len(said),
        **score_track(track),
    }
    return track, scores


def main(args: Sequence[str] | None = None) -> int:
    """Listen, score, write: 0 done, 1 nothing came, 2 a bag or a truth that cannot be scored."""
    arguments = list(sys.argv if args is None else args)
    given = _parser().parse_args(remove_ros_args(arguments)[1:])
    try:
        bag = read_bag(
            given.bag,
            skeleton=given.skeleton,
            truth_topic=given.truth_topic,
            camera=given.camera,
        )
        labels, background = read_labels(given.checkpoint)
        truth = truth_of(bag, given.truth, given.truth_topic, labels, background)
        folder = Path(given.output)
        folder.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError, ImportError) as error:
        print(f'score_replay: {str(error).splitlines()[0]}', file=sys.stderr)
        return 2
    texts = listen(bag.last_arrival, arguments)
    if not texts:
        print(
            'score_replay: expected messages on activity, none came: is har_node active, and do '
            'its topics have the names that the bag has?',
            file=sys.stderr,
        )
        return 1
    from mujo_core.evaluation.track_report import score_lines, score_rows, write_track

    file = folder / ANSWERS
    file.write_text(''.join(f'{text}\n' for text in texts), encoding='utf-8')
    try:
        track, scores = score(bag, truth, labels, read_answers(file), given.rate)
    except ValueError as error:
        print(f'score_replay: {error}', file=sys.stderr)
        return 1
    title = f'{bag.path.name}, replayed: {scores["answers"]} answers'
    print_table(title, ['', 'precision', 'recall', 'F1'], score_rows(scores))
    print(*score_lines(scores), sep='\n')
    try:
        write_track(track, scores, folder)
    except (ImportError, OSError) as error:
        print(f'score_replay: {error}', file=sys.stderr)
        return 1
    print(f'report in {folder}', flush=True)
    return 0


def listen(end: float, arguments: Sequence[str]) -> list[str]:
    """Return the messages of `activity` until the clock stands at the end of the bag."""
    rclpy.init(args=list(arguments))
    node = ReplayListener(end)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while not node.over:
            executor.spin_once(timeout_sec=0.2)
    except (KeyboardInterrupt, ExternalShutdownException):
        print('stopped before the end of the bag: what came so far is scored', file=sys.stderr)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return node.texts


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('bag', help='the bag that is replayed')
    parser.add_argument('--truth', default='', help='CSV file (default: BAG.labels.csv, or topic)')
    parser.add_argument('--truth-topic', default=TOPIC, help=f'(default: {TOPIC})')
    parser.add_argument('--skeleton', default='', help='its topic (default: the first cloud)')
    parser.add_argument('--camera', default='', help='(default: the first one, off: none)')
    parser.add_argument('--checkpoint', default='', help='whose labels are said')
    parser.add_argument('--output', default='replay', metavar='DIR', help='(default: replay)')
    parser.add_argument('--rate', type=float, default=10.0, help='frames a second to score')
    return parser


if __name__ == '__main__':
    sys.exit(main())
