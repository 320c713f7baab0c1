"""har_node with the fake recognizer in a process: LOADING and BUSY in s, then ROS arguments."""

import sys
import time

from fake_recognizer import FakeRecognizer

from mujo_ros.har_node import HarNode
from mujo_ros.run import run

LOADING, BUSY = float(sys.argv.pop(1)), float(sys.argv.pop(1))


def load(*arguments):
    print('loading', flush=True)
    time.sleep(LOADING)
    return FakeRecognizer(*arguments, busy=BUSY)


sys.exit(run(lambda: HarNode(load)))
