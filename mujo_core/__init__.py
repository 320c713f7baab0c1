"""MuJo's joint feature space for human activity recognition; knows nothing of ROS.

`import mujo_core` is light: names that need torch are imported on first use.
"""

from importlib import import_module
from typing import Any

__version__ = '0.1.0'

_LAZY = {
    'Recording': 'mujo_core.recording',
    'Segment': 'mujo_core.recording',
    'Stream': 'mujo_core.recording',
    'Timeline': 'mujo_core.timeline',
    'Window': 'mujo_core.window',
    'Activity': 'mujo_core.recognition.activity',
    'Recognizer': 'mujo_core.recognition.recognizer',
    'JointSpace': 'mujo_core.model.joint_space',
    'load_checkpoint': 'mujo_core.model.checkpoint',
    'save_checkpoint': 'mujo_core.model.checkpoint',
}

__all__ = ['__version__', *_LAZY]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(_LAZY[name]), name)
