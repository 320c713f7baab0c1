"""An exported file at work in ONNX Runtime."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mujo_core.export.onnx_file import inputs_of, require
from mujo_core.model.batch import Batch, batch_windows
from mujo_core.window import Window, WindowSpec


class OnnxScores:
    """Windows to calibrated scores by ONNX Runtime.

    Args:
        file: written by `mujo_core.export.onnx_file.write_onnx`.
        threads: that it computes on.

    Raises:
        ImportError: the extra `export` is not installed.
        ValueError: it is no such file.
    """

    def __init__(self, file: str | Path, threads: int = 1) -> None:
        require('onnxruntime')
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        refusals = (state.InvalidProtobuf, state.InvalidGraph, state.Fail, state.InvalidArgument)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        content = Path(file).read_bytes()
        try:
            self._session = onnxruntime.InferenceSession(content, options)
            meta = self._session.get_modelmeta().custom_metadata_map
            self.labels = tuple(json.loads(meta['labels']))
        except (*refusals, RuntimeError, KeyError, ValueError) as error:
            reason = (str(error).splitlines() or [''])[0]
            raise ValueError(
                f'{file}: expected a file of `mujo export` ({reason}); export it again'
            ) from error
        self.names = tuple(given.name for given in self._session.get_inputs())

    def run(self, batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return scores (B, L), those of `unknown` (B,) and vectors (B, size) of a batch."""
        scores, unknown, vectors = self._session.run(None, inputs_of(batch, self.names))
        return np.asarray(scores), np.asarray(unknown), np.asarray(vectors)

    def __call__(
        self, windows: Sequence[Window], spec: WindowSpec
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the same of windows on the grid of `spec`."""
        return self.run(batch_windows(windows, spec))
