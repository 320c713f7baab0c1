"""Teaching by showing: windows of an activity to an example, and what it collides with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from mujo_core.labels import UNKNOWN, Label, identifier, merge, taxonomy
from mujo_core.model.batch import batch_windows
from mujo_core.model.checkpoint import Calibration, Checkpoint
from mujo_core.model.text import embed_labels
from mujo_core.recognition.decision import calibrated_scores
from mujo_core.recognition.distinction import example_details
from mujo_core.recognition.label_space import LabelSpace, make_label_space, subsets_of
from mujo_core.recognition.open_labels import refuse_slip
from mujo_core.recognition.playback import windows_of
from mujo_core.recognition.taught import TaughtExample, TaughtLabel, add_example, kept, space_of
from mujo_core.recording import Recording
from mujo_core.window import Window

STRIDE = 0.25
"""Seconds between the windows of an example."""
MOST = 0.5
"""An example of which this share was said to be another activity looks like that one."""
_RATE = 0.01
"""Of false alarms, at which something is unknown: little is, so that collisions are not missed."""
LEAST_COVERAGE = 0.3
"""A window of which less has data shows nothing."""


@dataclass(frozen=True)
class Collision:
    """How a taught label lies among the others, seen by a subset of modalities; cosines.

    Attributes:
        nearest: the other label whose vector is nearest to the taught one's.
        similarity: of both.
        own: of an example and the label as the other examples make it, the mean over the
            examples; of a single one: of its windows and itself.
        closer: share of the other labels that are closer to it than its own examples.
        taken: share of the newest example's windows that lie nearer to another label.
        taken_by: the label that takes most of them; None where it is none.
        said: what the example was said to be without this label; None for nothing known.
        said_share: share of its windows that were said to be that.
    """

    nearest: str
    similarity: float
    own: float
    closer: float
    taken: float
    taken_by: str | None
    said: str | None
    said_share: float

    @property
    def collides(self) -> bool:
        """Whether the two are likely to be mistaken for each other."""
        return self.closer > 0.0 or self.taken > 0.0 or self.said_share >= MOST


@dataclass(frozen=True)
class Lesson:
    """What a showing changed.

    Attributes:
        taught: all that is taught now.
        name: the label's.
        collisions: by name of the modality subset, of those the newest example holds.
        has_text: whether its words count beside its examples.
    """

    taught: dict[str, TaughtLabel]
    name: str
    collisions: dict[str, Collision]
    has_text: bool

    @property
    def collides_with(self) -> list[str]:
        """The labels that it is likely to be mistaken for, from any of the sensors."""
        hit = [c for c in self.collisions.values() if c.collides]
        return sorted({c.taken_by or c.said or c.nearest for c in hit})

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON takes of it."""
        label = self.taught[self.name]
        return {
            'label': self.name,
            'examples': label.sources,
            'text': self.has_text,
            'collides_with': self.collides_with,
            'subsets': {
                name: {**asdict(collision), 'collides': collision.collides}
                for name, collision in self.collisions.items()
            },
        }


def example_windows(recording: Recording, checkpoint: Checkpoint) -> list[Window]:
    """Return the windows of a recording that shows one activity from start to end.

    Raises:
        ValueError: too little of it has data.
    """
    found = windows_of(recording, checkpoint.window, STRIDE)
    windows = [window for window in found if window.total >= LEAST_COVERAGE]
    if not windows:
        seconds = recording.end - recording.start
        least = LEAST_COVERAGE * checkpoint.window.seconds
        raise ValueError(
            f'expected at least {least:.1f} s of skeletons or IMU samples, {seconds:.1f} s of '
            f'{", ".join(recording.streams) or "nothing"} came; show it for longer'
        )
    return windows


def encode(checkpoint: Checkpoint, windows: Sequence[Window]) -> dict[str, np.ndarray]:
    """Return subset to (N', size) unit vectors of the windows that hold all of its modalities."""
    batch = batch_windows(windows, checkpoint.window).to(checkpoint.model.log_scale.device)
    with torch.inference_mode():
        vectors = checkpoint.model.encode(batch)
    present = batch.present
    found = {}
    for subset in subsets_of(checkpoint.modalities):
        parts = subset.split('+')
        rows = torch.stack([present[m] for m in parts]).all(dim=0)
        if rows.any():
            fused = checkpoint.model.fuse({m: vectors[m][rows] for m in parts})
            found[subset] = fused.float().cpu().numpy()
    return found


