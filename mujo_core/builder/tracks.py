"""Who is who from picture to picture: one track a person, ended rather than mixed.

A pose joins the track whose person it continues in place, size and posture. Where two people come
so close that either could be meant, both tracks end, and new ones begin when they stand apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from mujo_core.pose_estimator import SEEN, Pose

_LONGEST_PAUSE = 0.6  # s a person may be out of sight
_REACH, _REACH_A_SECOND = 0.15, 0.8  # of the body's size that it may move, and more with the pause
_GROWTH = 1.6  # times larger or smaller
_DOUBT = 0.1  # of the reach by which one continuation must be better than another
_SAME = 0.25  # of the body's height between joints of one body that is found twice
_CLOSE = 0.55  # share of the smaller box that the other covers
_FEWEST = 8
_ESTABLISHED = 4  # poses from which on a track is a person, not a slip of the model


@dataclass
class Track:
    """A person over pictures.

    Attributes:
        person: 1, 2 ... in order of appearance in the shot.
        places: of the pictures in the shot; poses: one each.
        stamps: s, one each.
    """

    person: int
    places: list[int] = field(default_factory=list)
    poses: list[Pose] = field(default_factory=list)
    stamps: list[float] = field(default_factory=list)

    def add(self, place: int, stamp: float, pose: Pose) -> None:
        """Append a picture."""
        self.places.append(place)
        self.stamps.append(stamp)
        self.poses.append(pose)

    @property
    def size(self) -> float:
        """How large the person is on the whole: the sum of heights in pixels."""
        return float(sum(box_of(pose)[3] - box_of(pose)[1] for pose in self.poses))


def box_of(pose: Pose) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom in pixels of the joints that are seen (or of all)."""
    seen = pose.visibility >= SEEN
    points = pose.image[seen] if seen.sum() >= _FEWEST else pose.image
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


class Tracker:
    """Sorts the poses of a shot into tracks."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self._open: list[Track] = []

    def add(self, place: int, stamp: float, poses: list[Pose]) -> list[Track]:
        """Take the poses of a picture; return the tracks that they joined or began."""
        self._open = [t for t in self._open if stamp - t.stamps[-1] <= _LONGEST_PAUSE]
        poses = _once([p for p in poses if (p.visibility >= SEEN).sum() >= _FEWEST])
        people = [t for t in self._open if len(t.poses) >= _ESTABLISHED]
        joined, doubtful = _match(people, stamp, dict(enumerate(poses)))
        skipped: set[int] = set()
        for one, other in _crowded(poses):
            if one in joined and other in joined:
                # Where bodies cover each other, the model may have taken one for the other.
                doubtful += [joined[one], joined[other]]
                skipped |= {one, other}
            else:
                skipped |= {one, other} - set(joined)
        self._end(doubtful)
        left = {i: pose for i, pose in enumerate(poses) if i not in joined and i not in skipped}
        slips = [t for t in self._open if len(t.poses) < _ESTABLISHED]
        joined |= _match(slips, stamp, left)[0]
        found = []
        for index, pose in enumerate(poses):
            if index in skipped:
                continue
            track = joined.get(index)
            if track is None or all(track is not one for one in self._open):
                track = Track(len(self.tracks) + 1)
                self.tracks.append(track)
                self._open.append(track)
            track.add(place, stamp, pose)
            found.append(track)
        return found

    def _end(self, tracks: list[Track]) -> None:
        self._open = [t for t in self._open if all(t is not one for one in tracks)]


def _match(
    tracks: list[Track], stamp: float, poses: dict[int, Pose]
) -> tuple[dict[int, Track], list[Track]]:
    """Return the track that each pose continues, and tracks of which it is not clear."""
    joined: dict[int, Track] = {}
    doubtful: list[Track] = []
    if not tracks or not poses:
        return joined, doubtful
    numbers = list(poses)
    cost = np.array([[_distance(t, stamp, poses[n]) for n in numbers] for t in tracks])
    for row, column in zip(*linear_sum_assignment(np.minimum(cost, 1e3)), strict=True):
        if cost[row, column] <= 1.0:
            rivals = _rivals(cost, row, column)
            joined[numbers[column]] = tracks[row]
            if len(rivals):
                doubtful += [tracks[row], *(tracks[rival] for rival in rivals)]
    return joined, doubtful


def _distance(track: Track, stamp: float, pose: Pose) -> float:
    """Return how far a pose is from continuing a track; above 1 it does not."""
    last = track.poses[-1]
    reach = _REACH + _REACH_A_SECOND * (stamp - track.stamps[-1])
    size, before = _size(pose), _size(last)
    if max(size, before) > _GROWTH * min(size, before):
        return np.inf
    moved = np.linalg.norm(_trunk(pose) - _trunk(last))
    return float(moved / (reach * max(size, before)))


def _rivals(cost: np.ndarray, row: int, column: int) -> np.ndarray:
    """Return the other tracks that the pose could continue about as well."""
    close = cost[:, column] < min(1.0, 2.0 * cost[row, column] + _DOUBT)
    close[row] = False
    return np.flatnonzero(close)


def _trunk(pose: Pose) -> np.ndarray:
    """Return the middle of shoulders and hips, pixels."""
    middle: np.ndarray = pose.image[[11, 12, 23, 24]].mean(axis=0)
    return middle


def _size(pose: Pose) -> float:
    left, top, right, bottom = box_of(pose)
    return max(right - left, bottom - top, 1.0)


def _once(poses: list[Pose]) -> list[Pose]:
    """Leave out a body that is found a second time."""
    kept: list[Pose] = []
    for pose in sorted(poses, key=lambda p: -float(p.visibility.mean())):
        apart = [np.median(np.linalg.norm(pose.image - other.image, axis=1)) / _size(other)
                 for other in kept]  # fmt: skip
        if all(distance > _SAME for distance in apart):
            kept.append(pose)
    return kept


def _crowded(poses: list[Pose]) -> list[tuple[int, int]]:
    """Return the pairs of poses of which one covers the other."""
    return [
        (one, other)
        for one in range(len(poses))
        for other in range(one)
        if _covered(box_of(poses[one]), box_of(poses[other])) > _CLOSE
    ]


def _covered(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the share of the smaller box that lies in the other."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return max(width, 0.0) * max(height, 0.0) / max(min(areas), 1.0)
