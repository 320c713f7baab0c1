"""Samples in, activities out: the door that live topics, bags and demos share."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mujo_core.labels import UNKNOWN
from mujo_core.model.batch import batch_windows
from mujo_core.model.checkpoint import Calibration, Checkpoint, load_checkpoint
from mujo_core.posture import posture_of
from mujo_core.recognition.activity import Activity
from mujo_core.recognition.coverage import LEAST_STREAM_COVERAGE, usable
from mujo_core.recognition.decision import Decision, DecisionSettings, decision_of
from mujo_core.recognition.distinction import stream_details
from mujo_core.recognition.open_labels import is_file
from mujo_core.recognition.samples import Samples
from mujo_core.recognition.segmentation import Segmenter
from mujo_core.recognition.settings import RecognizerSettings, pick_device
from mujo_core.recognition.taught import TaughtLabel, load_taught
from mujo_core.recognition.teaching import STRIDE, Lesson
from mujo_core.recognition.vocabulary import Vocabulary
from mujo_core.recording import Segment, subset_name
from mujo_core.timeline import Timeline
from mujo_core.window import Window

_BACK = 2.0
"""Seconds that ring buffers hold beyond a window."""


class Recognizer(Samples):
    """Timeline, joint space and decision behind three doors: add samples, recognize, reset.

    The `add_*` methods only store and may be called from another thread than `recognize`. Of a
    stream faster than four times its rate on the grid they store as many samples as are needed.

    Args:
        checkpoint: a folder, a loaded `Checkpoint`, or None for the packaged one.
        device: ``'cpu'``, ``'cuda'`` (there in half precision) or ``'auto'``.
        decision: how scores become an answer; see the property of that name.
        taught: a file of `mujo teach`, or None for the checkpoint's labels alone.

    Raises:
        ValueError: no such device here, or a label that cannot be taken.
    """

    def __init__(
        self,
        checkpoint: str | Path | Checkpoint | None = None,
        device: str = 'cpu',
        decision: DecisionSettings | None = None,
        taught: str | Path | None = None,
    ) -> None:
        if not isinstance(checkpoint, Checkpoint):
            checkpoint = load_checkpoint(checkpoint)
        self.checkpoint = checkpoint
        self.device = pick_device(device)
        self.settings = RecognizerSettings(
            window_seconds=checkpoint.window.seconds,
            labels=tuple(checkpoint.labels),
            modalities=checkpoint.modalities,
            video=checkpoint.model.settings.video,
            video_rate=checkpoint.window.video_rate,
        )
        sees = 'video' in checkpoint.modalities
        super().__init__(checkpoint.window, self.settings.video if sees else None)
        self._model = checkpoint.model.to(self.device)
        self._vocabulary = Vocabulary(checkpoint, load_taught(taught) if taught else None)
        self._segmenter = Segmenter([])
        self._last_end = -np.inf
        self._jumps = 0
        self._lock = threading.Lock()
        self._decision = Decision(DecisionSettings())
        self.decision = decision or DecisionSettings()

    @property
    def decision(self) -> DecisionSettings:
        """How scores become an answer. Setting it counts from the next answer on.

        ValueError, OSError or ImportError for labels that cannot be taken; nothing changes then.
        """
        return self._decision.settings

    @decision.setter
    def decision(self, settings: DecisionSettings) -> None:
        with self._lock:
            before = self._decision.settings
            # A file may have been edited since.
            if settings.labels != before.labels or any(map(is_file, settings.labels)):
                self._vocabulary.choose(settings.labels)
            self._decide_by(settings)

    def check_labels(self, entries: Sequence[str]) -> None:
        """Raise what setting `decision` with these labels would raise, and change nothing."""
        self._vocabulary.check(entries)

    def _decide_by(self, settings: DecisionSettings) -> None:
        """Take settings, and the labels as they are now; go on where only other things change."""
        space = self._vocabulary.space
        decision = decision_of(space.labels, settings, self._vocabulary.distractors)
        if space.names == self.settings.labels:
            decision.go_on(self._decision)
        self.settings = replace(self.settings, labels=space.names)
        self._segmenter.background = {*space.background, UNKNOWN}
        self._segmenter.settings = settings.stream
        self._decision = decision

    def reset(self) -> None:
        """Forget all samples and what was going on; waits for a running `recognize`."""
        with self._lock:
            self.forget_samples()
            self._forget_answers()

    def _forget_answers(self) -> None:
        self._segmenter.reset()
        self._decision.reset()
        self._last_end = -np.inf

    @property
    def segments(self) -> list[Segment]:
        """The activities that have ended, in order, as they probably were (header time, s)."""
        return list(self._segmenter.segments)

    @property
    def taught(self) -> dict[str, TaughtLabel]:
        """What was taught by showing, which `mujo_core.recognition.taught` saves and loads."""
        return self._vocabulary.taught

    def learn(self, taught: Mapping[str, TaughtLabel]) -> None:
        """Say what was taught elsewhere too; ValueError where it belongs to another model."""
        with self._lock:
            self._vocabulary.learn(taught)
            self._decide_by(self._decision.settings)

    def teach(self, name: str, description: str = '', seconds: float = 0.0) -> Lesson:
        """Learn what was shown until now as an example of an activity.

        Args:
            name: of the activity, new or known.
            description: words for a new one.
            seconds: how long it has been shown: the window's length at least, 2 s more at most.

        Returns:
            What it collides with.

        Raises:
            ValueError: a name that is none, or too little data.
        """
        if not math.isfinite(seconds):
            raise ValueError(f'expected seconds that were shown, {seconds} came')
        with self._lock:
            window = self._next_window()
            if window is None:
                raise ValueError('expected a window with data to learn from; is a sensor silent?')
            length = window.end - window.start
            more = min(max(seconds - length, 0.0), _BACK)
            ends = window.end - np.arange(0.0, more + 1e-9, STRIDE)[::-1]
            windows = [w for end in ends if (w := self._cut(float(end))) is not None]
            source = f'live {window.end - length - more:.3f}-{window.end:.3f}'
            lesson = self._vocabulary.teach(name, windows, source, description)
            self._decide_by(self._decision.settings)
        return lesson

    def forget(self, name: str) -> None:
        """Undo what was taught of a label; ValueError where nothing was."""
        with self._lock:
            self._vocabulary.forget(name)
            self._decide_by(self._decision.settings)

    def warm_up(self) -> None:
        """Run the model once on each modality, so that the first answer is not a slow one."""
        spec = self.checkpoint.window
        filled = Timeline(spec)
        stamps = 1.0 + np.arange(round(spec.seconds * spec.imu_rate)) / spec.imu_rate
        filled.insert('imu/right_wrist', stamps, np.ones((len(stamps), 6), dtype=np.float32))
        body = np.random.default_rng(0).normal(size=(len(stamps), 16, 3)).astype(np.float32)
        filled.insert('pose', stamps, body)
        if self._frames is not None:
            frames = np.ones((len(stamps), *spec.video_shape), dtype=np.uint8)
            filled.insert('video', stamps, frames)
        window = filled.cut()
        assert window is not None
        for _ in range(3):
            self.logits([window])

    def logits(self, windows: Sequence[Window]) -> np.ndarray:
        """Return (N, L) logits of N windows, each from whatever it holds."""
        return self._weighed(windows)[0]

    def _weighed(self, windows: Sequence[Window]) -> tuple[np.ndarray, np.ndarray]:
        """Return (N, L) logits of N windows and how familiar they are, (N,)."""
        batch = batch_windows(windows, self.checkpoint.window).to(self.device)
        half = torch.autocast(self.device.type, torch.float16, self.device.type == 'cuda')
        with torch.inference_mode(), half:
            steps = self._model.steps(batch)
            space = self._vocabulary.space
            pooled = self._model.pool(steps)
            vectors, familiarity = self._model.joined(pooled, batch, space.among)
            logits = space.logits(self._model, vectors, batch).float().cpu().numpy()
            familiar = familiarity.float().cpu().numpy()
        if space.distinction is not None:
            rows = stream_details(self._model, windows, batch, steps)
            calibrations = [self._calibration(window) for window in windows]
            spread = np.array([calibration.temperature for calibration in calibrations])
            logits, near = space.distinction.tell(logits, rows, spread)
            # What is like a taught example was met, though not in training.
            usual = np.array([calibration.familiarity for calibration in calibrations])
            familiar = np.maximum(familiar, usual * near)
        return logits, familiar

    def _modalities(self, window: Window) -> list[str]:
        there = window.modalities(LEAST_STREAM_COVERAGE - 1e-9)
        return [m for m in there if m in self.settings.modalities]

    def _calibration(self, window: Window) -> Calibration:
        subset = subset_name(self._modalities(window))
        return self.checkpoint.calibration.get(subset, Calibration())

    def recognize(self, now: float | None = None) -> Activity | None:
        """Answer for the newest window; None where too little of it has data.

        Args:
            now: not used for time, which comes from the samples; kept for symmetry with `add_*`.
        """
        with self._lock:
            window = self._next_window()
            return None if window is None else self._answers([window])[0]

    def next_window(self) -> Window | None:
        """Return the window that `recognize` would answer for now, for `answers`."""
        with self._lock:
            return self._next_window()

    def answers(self, windows: Sequence[Window]) -> list[Activity]:
        """Answer for the windows that `next_window` gave, in their order: as one batch."""
        with self._lock:
            return self._answers(windows)

    def _next_window(self) -> Window | None:
        if self.timeline.jumps != self._jumps:
            self._jumps = self.timeline.jumps
            self._forget_answers()
        end = self.timeline.end()
        if end is None:
            return None
        # A slow stream that comes back may pull the end back by a little; answers never go back.
        end = max(end, self._last_end)
        window = self._cut(end)
        if window is not None:
            self._last_end = end
        return window

    def _cut(self, end: float) -> Window | None:
        window = self.timeline.cut(end)
        return None if window is None else usable(window, self.settings.modalities)

    def _answers(self, windows: Sequence[Window]) -> list[Activity]:
        rows = zip(windows, *self._weighed(windows), strict=True)
        return [self._decide(window, logits, familiarity) for window, logits, familiarity in rows]

    def _decide(self, window: Window, logits: np.ndarray, familiarity: np.ndarray) -> Activity:
        modalities, calibration = self._modalities(window), self._calibration(window)
        seen = None
        if 'pose' in modalities:
            seen = posture_of(window.pose, self.checkpoint.window.pose_rate)
        scores, unknown = self._decision(window.end, logits, calibration, familiarity, seen)
        names, top_k = self.settings.labels, self._decision.settings.top_k
        best = np.argsort(-scores)
        said = self._decision.said(scores, unknown)
        label, confidence = UNKNOWN, unknown
        if said is not None:
            label, confidence = names[said], float(scores[said])
        return Activity(
            stamp=window.end,
            label=label,
            confidence=confidence,
            scores=[(names[int(i)], float(scores[i])) for i in best[:top_k]],
            unknown=unknown,
            modalities=modalities,
            coverage=window.coverage,
            window=(window.start, window.end),
            newest=window.newest,
            event=self._segmenter.update(window.end, label),
        )
