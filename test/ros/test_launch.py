"""The launch file brings nodes up by lifecycle events; needs launch_ros and mujo_ros installed."""

import os
import signal
import subprocess
import sys

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import GetState
from ros_rig import PATIENCE, wait_until

pytest.importorskip('launch_ros', reason='launch_ros is not installed')
packages = pytest.importorskip('ament_index_python.packages')


@pytest.fixture(scope='module', autouse=True)
def installed():
    try:
        packages.get_package_share_directory('mujo_ros')
    except packages.PackageNotFoundError:
        pytest.skip('mujo_ros is not installed (an editable installation has no share folder)')


def launch(rig, *arguments):
    code = 'import sys; from ros2cli.cli import main; sys.exit(main())'
    return subprocess.Popen(
        [sys.executable, '-c', code, 'launch', 'mujo_ros', 'har.launch.py', *arguments],
        env={**os.environ, 'ROS_DOMAIN_ID': str(rig.domain)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def state(rig, node):
    client = rig.node.create_client(GetState, f'/{node}/get_state')
    assert client.wait_for_service(60.0)
    future = client.call_async(GetState.Request())
    wait_until(future.done, PATIENCE, 'the state')
    return future.result().current_state.label


def end(process):
    process.send_signal(signal.SIGINT)
    try:
        out, _ = process.communicate(timeout=PATIENCE)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return out


def test_events_configure_and_activate_the_node(rig):
    process = launch(rig, 'use_pose_node:=false', 'smoothing:=1.5')
    try:
        wait_until(lambda: state(rig, 'har_node') == 'active', 90.0, 'the active state')
    finally:
        out = end(process)
    assert 'labels from' in out and 'Traceback' not in out


def test_a_node_that_cannot_be_configured_stays_and_says_what_to_change(rig):
    diagnostics = rig.collect(DiagnosticArray, '/diagnostics')
    process = launch(rig, 'use_pose_node:=false', 'checkpoint:=/nowhere')
    try:
        status = wait_until(
            lambda: next((s for m in diagnostics for s in m.status if '/nowhere' in s.message), 0),
            90.0,
            'the refusal on /diagnostics',
        )
        assert status.level == b'\x02' and state(rig, 'har_node') == 'unconfigured'
    finally:
        out = end(process)
    assert 'ros2 lifecycle set NODE configure' in out


def test_compressed_images_and_calibration_come_from_beside_the_topic_that_is_given(rig):
    process = launch(rig, 'camera_topic:=/front/color/image_raw', 'image_transport:=compressed')
    wanted = {'/front/color/image_raw/compressed', '/front/color/camera_info'}

    def heard():
        named = rig.node.get_topic_names_and_types()
        return {name for name, _ in named if rig.node.count_subscribers(name)} >= wanted

    try:
        wait_until(heard, 90.0, 'the subscriptions of pose_node')
    finally:
        out = end(process)
    assert 'Traceback' not in out