def show(
    checkpoint: Checkpoint,
    taught: Mapping[str, TaughtLabel],
    words: Label,
    windows: Sequence[Window],
    source: str,
    others: Mapping[str, Label] | None = None,
) -> Lesson:
    """Teach a label one more example.

    Args:
        taught: what was taught before; stays as it is.
        words: the label. Where it was taught before, or the checkpoint has it, and `words` brings
            no more than its name, it keeps the words it has.
        windows: of the example (`example_windows`).
        source: where it came from, for people.
        others: labels by name that are said beside it, with which it may collide; None for all
            of the checkpoint and all taught.

    Raises:
        ValueError: a name that cannot be a label, windows that hold nothing the model knows,
            or what was taught belongs to another model.
    """
    vectors = encode(checkpoint, windows)
    if not vectors:
        raise ValueError(
            f'expected windows with {" or ".join(checkpoint.modalities)}, none came: '
            'the model knows nothing else'
        )
    shown = {n: kept(rows) for n, rows in example_details(checkpoint, windows).items()}
    means = {n: mean_of(v) for n, v in vectors.items()}
    example = TaughtExample(source, len(windows), means, shown)
    name = words.name
    before = taught.get(name)
    if before is None:
        label, text = words, _text_of(checkpoint, words)
        after = TaughtLabel(label, space_of(checkpoint.model), (example,), text)
    else:
        after = add_example(before, example)
    everything = {**taught, name: after}
    said = None if others is None else {**others, name: after.label}
    space = make_label_space(checkpoint, said, everything)
    collisions = {n: _collision(checkpoint, space, after, n, v) for n, v in vectors.items()}
    return Lesson(everything, name, collisions, after.text is not None)


def label_named(
    checkpoint: Checkpoint, name: str, description: str = '', taught: Collection[str] = ()
) -> Label:
    """Return a label for words as a user gives them: the checkpoint's own where it has it, else
    the taxonomy's.

    Args:
        taught: names of labels that were taught before.

    Raises:
        ValueError: a name without letters, or `unknown`, or one without a description that is
            nearly the name of a label that the checkpoint has or that was taught.
    """
    short = identifier(name)
    if not short or short == UNKNOWN:
        raise ValueError(
            f'expected the name of an activity such as "wipe the table" (not {UNKNOWN!r}), '
            f'{name!r} came'
        )
    for meant in (short, merge(name)):
        known = checkpoint.labels.get(meant) or taxonomy().get(meant)
        if known is not None and not description:
            return known
    if not description:
        refuse_slip(name, {*checkpoint.labels, *taught})
    return Label(short, description or ' '.join(name.split()))


def mean_of(vectors: np.ndarray) -> np.ndarray:
    """Return the mean direction (size,) of (N, size) unit vectors."""
    total = vectors.sum(axis=0)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-12), dtype=np.float32)


def _text_of(checkpoint: Checkpoint, label: Label) -> np.ndarray | None:
    known = checkpoint.labels.get(label.name)
    if known is not None and known.sentences == label.sentences:
        return np.asarray(checkpoint.sentences[list(checkpoint.labels).index(label.name)])
    try:
        return embed_labels({label.name: label}, checkpoint.text_model)[0]
    except ImportError:  # the examples stand without words
        return None


def _said_without(
    checkpoint: Checkpoint, space: LabelSpace, place: int, subset: str, windows: np.ndarray
) -> tuple[str | None, float]:
    """Return what most windows that are not `unknown` are said to be without a label, and how
    many of all."""
    names = [name for row, name in enumerate(space.names) if row != place]
    vectors = np.delete(space.vectors(subset).float().cpu().numpy(), place, axis=0)
    scale = float(checkpoint.model.log_scale.detach().exp().clamp(max=100.0))
    calibration = checkpoint.calibration.get(subset, Calibration())
    scores, unknown = calibrated_scores(scale * windows @ vectors.T, calibration, _RATE)
    known = scores.argmax(axis=1)[unknown <= scores.max(axis=1)]
    known = known[[names[row] not in space.background for row in known]]
    if not len(known):
        return None, 0.0
    most = int(np.bincount(known).argmax())
    return names[most], float((known == most).sum() / len(windows))


def _collision(
    checkpoint: Checkpoint, space: LabelSpace, label: TaughtLabel, subset: str, windows: np.ndarray
) -> Collision:
    weighed = space.vectors(subset).float().cpu().numpy()
    vectors = weighed / np.maximum(np.linalg.norm(weighed, axis=1, keepdims=True), 1e-12)
    place = space.names.index(label.label.name)
    others = np.array([row for row in range(len(vectors)) if row != place])
    own_vector = vectors[place]
    shown = [e.vectors[subset] for e in label.examples if subset in e.vectors]
    if len(shown) > 1:
        rest = [mean_of(np.stack([*shown[:i], *shown[i + 1 :]])) for i in range(len(shown))]
        own = float(np.mean([a @ b for a, b in zip(shown, rest, strict=True)]))
    else:
        own = float((windows @ shown[0]).mean())
    if not len(others):
        return Collision('', -1.0, own, 0.0, 0.0, None, None, 0.0)
    similarity = vectors[others] @ own_vector
    best = int(others[similarity.argmax()])
    winners = (windows @ weighed.T).argmax(axis=1)
    lost = winners[winners != place]
    said, share = _said_without(checkpoint, space, place, subset, windows)
    return Collision(
        nearest=space.names[best],
        similarity=round(float(similarity.max()), 4),
        own=round(own, 4),
        closer=round(float((similarity > own).mean()), 4),
        taken=round(len(lost) / len(windows), 4),
        taken_by=space.names[int(np.bincount(lost).argmax())] if len(lost) else None,
        said=said,
        said_share=round(share, 4),
    )
