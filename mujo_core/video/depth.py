"""The person in a depth image: found, cut out, and seen from the front at a scale in metres.

A depth image is turned to points, and the person's points are drawn again as a parallel camera
would see them: a body is as large and as bright wherever it stands. Axes of points are the
camera's of REP-103: x right, y down, z forward, metres.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

EXTENT = 2.3
"""Width and height of a frame, metres: a person with arms raised."""
BELOW_FEET = 0.1
"""What a frame shows below the lowest point of the person, metres."""
REACH = 1.0
"""A frame's values span this much before and behind the person's middle, metres."""
FOCAL = 0.89
"""Focal length by the image's width where none is given: of a Kinect."""
NEAR, FAR = 0.4, 6.0
"""What is nearer or farther is no person, metres."""

_LARGEST_WIDTH = 320
_JUMP = 0.12
_BEFORE, _BEHIND = 0.9, 0.45
_LEAST_HEIGHT, _LARGEST_BREADTH, _LEAST_AREA = 0.7, 1.6, 0.08
_LEAST_FLOOR = 0.01
_ANY_LINK = np.ones((3, 3), dtype=int)


def depth_metres(image: np.ndarray) -> np.ndarray:
    """Return a depth image (H, W) in metres; 0 where nothing was measured.

    Args:
        image: integers in mm (16UC1) or floats in m (32FC1), NaN where nothing was measured.
    """
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim != 2:
        raise ValueError(
            f'expected a depth image (height, width), shape {image.shape} came; this model sees '
            'depth (16UC1 in mm or 32FC1 in m)'
        )
    if np.issubdtype(image.dtype, np.integer):
        return image.astype(np.float32) * np.float32(0.001)
    return np.nan_to_num(image.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _is_level(z: np.ndarray, row: np.ndarray, focal: float) -> np.ndarray:
    """Where a broad surface lies flat: a floor, a table."""
    reach = max(1, round(len(z) / 120))
    upper, middle, lower = z[: -2 * reach], z[reach:-reach], z[2 * reach :]
    height = row[:, None] * z / focal
    rise = np.abs(height[: -2 * reach] - height[2 * reach :])
    # Going up the image it goes away evenly; at an edge it would go all at once.
    first, second = middle - lower, upper - middle
    flat = (np.minimum(first, second) > 0.012) & (np.maximum(first, second) < 0.3)
    flat &= (rise < 0.5 * (first + second)) & (lower > 0)
    level = np.zeros(z.shape, dtype=bool)
    if flat.mean() < _LEAST_FLOOR:
        return level
    pieces, _ = ndimage.label(flat)
    for piece, (rows, columns) in enumerate(ndimage.find_objects(pieces), start=1):
        within = pieces[rows, columns] == piece
        depth = float(np.median(middle[rows, columns][within]))
        if (columns.stop - columns.start) * depth / focal > _LARGEST_BREADTH / 2:
            for shift in (0, reach, 2 * reach):
                level[rows.start + shift : rows.stop + shift, columns] |= within
    return level


def _torso(z: np.ndarray, solid: np.ndarray, row: np.ndarray, focal: float) -> np.ndarray | None:
    """Return the mask of the nearest smooth upright piece, or of the largest there is."""
    smooth = solid.copy()
    for axis in (0, 1):
        jump = np.abs(np.diff(z, axis=axis)) > _JUMP
        smooth &= ~np.pad(jump, [(0, 1) if a == axis else (0, 0) for a in (0, 1)])
    pieces, count = ndimage.label(smooth)
    if not count:
        return None
    area = ndimage.sum_labels((z / focal) ** 2, pieces, np.arange(1, count + 1))
    best, upright, largest = 0, np.inf, int(np.argmax(area)) + 1
    for piece in np.flatnonzero(area >= _LEAST_AREA) + 1:
        rows, columns = np.nonzero(pieces == piece)
        depth = float(np.median(z[rows, columns]))
        height = (row[rows.max()] - row[rows.min()]) * depth / focal
        breadth = (columns.max() - columns.min()) * depth / focal
        if height >= _LEAST_HEIGHT and breadth <= _LARGEST_BREADTH and depth < upright:
            best, upright = int(piece), depth
    return np.asarray(pieces == (best or largest))


def person_mask(
    depth: np.ndarray, focal: float, box: tuple[float, float, float, float] | None = None
) -> np.ndarray:
    """Find the person in a depth image.

    Args:
        depth: (H, W) metres, 0 where nothing was measured.
        focal: focal length, pixels.
        box: left, top, right, bottom in pixels, where it is known who is meant; without one it is
            the nearest upright body.

    Returns:
        (H, W) bool, True on the person; nowhere, where nobody is found.
    """
    solid = (depth > NEAR) & (depth < FAR)
    if box is not None:
        left, top, right, bottom = box
        inside = np.zeros_like(solid)
        rows = slice(max(0, int(top)), max(0, int(np.ceil(bottom))))
        columns = slice(max(0, int(left)), max(0, int(np.ceil(right))))
        inside[rows, columns] = True
        solid &= inside
    row = np.arange(len(depth)) - (len(depth) - 1) / 2
    solid &= ~_is_level(depth, row, focal)
    torso = _torso(depth, solid, row, focal)
    if torso is None:
        return np.zeros_like(solid)
    middle = float(np.median(depth[torso]))
    # A hand before the body is a smooth piece of its own: what touches the torso in the image
    # and is about as far away belongs to the person.
    near = solid & (depth > middle - _BEFORE) & (depth < middle + _BEHIND)
    bodies, _ = ndimage.label(near, _ANY_LINK)
    found = np.bincount(bodies[torso & near], minlength=1)
    if found.size < 2 or not found[1:].any():
        return np.zeros_like(solid)
    return np.asarray(bodies == int(np.argmax(found[1:])) + 1)


def person_points(
    image: np.ndarray,
    focal: float | None = None,
    box: tuple[float, float, float, float] | None = None,
) -> np.ndarray:
    """Return the person's points (P, 3) in metres, P = 0 where nobody is found.

    Args:
        image: a depth image (see `depth_metres`); its middle is taken for the principal point.
        focal: focal length, pixels of that image; None for a Kinect's.
        box: see `person_mask`.
    """
    depth = depth_metres(image)
    focal = focal or FOCAL * depth.shape[1]
    step = -(-depth.shape[1] // _LARGEST_WIDTH)
    if step > 1:
        depth, focal = depth[::step, ::step], focal / step
        box = (box[0] / step, box[1] / step, box[2] / step, box[3] / step) if box else None
    rows, columns = np.nonzero(person_mask(depth, focal, box))
    z = depth[rows, columns]
    x = (columns - (depth.shape[1] - 1) / 2) * z / focal
    y = (rows - (depth.shape[0] - 1) / 2) * z / focal
    return np.stack([x, y, z], axis=1).astype(np.float32)


def body_centre(points: np.ndarray) -> np.ndarray:
    """Return (3,): the middle of the body across and in depth, and its lowest point's height."""
    x, y, z = points.T
    return np.array([np.median(x), np.percentile(y, 99), np.median(z)], dtype=np.float32)


def draw_points(points: np.ndarray, centre: np.ndarray, side: int) -> np.ndarray:
    """Draw points as a parallel camera in front of the person would see them.

    Args:
        points: (P, 3) metres.
        centre: (3,) the body's (see `body_centre`).
        side: pixels of the square picture, `EXTENT` metres wide.

    Returns:
        (side, side, 1) uint8: 0 where there is nothing, else 1..255, 128 at the centre and
        brighter the nearer, a step being `REACH` / 127 metres.
    """
    x, y, z = (points - centre).T
    column = np.floor(x * (side / EXTENT) + side / 2).astype(int)
    row = np.floor((y + EXTENT - BELOW_FEET) * (side / EXTENT)).astype(int)
    value = 128.0 - np.round(z * (127.0 / REACH))
    seen = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    seen &= (value >= 1) & (value <= 255)
    picture = np.zeros(side * side, dtype=np.uint8)
    place, value = row[seen] * side + column[seen], value[seen].astype(np.uint8)
    order = np.argsort(value, kind='stable')
    picture[place[order]] = value[order]
    return picture.reshape(side, side, 1)
