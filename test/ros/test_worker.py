"""One thread for the inference: no queue, no silent death."""

import threading

from ros_rig import wait_until

from mujo_ros.worker import Worker


def test_of_the_tasks_that_come_while_it_is_busy_the_newest_waits_and_others_are_missed():
    started, free, done = threading.Event(), threading.Event(), []

    def work(task):
        started.set()
        assert free.wait(10.0)
        done.append(task)

    worker = Worker(work, print)
    assert worker.trigger(1)
    assert started.wait(10.0)
    assert not worker.waiting
    assert worker.trigger(2)
    assert worker.waiting
    assert not worker.trigger(3) and not worker.trigger(4)
    assert worker.missed == 2
    free.set()
    wait_until(lambda: done == [1, 4], what='the last task')
    assert worker.stop()


def test_settling_drops_what_waits_and_waits_for_what_runs():
    started, free, done = threading.Event(), threading.Event(), []

    def work(task):
        started.set()
        assert free.wait(10.0)
        done.append(task)

    worker = Worker(work, print)
    worker.trigger(1)
    assert started.wait(10.0)
    worker.trigger(2)
    assert not worker.settle(timeout=0.05)
    free.set()
    assert worker.settle(timeout=10.0) and done == [1]
    worker.trigger(3)
    wait_until(lambda: done == [1, 3], what='a task of later')
    assert worker.stop()


def test_a_task_that_fails_is_reported_and_the_next_one_runs():
    failures, done = [], []

    def work(task):
        if task == 'bad':
            raise RuntimeError('broken')
        done.append(task)

    worker = Worker(work, failures.append)
    assert worker.trigger('bad')
    wait_until(lambda: failures, what='the end of the bad task')
    assert worker.trigger('good')
    wait_until(lambda: done == ['good'], what='the good task')
    assert [str(failure) for failure in failures] == ['broken']
    assert worker.stop()
    assert not worker.trigger('late')


def test_stop_says_when_a_task_does_not_end():
    started, free = threading.Event(), threading.Event()

    def work(task):
        started.set()
        assert free.wait(10.0)

    worker = Worker(work, print)
    worker.trigger(1)
    assert started.wait(10.0)
    assert not worker.stop(timeout=0.05)
    free.set()
    assert worker.stop(timeout=10.0)
