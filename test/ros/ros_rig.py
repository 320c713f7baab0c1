"""What a test needs around a node: executor, other end of its topics, its log, deadlines."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import rclpy
from rcl_interfaces.msg import Log
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter

WARNING = int.from_bytes(Log.WARN, 'little') if isinstance(Log.WARN, bytes) else int(Log.WARN)


ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # s: a condition that comes about takes long on a crowded machine


def wait_until(condition, timeout=PATIENCE, what='the condition'):
    """Poll until `condition()` is true and return its value; fail after `timeout` s."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f'{what} did not come about in {timeout} s'
        time.sleep(0.005)


def starved():
    """Seconds so far for which threads of this process could have run and other processes did."""
    found = 0
    for task in Path('/proc/self/task').glob('*/schedstat'):
        with contextlib.suppress(OSError):
            found += int(task.read_text().split()[1])
    return found * 1e-9


class Collector(list):
    """Messages of a topic as they come, with the time of arrival in `times`."""

    def __init__(self):
        super().__init__()
        self.times = []

    def take(self, msg):
        self.times.append(time.monotonic())
        self.append(msg)

    def wait(self, count, timeout=PATIENCE):
        """The messages, once there are `count`."""
        wait_until(lambda: len(self) >= count, timeout, f'message {count} (got {len(self)})')
        return list(self)

    def wait_for(self, condition, timeout=PATIENCE, what='such a message'):
        """The first message from now on that fulfils `condition`."""
        start = len(self)
        return wait_until(
            lambda: next((m for m in self[start:] if condition(m)), None), timeout, what
        )


class Rig:
    """A context in a domain of its own, with an executor that spins in a thread."""

    def __init__(self, domain):
        self.domain = domain
        # What is there by now is none of this test's, and takes long to look through at its end.
        gc.freeze()
        self.context = Context()
        rclpy.init(args=[], context=self.context, domain_id=domain)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.nodes = []
        self.processes = []
        self.strangers, self.contexts = [], [self.context]
        self.error = None
        self._closing = False
        self.node = self.add(rclpy.create_node('rig', context=self.context))
        self.log = self.collect(Log, '/rosout', 100)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self):
        try:
            with contextlib.suppress(ExternalShutdownException):
                while not self._closing:
                    self.executor.spin_once(timeout_sec=0.05)
        except Exception as error:
            self.error = error
            raise

    def add(self, node):
        """Let the executor spin a node until the test ends."""
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def run(self, work):
        """Let the executor do `work()` between two callbacks, which may be using what it ends."""
        task = self.executor.create_task(work)
        wait_until(task.done, what='a turn of the executor')

    def parameters(self, **values):
        """Overrides for a node's constructor."""
        return [Parameter(name, value=value) for name, value in values.items()]

    def collect(self, msg_type, topic, depth=1000):
        """A `Collector` of a topic."""
        collector = Collector()
        self.node.create_subscription(msg_type, topic, collector.take, depth)
        return collector

    def stranger(self):
        """A node that shares nothing but the domain, as in another process."""
        context = Context()
        rclpy.init(args=[], context=context, domain_id=self.domain)
        self.contexts.append(context)
        node = rclpy.create_node('stranger', context=context)
        self.strangers.append(node)
        return node

    def publisher(self, msg_type, topic, qos=100, match=True, node=None):
        """A publisher, matched with a subscription of the node under test."""
        publisher = (node or self.node).create_publisher(msg_type, topic, qos)
        if match:
            wait_until(publisher.get_subscription_count, PATIENCE, f'a subscription of {topic}')
        return publisher

    def warnings(self, of='har_node', late=True):
        """Lines of the log of node `of` at WARN or above.

        Without `late` none that a crowded machine alone brings about: real stamps that come late.
        """
        said = [m.msg for m in list(self.log) if m.level >= WARNING and m.name.endswith(of)]
        return [line for line in said if late or '_stamps: ' not in line]

    def start(self, *arguments, **options):
        """A Python process in this domain; ended with the test."""
        path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
        environment = {**os.environ, 'ROS_DOMAIN_ID': str(self.domain), 'PYTHONPATH': path}
        process = subprocess.Popen([sys.executable, *arguments], env=environment, **options)
        self.processes.append(process)
        return process

    def close(self):
        """End everything that the test started: first the nodes, then other processes.

        A process killed amid a write leaves a lock in the shared memory of its readers held. Fast
        DDS 3.2 gets rid of it in 2 s, and crashes or hangs where a reader ends in that time.
        """
        try:
            self._leave()
        finally:
            for process in self.processes:
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                process.wait()
        assert self.error is None, f'a callback raised {self.error!r}'

    def _leave(self):
        """Destroy nodes and contexts."""
        self._closing = True  # shutting an executor down while it waits is not safe
        self._thread.join(10.0)
        assert not self._thread.is_alive(), 'a callback does not return'
        self.executor.shutdown()
        for node in self.nodes + self.strangers:
            node.destroy_node()
        for context in self.contexts:
            context.try_shutdown()
        gc.collect()  # a lifecycle node that is garbage still holds its participant
