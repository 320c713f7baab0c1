"""The parameters of `pose_node`."""

from __future__ import annotations

from mujo_ros.settings import Setting

SETTINGS: dict[str, Setting] = {
    'image_transport': Setting(
        'raw',
        'Which camera topic: raw (camera/image_raw) or compressed (camera/image_raw/compressed)',
        choices=('raw', 'compressed'),
    ),
    'horizontal_fov': Setting(
        1.15,
        'Field of view assumed while no camera/camera_info comes, rad',
        (0.1, 3.0),
        live=True,
    ),
    'min_confidence': Setting(0.5, 'Below it a body is not reported', (0.0, 1.0)),
    'model_complexity': Setting(
        1, 'MediaPipe model: 0 lite, 1 full (comes with it), 2 heavy', (0, 2)
    ),
    'autostart': Setting(True, 'Configure and activate at the start, without a lifecycle manager'),
}
