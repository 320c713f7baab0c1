"""SIGINT and SIGTERM in every lifecycle state: exit 0, at once, without a traceback."""

import signal
import subprocess
import time
from pathlib import Path

import pytest
from lifecycle_msgs.srv import ChangeState, GetState
from ros_rig import wait_until

HERE = Path(__file__).parent
CONFIGURE = 1
QUICK = 3.0  # s, on a busy machine


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
    assert client.wait_for_service(20.0)
    future = client.call_async(request)
    wait_until(future.done, 20.0, f'the answer of {name}')
    return future.result()


def state(rig):
    return call(rig, GetState, 'get_state', GetState.Request()).current_state.label


def leaves(process, number):
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=20.0)
    assert 'Traceback' not in err and 'terminate called' not in err, err
    assert process.returncode == 0, (process.returncode, out, err)
    assert time.monotonic() - began < QUICK


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
    request = ChangeState.Request()
    request.transition.id = CONFIGURE
    assert call(rig, ChangeState, 'change_state', request).success
    assert state(rig) == 'inactive'
    leaves(process, number)


def test_active(rig, number):
    process = start(rig)
    wait_until(lambda: state(rig) == 'active', 20.0, 'the active state')
    leaves(process, number)


def test_active_without_a_clock(rig, number):
    process = start(rig, use_sim_time='true')
    wait_until(lambda: state(rig) == 'active', 20.0, 'the active state')
    leaves(process, number)


def test_a_terminal_and_a_launch_file_both_interrupt(rig):
    process = start(rig)
    wait_until(lambda: state(rig) == 'active', 20.0, 'the active state')

    def interrupted_again():
        process.send_signal(signal.SIGINT)
        return process.poll() is not None

    wait_until(interrupted_again, QUICK, 'the end')
    leaves(process, signal.SIGINT)


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
    _, err = process.communicate(timeout=60.0)
    assert process.returncode == 1
    assert '/nowhere' in err and 'Traceback' not in err


def test_a_parameter_of_the_wrong_kind_ends_the_process_with_one_line(rig):
    process = start(rig, rate='fast')
    _, err = process.communicate(timeout=60.0)
    assert process.returncode == 2
    assert 'rate' in err and 'Traceback' not in err
