"""One picture to the poses of everyone in it."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from mujo_core.pose_estimator import Pose, pose_of_landmarks

_CONFIDENCE = 0.5


@lru_cache(maxsize=1)
def _bundle() -> bytes:
    """Return MediaPipe's detector and landmark model as one bundle.

    The package ships them apart, for its older interface; the one for several people takes a zip
    of both, each with the range that its pixels are scaled to.
    """
    import mediapipe
    from mediapipe.tasks.python.metadata.metadata_writers import metadata_writer

    modules = Path(mediapipe.__file__).parent / 'modules'
    parts = (
        ('pose_detector.tflite', 'pose_detection/pose_detection.tflite', 127.5, 127.5),
        ('pose_landmarks_detector.tflite', 'pose_landmark/pose_landmark_full.tflite', 0.0, 255.0),
    )
    held = io.BytesIO()
    with zipfile.ZipFile(held, 'w', zipfile.ZIP_STORED) as bundle:
        for name, path, mean, deviation in parts:
            writer = metadata_writer.MetadataWriter.create(bytearray((modules / path).read_bytes()))
            writer.add_image_input([mean], [deviation])
            bundle.writestr(zipfile.ZipInfo(name), bytes(writer.populate()[0]))
    return held.getvalue()


def _check_protobuf() -> None:
    """Raise ImportError with a protobuf that MediaPipe's interface for several people breaks on."""
    import google.protobuf

    if int(google.protobuf.__version__.partition('.')[0]) > 4:
        raise ImportError(f'protobuf {google.protobuf.__version__}, it needs one below 5')


class PeopleEstimator:
    """MediaPipe's pose model over the pictures of one shot, for several people.

    It follows each person from picture to picture, in no order: `mujo_core.builder.tracks` says
    who is who.

    Args:
        people: the most that are found in a picture.

    Raises:
        ImportError: MediaPipe, or the part of it that holds the pose model, is not installed.
    """

    def __init__(self, people: int) -> None:
        os.environ.setdefault('GLOG_minloglevel', '2')
        warnings.filterwarnings('ignore', 'SymbolDatabase.GetPrototype', UserWarning)
        try:
            import mediapipe
            from mediapipe.tasks.python import BaseOptions, vision

            _check_protobuf()
            bundle = _bundle()
        except (ImportError, OSError) as error:
            raise ImportError(
                'expected MediaPipe 0.10.14 to 0.10.21, which holds the pose model, got '
                f'{error}: pip install "mujo_ros[build]"'
            ) from error
        self._image: Any = mediapipe.Image
        self._format = mediapipe.ImageFormat.SRGB
        self._model = vision.PoseLandmarker.create_from_options(
            vision.PoseLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=bundle),
                running_mode=vision.RunningMode.VIDEO,
                num_poses=people,
                min_pose_detection_confidence=_CONFIDENCE,
                min_pose_presence_confidence=_CONFIDENCE,
                min_tracking_confidence=_CONFIDENCE,
            )
        )

    def estimate(self, stamp: float, rgb: np.ndarray) -> list[Pose]:
        """Return the people in a picture.

        Args:
            stamp: s, later than the last.
            rgb: (H, W, 3) uint8.
        """
        image = self._image(image_format=self._format, data=np.ascontiguousarray(rgb))
        found = self._model.detect_for_video(image, round(1000 * stamp))
        bodies = zip(found.pose_landmarks, found.pose_world_landmarks, strict=True)
        return [pose_of_landmarks(flat, world, rgb.shape) for flat, world in bodies]

    def close(self) -> None:
        """Free the model."""
        self._model.close()

    def __enter__(self) -> PeopleEstimator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
