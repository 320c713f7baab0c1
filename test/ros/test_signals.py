"""SIGINT and SIGTERM in every lifecycle state: exit 0, at once, without a traceback."""

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.context import Context
from ros_rig import PATIENCE, wait_until
from sensor_msgs.msg import Imu
from std_msgs.msg import String

from mujo_ros.convert import sample_to_imu
from mujo_ros.polling import PolledStreams

HERE = Path(__file__).parent
CONFIGURE, SHUTDOWN = 1, 5  # lifecycle_msgs/Transition
LOST = 5.0  # s after which an answer does not come any more
QUICK = 3.0  # s, without the time in which others had the processor
HANGING = 3.0  # s more, where an inference is waited for in vain


def start(rig, loading=0.0, busy=0.0, **parameters):
    arguments = [str(HERE / 'fake_node.py'), str(loading), str(busy), '--ros-args']
    for name, value in parameters.items():
        arguments += ['-p', f'{name}:={value}']
    return rig.start(
        *arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=HERE.parents[1],
    )


def call(rig, kind, name, request):
    client = rig.node.create_client(kind, f'/har_node/{name}')
    assert client.wait_for_service(PATIENCE)
    asked = [(client.call_async(request), time.monotonic())]

    def answer():
        # The middleware drops an answer to a client that the node does not know yet.
        if kind is GetState and time.monotonic() - asked[-1][1] > LOST:
            asked.append((client.call_async(request), time.monotonic()))
        return next((future.result() for future, _ in asked if future.done()), None)

    return wait_until(answer, PATIENCE, f'the answer of {name}')


def state(rig):
    return call(rig, GetState, 'get_state', GetState.Request()).current_state.label


def change(rig, transition):
    request = ChangeState.Request()
    request.transition.id = transition
    assert call(rig, ChangeState, 'change_state', request).success


def kept_waiting(process):
    """Seconds for which its main thread could have run and other processes did."""
    try:
        return int(Path(f'/proc/{process.pid}/schedstat').read_text().split()[1]) * 1e-9
    except OSError:  # a kernel that does not count it
        return 0.0


def leaves(process, number, quick=QUICK):
    began, waited = time.monotonic(), kept_waiting(process)
    process.send_signal(number)
    how = os.WEXITED | os.WNOWAIT | os.WNOHANG  # its counts go when it is waited for
    wait_until(lambda: os.waitid(os.P_PID, process.pid, how), what='the end')
    took = time.monotonic() - began - (kept_waiting(process) - waited)
    err = ended_well(process)
    assert took < quick
    return err


def ended_well(process):
    out, err = process.communicate(timeout=PATIENCE)
    assert 'Traceback' not in err and 'terminate called' not in err, err
    assert process.returncode == 0, (process.returncode, out, err)
    return err


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM], ids=['SIGINT', 'SIGTERM'])
def number(request):
    return request.param


def test_unconfigured(rig, number):
    process = start(rig, autostart='false')
    assert state(rig) == 'unconfigured'
    leaves(process, number)


def test_while_the_model_loads(rig, number):
    process = start(rig, loading=60.0)
    assert process.stdout.readline() == 'loading\n'
    leaves(process, number)


def test_inactive(rig, number):
    process = start(rig, autostart='false')
    change(rig, CONFIGURE)
    assert state(rig) == 'inactive'
    leaves(process, number)


def test_active(rig, number):
    process = start(rig)
    wait_until(lambda: state(rig) == 'active', PATIENCE, 'the active state')
    leaves(process, number)


def test_active_without_a_clock(rig, number):
    process = start(rig, use_sim_time='true')
    wait_until(lambda: state(rig) == 'active', PATIENCE, 'the active state')
    leaves(process, number)


def test_finalized(rig, number):
    process = start(rig, autostart='false')
    change(rig, SHUTDOWN)
    assert state(rig) == 'finalized'
    leaves(process, number)


def feed(rig):
    imu = rig.publisher(Imu, 'imu/right_wrist')

    def send():
        now = rig.node.get_clock().now().nanoseconds * 1e-9
        imu.publish(sample_to_imu(now, np.ones(6), 'wrist'))

    rig.node.create_timer(0.02, send)


def test_while_an_inference_is_under_way_whose_answer_comes_too_late(rig, number):
    process = start(rig, busy=1.0)
    activity = rig.collect(String, 'activity')
    feed(rig)
    activity.wait(1)
    leaves(process, number)


def test_while_an_inference_hangs(rig, number):
    process = start(rig, busy=60.0)
    diagnostics = rig.collect(DiagnosticArray, '/diagnostics')
    wait_until(lambda: state(rig) == 'active', PATIENCE, 'the active state')
    feed(rig)
    diagnostics.wait_for(
        lambda m: any(p.key == 'ticks missed' and p.value != '0' for p in m.status[0].values), 20.0
    )
    assert 'left an inference behind' in leaves(process, number, quick=QUICK + HANGING)


def test_a_terminal_and_a_launch_file_both_interrupt(rig):
    process = start(rig)
    wait_until(lambda: state(rig) == 'active', PATIENCE, 'the active state')

    def interrupted_again():
        process.send_signal(signal.SIGINT)
        return process.poll() is not None

    wait_until(interrupted_again, what='the end')
    ended_well(process)


def test_a_checkpoint_that_cannot_be_loaded_ends_an_autostart_with_one_line(rig):
    process = rig.start(
        '-m',
        'mujo_ros.har_node',
        '--ros-args',
        '-p',
        'checkpoint:=/nowhere',
        stderr=subprocess.PIPE,
        text=True,
        cwd=HERE.parents[1],
    )
    _, err = process.communicate(timeout=200.0)
    assert process.returncode == 1
    assert '/nowhere' in err and 'Traceback' not in err


def test_a_parameter_of_the_wrong_kind_ends_the_process_with_one_line(rig):
    process = start(rig, rate='fast')
    _, err = process.communicate(timeout=200.0)
    assert process.returncode == 2
    assert 'rate' in err and 'Traceback' not in err


def test_a_tick_under_way_while_the_context_ends_takes_nothing(ros_domain):
    """As a signal ends it, between two lines of a callback that is running."""
    context = Context()
    rclpy.init(args=[], context=context, domain_id=ros_domain)
    node = rclpy.create_node('polls', context=context)
    streams, taken = PolledStreams(node, dict), []
    streams.add('imu/right_wrist', Imu, 'imu', lambda *msg: taken.append(msg), 10, 1.0)
    streams.poll()
    context.shutdown()
    streams.poll()
    streams.discard()
    assert not taken
