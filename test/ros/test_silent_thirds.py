"""A continuous stream over DDS: both sensors, then no IMU, then no skeleton, then neither.

Simulated time waits for each answer, so that a busy machine changes nothing.
"""

import json

import numpy as np
import pytest
from ros_rig import wait_until
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, PointCloud2
from std_msgs.msg import String

pytest.importorskip('torchmetrics', reason='the extra evaluate is not installed')

from mujo_core.evaluation.baselines.synchronizer import Synchronizer
from mujo_core.evaluation.corrupted import NO_ANSWER, macro_f1_of_all
from mujo_core.evaluation.examples import Example
from mujo_core.model.checkpoint import load_checkpoint
from mujo_core.recognition.coverage import usable
from mujo_core.recognition.playback import live_windows
from mujo_core.recording import Recording, Stream
from mujo_ros.convert import joints_to_cloud, sample_to_imu, seconds_to_stamp
from mujo_ros.har_node import HarNode
from mujo_ros.models import load_recognizer

CLIPS = {'boxing': 'utd_mhad_a13_s7_t2_boxing.npz', 'wave': 'utd_mhad_a3_s7_t2_wave.npz'}
START = 1000.0  # s, simulated
SLOT = 0.05  # s: a skeleton and two samples of the IMU
A_TICK = 2  # slots
ACTION = 4.0  # s of each clip, played in a loop
SETTLED = 2.8  # s after which an action fills the window
THIRD = ACTION * len(CLIPS)
SILENCE = 2.5  # s at the end


