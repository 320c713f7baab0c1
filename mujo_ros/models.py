"""One model in memory a process, however many nodes use it."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

_loaded: WeakValueDictionary[tuple[object, ...], Any] = WeakValueDictionary()
_loading = threading.Lock()


def load_recognizer(checkpoint: str, device: str) -> Any:
    """A recognizer of `mujo_core` for the parameters of these names, on the process's one model.

    The last recognizer that is freed frees the model. A checkpoint that was written anew is
    another one.
    """
    from mujo_core.recognition import Recognizer

    return Recognizer(_shared(checkpoint, device), device=device)


def load_for_good(checkpoint: str, device: str) -> Any:
    """The same in a process that does nothing else.

    What is there by then is taken out of the garbage collector's sight: to look through all that
    torch and rclpy hold takes a tenth of a second, by which an answer would be late.
    """
    gc.unfreeze()
    recognizer = load_recognizer(checkpoint, device)
    gc.collect()
    gc.freeze()
    return recognizer


def _shared(checkpoint: str, device: str) -> Any:
    from mujo_core.model.checkpoint import checkpoint_folder, load_checkpoint

    folder = checkpoint_folder(checkpoint).resolve()
    # Nodes on different devices have models of their own.
    key = (folder, device, *(_changed(path) for path in sorted(folder.glob('*'))))
    with _loading:
        found = _loaded.get(key)
        if found is None:
            found = _loaded[key] = load_checkpoint(folder)
        return found


def _changed(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return path.name, status.st_mtime_ns, status.st_size
