"""A sensor as a process: plays one stream of a clip in a loop, in real time. FILE STREAM START

STREAM is `skeleton` (30 Hz) or `imu/PLACEMENT` (50 Hz); START is the time in s at which every
sensor begins the clip, so that streams of one clip stay together.
"""

import sys
import time

import numpy as np
import rclpy
from sensor_msgs.msg import Imu, PointCloud2

from mujo_ros.convert import joints_to_cloud, sample_to_imu

RATES = {'skeleton': 30.0, 'imu': 50.0}


def main():
    path, stream, start = sys.argv[1], sys.argv[2], float(sys.argv[3])
    with np.load(path) as clip:
        times = clip[f'{stream}/t']
        if stream == 'skeleton':
            values = clip['skeleton/xyz']
        else:
            values = np.concatenate([clip[f'{stream}/acc'], clip[f'{stream}/gyro']], axis=1)
    flat = values.reshape(len(values), -1)
    rclpy.init()
    node = rclpy.create_node(f'player_{stream.replace("/", "_")}')
    kind = PointCloud2 if stream == 'skeleton' else Imu
    publisher = node.create_publisher(kind, stream, 10)
    step = 1.0 / RATES[stream.partition('/')[0]]
    period = times[-1] - times[0] + step
    number = max(0, int((time.time() - start) / step))
    while rclpy.ok():
        stamp = start + number * step
        time.sleep(max(0.0, stamp - time.time()))
        at = times[0] + (stamp - start) % period
        value = np.array([np.interp(at, times, column) for column in flat.T])
        if stream == 'skeleton':
            publisher.publish(joints_to_cloud(stamp, 'kinect', value.reshape(-1, 3)))
        else:
            publisher.publish(sample_to_imu(stamp, value, stream))
        number += 1


main()
