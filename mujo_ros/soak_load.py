"""What a soak runs beside `har_node`: a checkpoint that sees the camera, and the forward alone.

`python -m mujo_ros.soak_load CHECKPOINT RATE PLACEMENT...` runs the model on whole windows at RATE
Hz until SIGTERM, or until the parent process is gone, and prints one line: when each forward began
(seconds since the epoch) and how long it took, s, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

SIDE = 48  # pixels of the frames that an added video encoder sees


def with_video(checkpoint: str | None, folder: Path) -> str:
    """Folder of a checkpoint with video: the given one, or where it has none a copy in `folder`.

    The copy's weights are drawn anew: it takes as long as a trained one, and knows nothing.
    """
    import torch

    from mujo_core.model.checkpoint import load_checkpoint, save_checkpoint
    from mujo_core.model.joint_space import JointSpace
    from mujo_core.video.settings import VideoSettings

    loaded = load_checkpoint(checkpoint)
    if 'video' in loaded.modalities:
        return str(Path(checkpoint).resolve()) if checkpoint else ''
    torch.manual_seed(0)
    video = VideoSettings('motion', 'rgb', side=SIDE)
    model = JointSpace(replace(loaded.model.settings, video=video)).eval()
    window = replace(loaded.window, video=video)
    grown = replace(loaded, model=model, window=window, modalities=model.modalities)
    save_checkpoint(grown, folder)
    return str(folder)


def forward_alone(checkpoint: str, rate: float, placements: Sequence[str]) -> None:
    """Time the model on a whole window of all its streams at `rate` Hz."""
    import numpy as np
    import torch

    from mujo_core.recognition.recognizer import Recognizer
    from mujo_core.timeline import Timeline

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    torch.set_num_threads(1)
    recognizer = Recognizer(checkpoint or None)
    spec, rng = recognizer.checkpoint.window, np.random.default_rng(0)
    timeline = Timeline(spec)
    stamps = 1.0 + np.arange(round(spec.seconds * 100)) / 100
    timeline.insert('pose', stamps, rng.normal(size=(len(stamps), 16, 3)).astype(np.float32))
    for placement in placements:
        samples = rng.normal(size=(len(stamps), 6)).astype(np.float32)
        timeline.insert(f'imu/{placement}', stamps, samples)
    if 'video' in recognizer.settings.modalities:
        frames = rng.integers(256, size=(len(stamps), *spec.video_shape)).astype(np.uint8)
        timeline.insert('video', stamps, frames)
    window = timeline.cut()
    assert window is not None
    recognizer.warm_up()
    times, parent, due = [], os.getppid(), time.monotonic()
    while os.getppid() == parent and not stop.wait(max(0.0, due - time.monotonic())):
        at, begun = time.time(), time.perf_counter()
        recognizer.logits([window])
        times.append((at, time.perf_counter() - begun))
        due = max(due + 1.0 / rate, time.monotonic())
    print(json.dumps(times), flush=True)


if __name__ == '__main__':
    forward_alone(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
