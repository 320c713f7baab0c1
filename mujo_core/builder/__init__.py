"""Videos and motion capture made to parallel clips (pose, IMU, frames, text) in shards."""
