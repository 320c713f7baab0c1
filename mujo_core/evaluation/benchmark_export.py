"""Scores of one window by torch and by ONNX Runtime, in turns."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from mujo_core.cache import cache_dir
from mujo_core.evaluation.figure import Figure, make_figure
from mujo_core.model.batch import Batch
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.recognition.label_space import LabelSpace, make_label_space
from mujo_core.recognition.taught import space_of

_PACKAGE = Path(__file__).parents[1]
GROUP = 'pose + 2 IMUs scored'
TORCH_GOAL, ONNX_GOAL = 6.0, 3.0  # ms on one core
GOAL = 'the goal on one core'
BESIDE = 'torch, in turns with it'
_SOURCES = sorted(p for part in ('export', 'model') for p in (_PACKAGE / part).glob('*.py'))
"""What an exported file was written by: of other code it is another one."""


def exported_file(checkpoint: Checkpoint, space: LabelSpace, make: bool) -> Path | None:
    """Return the exported checkpoint out of the user's cache.

    Args:
        make: export it where it is not there (half a minute), else return None.
    """
    from mujo_core.export.onnx_file import write_onnx

    key = hashlib.sha256('\n'.join((space_of(checkpoint.model), *space.names)).encode())
    key.update(space.texts.cpu().numpy().tobytes())
    for source in _SOURCES:
        key.update(source.read_bytes())
    file = cache_dir() / 'onnx' / f'{key.hexdigest()[:24]}.onnx'
    if not file.exists():
        if not make:
            return None
        write_onnx(checkpoint, space, file)
    return file


def export_figures(
    checkpoint: Checkpoint, batch: Batch, repeats: int, count: int, make: bool
) -> tuple[list[Figure], str]:
    """Return the figures of both runtimes, and why the second one is left out, if it is.

    Args:
        batch: of one window.
        repeats, count: turns, and calls in each.
        make: whether exporting may take its time.
    """
    space = make_label_space(checkpoint)

    def by_torch() -> None:
        with torch.inference_mode():
            logits = space.logits(checkpoint.model, checkpoint.model(batch), batch)
            logits.softmax(dim=-1)

    missing = [n for n in ('onnx', 'onnxscript', 'onnxruntime') if find_spec(n) is None]
    if missing:
        return _torch_alone(by_torch, repeats, count), (
            f"{missing[0]} is not installed here (pip install 'mujo_ros[export]')"
        )
    file = exported_file(checkpoint, space, make)
    if file is None:
        return _torch_alone(by_torch, repeats, count), (
            'exporting takes half a minute the first time: leave out --quick'
        )
    from mujo_core.export.runtime import OnnxScores

    exported = OnnxScores(file)
    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(_milliseconds(by_torch, count))
        theirs.append(_milliseconds(lambda: exported.run(batch), count))
    return [
        make_figure(GROUP, 'torch', 'ms', ours, [TORCH_GOAL] * repeats, GOAL),
        make_figure(GROUP, 'ONNX Runtime', 'ms', theirs, [ONNX_GOAL] * repeats, GOAL),
        make_figure(GROUP, 'ONNX beside torch', 'ms', theirs, ours, BESIDE),
    ], ''


def _torch_alone(call: Callable[[], Any], repeats: int, count: int) -> list[Figure]:
    found = [_milliseconds(call, count) for _ in range(repeats)]
    return [make_figure(GROUP, 'torch', 'ms', found, [TORCH_GOAL] * repeats, GOAL)]


def _milliseconds(call: Callable[[], Any], count: int) -> float:
    call()
    start = time.perf_counter()
    for _ in range(count):
        call()
    return 1e3 * (time.perf_counter() - start) / count
