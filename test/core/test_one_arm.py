"""What is recorded with both arms, done with one."""

import numpy as np
from known_body import body

from mujo_core.recording import Stream
from mujo_core.skeleton import JOINT, canonical_joints
from mujo_core.training.one_arm import with_one_arm


def test_one_arm_hangs_from_its_shoulder_and_the_other_goes_on():
    joints = canonical_joints(np.repeat(body('canonical16')[None], 30, axis=0), 'canonical16')
    lift = np.linspace(0.0, 0.4, 30, dtype=np.float32)
    for side in ('left', 'right'):
        joints[:, JOINT[f'{side}_wrist'], 2] += lift
    joints[:, :, 0] += lift[:, None]  # the whole body moves on
    before = joints.copy()
    sides = set()
    for seed in range(8):
        pose = with_one_arm(Stream(np.arange(30) / 30.0, joints), np.random.default_rng(seed))
        reach = {
            side: pose.values[:, JOINT[f'{side}_wrist']] - pose.values[:, JOINT[f'{side}_shoulder']]
            for side in ('left', 'right')
        }
        still = [side for side, way in reach.items() if np.ptp(way[:, 2]) < 1e-5]
        assert len(still) == 1
        sides.add(still[0])
        other = 'right' if still == ['left'] else 'left'
        assert np.ptp(reach[other][:, 2]) > 0.39
    assert sides == {'left', 'right'}
    np.testing.assert_array_equal(joints, before)