class Sensors:
    """Skeleton and wrist at any moment of the scene, and which of them is there."""

    def __init__(self, folder):
        self.clips = [np.load(folder / name) for name in CLIPS.values()]

    def action(self, t):
        return int(t % THIRD // ACTION)

    def there(self, t):
        third = int(t // THIRD)
        return {'skeleton': third in (0, 1), 'imu/right_wrist': third in (0, 2)}

    def sample(self, stream, t):
        clip = self.clips[self.action(t)]
        stamps = clip[f'{stream}/t']
        parts = ('xyz',) if stream == 'skeleton' else ('acc', 'gyro')
        values = np.concatenate([clip[f'{stream}/{part}'] for part in parts], axis=1)
        at = stamps[0] + t % (stamps[-1] - stamps[0])
        flat = values.reshape(len(values), -1)
        joined = np.array([np.interp(at, stamps, column) for column in flat.T])
        return joined.reshape(values.shape[1:])


def test_every_tick_is_answered_while_a_sensor_is_there(rig, data_dir, held_out_checkpoint):
    sensors = Sensors(data_dir)
    activity = rig.collect(String, 'activity')
    # Each answer by itself, as those behind a synchronizer are.
    overrides = rig.parameters(
        use_sim_time=True, layout='kinect20', placements=['right_wrist'],
        checkpoint=str(held_out_checkpoint), dwell=0.0,
    )  # fmt: skip
    node = rig.add(HarNode(load_recognizer, context=rig.context, parameter_overrides=overrides))
    wait_until(lambda: node.state == 'active', 60.0, 'the active state')
    clock = rig.publisher(Clock, '/clock')
    outlets = {
        'skeleton': rig.publisher(PointCloud2, 'skeleton'),
        'imu/right_wrist': rig.publisher(Imu, 'imu/right_wrist'),
    }

    def tell(now):
        clock.publish(Clock(clock=seconds_to_stamp(now)))
        wait_until(
            lambda: abs(node.get_clock().now().nanoseconds * 1e-9 - now) < 1e-6, what='the clock'
        )

    tell(START - SLOT)
    healths = {'skeleton': 'pose', 'imu/right_wrist': 'imu/right_wrist'}
    sent = {name: [] for name in outlets}
    ticks, said, modalities = [], [], []
    silent_at = None
    for slot in range(round((3 * THIRD + SILENCE) / SLOT)):
        t = slot * SLOT
        there = sensors.there(t)
        for name, outlet in outlets.items():
            for at in (t,) if name == 'skeleton' else (t - SLOT / 2, t):
                if not there[name]:
                    continue
                value = sensors.sample(name, at)
                if name == 'skeleton':
                    outlet.publish(joints_to_cloud(START + at, 'kinect', value))
                else:
                    outlet.publish(sample_to_imu(START + at, value, 'wrist'))
                sent[name].append((at, value))
        for name, health in healths.items():
            wait_until(
                lambda n=name, h=health: node.health[h].accepted == len(sent[n]),
                what=f'sample {len(sent[name])} of {name}',
            )
        before = len(activity)
        tell(START + t)
        if slot % A_TICK or t < 1.5:
            continue
        if any(there.values()):
            # The tick of this slot, or of one of the four before.
            if len(activity) <= (ticks[-1][1] if ticks else before - 1):
                wait_until(lambda n=before: len(activity) > n, what=f'an answer at {t:.2f} s')
            answer = json.loads(activity[-1].data)
            ticks.append((t, len(activity)))
            said.append(answer['label'])
            modalities.append(answer['modalities'])
        elif silent_at is None and t > 3 * THIRD + 1.5:
            silent_at = len(activity)
    # One answer a tick, from what was there, and none in the end, which is said once.
    assert len(activity) - ticks[0][1] >= len(ticks) - 1
    wait_until(lambda: rig.warnings(), what='the warning')
    assert len(rig.warnings()) == 1 and 'no data, so nothing is published' in rig.warnings()[0]
    assert silent_at is not None and len(activity) == silent_at
    at = np.array([t for t, _ in ticks])
    alone = {1: ['pose'], 2: ['imu']}
    for third, expected in alone.items():
        late = (at >= third * THIRD + 3.0) & (at < (third + 1) * THIRD)
        assert late.sum() > 40
        assert all(m == expected for m, is_late in zip(modalities, late, strict=True) if is_late)

    # Macro-F1 of all ticks beside a node on ApproximateTimeSynchronizer.
    checkpoint = load_checkpoint(held_out_checkpoint)
    names = list(checkpoint.labels)
    settled = at % ACTION >= SETTLED
    truth = np.array([names.index(list(CLIPS)[sensors.action(t)]) for t in at])[settled]
    ours = np.array([names.index(s) if s in names else NO_ANSWER for s in said])[settled]
    its = synchronized(sent, at[settled], checkpoint, names)
    assert (its != NO_ANSWER).mean() == pytest.approx(1 / 3, abs=0.05)
    right, its_right = (macro_f1_of(list(CLIPS), names, truth, s) for s in (ours, its))
    # Of the wave the wrist alone is not enough; behind a synchronizer two thirds are silent.
    assert right > 0.6 and right > its_right + 0.15, (right, its_right)


def macro_f1_of(classes, names, truth, said):
    """Macro-F1 over the actions of the scene; another label counts as a miss."""
    places = [names.index(name) for name in classes]
    where = {place: index for index, place in enumerate(places)}
    known = np.array([where.get(s, NO_ANSWER) for s in said])
    return macro_f1_of_all(np.array([where[t] for t in truth]), known, len(places))


def synchronized(sent, ticks, checkpoint, names):
    """What our model answers at these ticks behind ApproximateTimeSynchronizer."""
    streams = {}
    for name, samples in sent.items():
        stamps, values = zip(*samples, strict=True)
        key, layout = ('pose', 'kinect20') if name == 'skeleton' else (name, None)
        streams[key] = Stream(np.array(stamps), np.array(values, np.float32), layout)
    take = Recording('take', 'utd_mhad', '7', streams)
    node = Synchronizer(checkpoint, ['pose', 'imu'], names, ['pose'])
    heard, said = node.hears(take), np.full(len(ticks), NO_ANSWER)
    for place, (age, window) in enumerate(live_windows(heard, checkpoint.window, ticks)):
        used = usable(window) if window is not None and age <= node.silent_after else None
        if used is not None:
            rows = node.probabilities([Example(used, '', heard, 0, float(ticks[place]))])
            said[place] = int(rows.argmax())
    return said
