"""The person in a colour image: a square cut around a box, at a size of its own."""

from __future__ import annotations

import numpy as np

MARGIN = 0.15
"""What is shown around a box on each side, by its longer side."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


def skeleton_box(
    joints: np.ndarray,
    focal: float,
    width: int,
    height: int,
    least: int = 3,
    centre: tuple[float, float] | None = None,
) -> Box | None:
    """Return the box of a skeleton in an image, or None where it is not in view.

    Args:
        joints: (J, 3) metres in the camera's frame (REP-103: x right, y down, z forward), NaN
            where a joint is not seen.
        focal: focal length, pixels.
        width, height: of the image, pixels.
        least: joints that must be seen.
        centre: principal point (x, y), pixels; None for the image's middle.
    """
    seen = joints[np.isfinite(joints).all(axis=1) & (joints[:, 2] > 0.1)]
    if len(seen) < least:
        return None
    middle = centre or ((width - 1) / 2, (height - 1) / 2)
    columns = middle[0] + focal * seen[:, 0] / seen[:, 2]
    rows = middle[1] + focal * seen[:, 1] / seen[:, 2]
    joints_box = (
        float(columns.min()), float(rows.min()), float(columns.max()), float(rows.max()),
    )  # fmt: skip
    return body_box(joints_box, width, height)


def body_box(joints: Box, width: int, height: int) -> Box | None:
    """Return the box of a body from that of its joints, or None where it is not in the image.

    Args:
        joints: left, top, right, bottom in pixels; width, height: of the image.
    """
    left, top, right, bottom = joints
    # Joints lie inside the body: a head and two hands stand out by about a sixth of it.
    more = max(right - left, bottom - top) / 6
    left, right = max(0.0, left - more), min(float(width), right + more)
    top, bottom = max(0.0, top - more), min(float(height), bottom + more)
    inside = right > left and bottom > top
    return (left, top, right, bottom) if inside else None


def square_crop(image: np.ndarray, side: int, box: Box | None = None) -> np.ndarray:
    """Cut a square around a box and resize it; what lies outside of the image is black.

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3) uint8.
        side: of the square, pixels.
        box: of the person; None for the whole image.

    Returns:
        (side, side, 3) uint8.

    Raises:
        ValueError: an image of another kind.
    """
    cv2 = _import_cv2()
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3) or image.dtype != np.uint8:
        raise ValueError(
            f'expected a colour image (height, width, 3) of uint8, {image.dtype} of shape '
            f'{image.shape} came; this model sees rgb8, bgr8 or mono8'
        )
    height, width = image.shape[:2]
    left, top, right, bottom = box or (0.0, 0.0, float(width), float(height))
    length = max(right - left, bottom - top, 1.0) * (1.0 + 2 * MARGIN if box else 1.0)
    scale = side / length
    corner = np.array([(left + right) / 2, (top + bottom) / 2]) - length / 2
    if scale < 1:
        # The warp samples single pixels; area averaging first keeps fine structure from aliasing.
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        corner, scale = corner * scale, 1.0
    move = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])
    crop = cv2.warpAffine(image, move, (side, side), flags=cv2.INTER_LINEAR)
    return np.ascontiguousarray(np.broadcast_to(crop.reshape(side, side, -1), (side, side, 3)))


def _import_cv2():  # type: ignore[no-untyped-def]
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            "colour video needs OpenCV: pip install 'mujo_ros[video]' (or an opencv you have)"
        ) from error
    return cv2
