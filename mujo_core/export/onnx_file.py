"""A checkpoint as one ONNX file: windows in, calibrated scores out."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from mujo_core.export.dense import DenseScores
from mujo_core.model.batch import PLACEMENT_WORDS
from mujo_core.model.checkpoint import Calibration, Checkpoint
from mujo_core.recognition.label_space import LabelSpace
from mujo_core.recording import subset_name
from mujo_core.whole_file import whole_file

if TYPE_CHECKING:
    from mujo_core.model.batch import Batch

OPSET = 20
"""The newest that ONNX Runtime 1.18 reads."""
INPUTS = ('pose', 'pose_mask', 'root', 'imu', 'imu_mask', 'placement', 'video', 'video_mask')
OUTPUTS = ('scores', 'unknown', 'vector')
"""(B, L) calibrated scores, (B,) that it is none of the labels, (B, size) the joint space."""


def input_names(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return the graph's inputs, fields of a `Batch`."""
    return INPUTS if checkpoint.model.video is not None else INPUTS[:6]


def dense_scores(checkpoint: Checkpoint, space: LabelSpace, false_alarm_rate: float) -> DenseScores:
    """Return the module that is exported, with the labels of a space."""
    modalities = checkpoint.model.modalities
    subsets = [
        subset_name([m for bit, m in enumerate(modalities) if number >> bit & 1])
        for number in range(2 ** len(modalities))
    ]
    labels = torch.stack([space.vectors(name) for name in subsets]).clone()
    calibration: Mapping[int, Calibration] = {
        number: checkpoint.calibration[name]
        for number, name in enumerate(subsets)
        if name in checkpoint.calibration
    }
    return DenseScores(checkpoint.model, labels, calibration, false_alarm_rate, space.among).eval()


def write_onnx(
    checkpoint: Checkpoint, space: LabelSpace, file: str | Path, false_alarm_rate: float = 0.05
) -> None:
    """Write the graph; what its users need to know beside it stands in its metadata.

    Metadata (JSON each): ``labels`` in the order of the scores, ``modalities``, ``window``
    (seconds and rates), ``placement_words`` (a device's `placement` is 1 for each word of these
    that its name has), ``false_alarm_rate``.

    Args:
        space: of the labels that are said.
        false_alarm_rate: share of known activities that may be said to be unknown.

    Raises:
        ImportError: the extra `export` is not installed.
        OSError: the file cannot be written.
    """
    require('onnx', 'onnxscript')
    # Of operations of torchvision, which no model here has.
    logging.getLogger('torch.onnx._internal.exporter._registration').setLevel(logging.ERROR)
    model = dense_scores(checkpoint, space, false_alarm_rate)
    names = input_names(checkpoint)
    example = example_inputs(checkpoint)
    windows = torch.export.Dim('windows', min=1, max=4096)
    devices = torch.export.Dim('devices', min=1, max=64)
    free = {n: {0: windows, 1: devices} if n in names[3:6] else {0: windows} for n in names}
    fastpath = torch.backends.mha.get_fastpath_enabled()
    # The fast path of torch's attention is one operation that no other runtime has.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of the exporter about itself
            program = torch.onnx.export(
                model,
                tuple(example[name] for name in names),
                dynamo=True,
                opset_version=OPSET,
                input_names=names,
                output_names=OUTPUTS,
                dynamic_shapes=tuple(free[name] for name in names),
                external_data=False,
                verbose=False,
            )
    finally:
        torch.backends.mha.set_fastpath_enabled(fastpath)
    assert program is not None
    proto = program.model_proto
    for key, value in _metadata(checkpoint, space, false_alarm_rate).items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value)
    with whole_file(file) as part:
        part.write_bytes(proto.SerializeToString())


def example_inputs(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """Return inputs of two windows and three devices, in which everything is seen."""
    spec = checkpoint.window
    pose, imu = round(spec.seconds * spec.pose_rate), round(spec.seconds * spec.imu_rate)
    frames = round(spec.seconds * spec.video_rate)
    shapes = {
        'pose': (pose, 16, 3), 'pose_mask': (pose, 16), 'root': (pose, 4),
        'imu': (3, imu, 6), 'imu_mask': (3, imu), 'placement': (3, len(PLACEMENT_WORDS)),
        'video': (frames, *spec.video_shape), 'video_mask': (frames,),
    }  # fmt: skip
    made = {}
    for name, shape in shapes.items():
        kind: Any = torch.bool if name.endswith('_mask') else torch.float32
        if name == 'video' and len(spec.video_shape) == 3:
            kind = torch.uint8
        made[name] = torch.ones(2, *shape, dtype=kind)
    return made


def inputs_of(batch: Batch, names: tuple[str, ...]) -> dict[str, Any]:
    """Return a batch as the arrays that a runtime takes."""
    return {name: getattr(batch, name).numpy() for name in names}


def require(*modules: str) -> None:
    """Raise ImportError with one line where a module of the extra `export` is missing."""
    from importlib.util import find_spec

    for module in modules:
        if find_spec(module) is None:
            raise ImportError(f"expected the package {module}: pip install 'mujo_ros[export]'")


def _metadata(checkpoint: Checkpoint, space: LabelSpace, false_alarm_rate: float) -> dict[str, Any]:
    spec = checkpoint.window
    return {
        'labels': list(space.names),
        'modalities': list(checkpoint.modalities),
        'window': {
            'seconds': spec.seconds,
            'pose_rate': spec.pose_rate,
            'imu_rate': spec.imu_rate,
            'video_rate': spec.video_rate,
        },
        'placement_words': list(PLACEMENT_WORDS),
        'false_alarm_rate': false_alarm_rate,
    }
