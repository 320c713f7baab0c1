"""The parameters of `har_node`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rclpy.parameter import Parameter

from mujo_core.inertial import check_placement
from mujo_core.layouts import LAYOUTS
from mujo_core.recognition.decision import ALARM_RATES, DecisionSettings
from mujo_core.recognition.segmentation import StreamSettings
from mujo_ros import settings
from mujo_ros.settings import Setting, names_of

MAX_PLACEMENTS = 32
UP_AXES = ('auto', 'x', '-x', 'y', '-y', 'z', '-z')

SETTINGS: dict[str, Setting] = {
    'checkpoint': Setting(
        '', 'Folder of the checkpoint, or the name of a packaged one; empty: default'
    ),
    'rate': Setting(10.0, 'Answers a second on the clock of the node, Hz', (0.1, 100.0), live=True),
    'placements': Setting(
        ['right_wrist'], 'Where IMUs are worn; each has a topic imu/<placement>; may be empty'
    ),
    'skeleton_type': Setting(
        'cloud',
        'What skeletons are: cloud, sensor_msgs/PointCloud2 on skeleton; hri, hri_msgs/Skeleton2D '
        'on skeleton2d (REP-155, with layout openpose18)',
        choices=('cloud', 'hri'),
    ),
    'image_aspect': Setting(
        4 / 3,
        'Width by height of the image that a skeleton of hri_msgs was found in',
        (0.1, 10.0),
        live=True,
    ),
    'layout': Setting(
        'mediapipe33', 'Joint list of the clouds on skeleton', choices=tuple(sorted(LAYOUTS))
    ),
    'skeleton_up': Setting(
        'auto',
        'Axis of the frame of skeleton that points up; auto: -y for frames that end in '
        '_optical_frame (camera_pitch is applied), else found from the body',
        choices=UP_AXES,
        live=True,
    ),
    'camera_pitch': Setting(
        0.0,
        'How far the camera looks down, rad; negative: up; for skeletons in optical frames',
        (-1.6, 1.6),
        live=True,
    ),
    'camera': Setting(
        'raw',
        'Camera topic, where the checkpoint has video: camera/image_raw, its /compressed '
        '(/compressedDepth for a checkpoint of depth), or off',
        choices=('raw', 'compressed', 'off'),
    ),
    'horizontal_fov': Setting(
        1.15,
        'Field of view of the camera assumed while no camera/camera_info comes, rad',
        (0.1, 3.0),
        live=True,
    ),
    'device': Setting(
        'cpu',
        'Where the model runs; auto: cuda where there is one; cuda: in half precision',
        choices=('auto', 'cpu', 'cuda'),
    ),
    'taught': Setting(
        '',
        'File of mujo teach, whose labels are said too, and which ~/teach and ~/forget change; '
        'empty: none',
    ),
    'teach.label': Setting(
        '',
        "What ~/teach and ~/forget are about: a name, or 'name: description' of a new activity "
        '(in a shell \'"name: description"\', since ros2 param reads YAML)',
        live=True,
    ),
    'teach.seconds': Setting(
        0.0,
        'How long it has been shown when ~/teach is called, s; the length of the window at least, '
        '2 s more at most',
        (0.0, 60.0),
        live=True,
    ),
    'labels': Setting(
        [''],
        "What may be said: names, 'name: description' of new ones, labels files (.yaml), + for all "
        "that are known; ['']: all that are known",
        live=True,
    ),
    'top_k': Setting(5, 'How many scores an answer lists', (1, 100), live=True),
    'false_alarm_rate': Setting(
        0.05, 'Share of known activities that may be called unknown', ALARM_RATES, live=True
    ),
    'smoothing': Setting(
        0.0, 'Time constant of the running mean over scores, s; 0: none', (0.0, 30.0), live=True
    ),
    'dwell': Setting(
        StreamSettings.dwell,
        'How long an activity lasts in the mean, s, for the hidden Markov model over scores; more '
        'is stickier; 0: each answer by itself',
        (0.0, 30.0),
        live=True,
    ),
    'least_duration': Setting(
        0.0, 'A label that stands for less starts and ends no event, s', (0.0, 10.0), live=True
    ),
    'person': Setting('', 'Name put into the field person of each answer', live=True),
    'autostart': Setting(True, 'Configure and activate at the start, without a lifecycle manager'),
}
DECISION = ('labels', 'top_k', 'false_alarm_rate', 'smoothing', 'dwell', 'least_duration')


def refusal(
    parameters: Iterable[Parameter[Any]], check_labels: Callable[[Sequence[str]], None] | None
) -> str:
    """One line on why `parameters` cannot be set, '' when they can.

    `check_labels`: of the recognizer, raises what it cannot take; None while none is loaded.
    """
    parameters = list(parameters)
    line = settings.refusal(SETTINGS, parameters, check_labels is not None)
    for parameter in parameters:
        try:
            if parameter.name == 'placements':
                placements(parameter.value)
            elif parameter.name == 'labels':
                chosen = names_of('labels', parameter.value)
                if check_labels is not None:
                    check_labels(chosen)
        except (ValueError, OSError, ImportError) as error:
            line = line or str(error).splitlines()[0]
    return line


def placements(value: Any) -> list[str]:
    """Names of the parameter `placements`; ValueError unless each can be part of a topic."""
    names = names_of('placements', value)
    for name in names:
        check_placement(name)
    if len(names) > MAX_PLACEMENTS:
        raise ValueError(f'expected at most {MAX_PLACEMENTS} placements, got {len(names)}')
    return names


def decision(value: Callable[[str], Any]) -> DecisionSettings:
    """How scores become an answer, from `value(name)` of each parameter."""
    return DecisionSettings(
        top_k=value('top_k'),
        false_alarm_rate=value('false_alarm_rate'),
        labels=tuple(names_of('labels', value('labels'))),
        smoothing=value('smoothing'),
        stream=StreamSettings(dwell=value('dwell'), least_duration=value('least_duration')),
    )
