"""One clip is enough for the node to find that a sensor mirrors its image, and to say so once."""

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from fake_recognizer import FakeRecognizer
from ros_rig import wait_until
from sensor_msgs.msg import PointCloud2

from mujo_ros.convert import joints_to_cloud
from mujo_ros.har_node import HarNode


@pytest.mark.parametrize('clip', ['a3_s7_t2_wave', 'a27_s7_t1_squat'])
@pytest.mark.parametrize('mirrored', [False, True])
def test_a_mirrored_skeleton_is_reported_within_a_clip(rig, data_dir, clip, mirrored):
    with np.load(data_dir / f'utd_mhad_{clip}.npz') as arrays:
        stamps, xyz = arrays['skeleton/t'], arrays['skeleton/xyz'].astype(np.float32)
    diagnostics = rig.collect(DiagnosticArray, '/diagnostics')
    overrides = rig.parameters(layout='kinect20')
    node = rig.add(HarNode(FakeRecognizer, context=rig.context, parameter_overrides=overrides))
    wait_until(lambda: node.state == 'active', what='the active state')
    publisher = rig.publisher(PointCloud2, 'skeleton')
    start = rig.node.get_clock().now().nanoseconds * 1e-9
    flip = np.array([-1.0 if mirrored else 1.0, 1.0, 1.0], np.float32)
    for number, (stamp, joints) in enumerate(zip(stamps, xyz * flip, strict=True), start=1):
        publisher.publish(joints_to_cloud(start + stamp, 'kinect', joints))
        wait_until(lambda n=number: node.health['pose'].accepted == n, what=f'skeleton {number}')

    def noted():
        values = {v.key: v.value for s in diagnostics[-1].status for v in s.values}
        return values.get('swapped_sides')

    diagnostics.wait(len(diagnostics) + 2)
    lines = [line for line in rig.warnings() if 'swapped_sides' in line]
    if mirrored:
        assert len(lines) == 1 and 'mirror' in lines[0]
        assert int(noted()) >= 1
    else:
        assert lines == [] and noted() is None
