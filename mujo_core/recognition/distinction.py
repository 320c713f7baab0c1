"""Taught labels told apart by what their examples show beyond the joint space.

Here the order within the taught labels is settled, and what looks like their examples is theirs
rather than another label's. All else, and whether it is `unknown`, follows from the joint space.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from scipy.special import log_softmax

from mujo_core.inertial import MIRRORED
from mujo_core.model.batch import Batch, batch_windows
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.model.detail import block_sizes, details
from mujo_core.model.joint_space import JointSpace
from mujo_core.model.sequence import Steps
from mujo_core.recognition.discriminant import Discriminant, evenly, fit
from mujo_core.recognition.taught import TaughtLabel
from mujo_core.recording import modality_of
from mujo_core.window import Window

MOST_WINDOWS = 8
"""Windows of an example whose details are kept, evenly spread over it."""
SHARPNESS = 12.0
"""From the difference of two labels' scores to that of their logits."""
LEAD = 1.4
"""Of the logit of a taught label over all others', where a window looks like its examples."""
_LIKE = 0.05
"""Likeness from which on it has the whole lead."""
_OTHER_SIDE = ((-1.0, 1.0, 1.0, 1.0, -1.0, -1.0), (1.0, -1.0, 1.0, -1.0, 1.0, -1.0))
"""What a device feels on the other side of a body that moves as in a mirror: worn with its x axis
turned over (as a watch is, whose crown changes between hand and elbow), or its y axis."""


def stream_details(
    model: JointSpace, windows: Sequence[Window], batch: Batch, steps: dict[str, Steps]
) -> list[dict[str, np.ndarray]]:
    """Return, for each window, name of a stream to its detail (size,)."""
    with torch.inference_mode():
        found = {m: d.float().cpu().numpy() for m, d in details(model, batch, steps).items()}
    present = {m: there.cpu().numpy() for m, there in batch.present.items()}
    rows: list[dict[str, np.ndarray]] = []
    for i, window in enumerate(windows):
        row = {m: found[m][i] for m in found if m != 'imu' and present[m][i]}
        for d, placement in enumerate(sorted(window.imu)):
            if 'imu' in found and window.imu_mask[placement].any():
                row[f'imu/{placement}'] = found['imu'][i, d]
        rows.append(row)
    return rows


def details_of(checkpoint: Checkpoint, windows: Sequence[Window]) -> list[dict[str, np.ndarray]]:
    """Return, for each window, name of a stream to its detail (size,)."""
    return _details(checkpoint, windows, batch_windows(windows, checkpoint.window))


def example_details(checkpoint: Checkpoint, windows: Sequence[Window]) -> dict[str, np.ndarray]:
    """Return name of a stream to the details (N, size) of an example's windows.

    A device on one side also stands for the same device on the other, seen in a mirror.
    """
    chosen = [windows[place] for place in evenly(len(windows), MOST_WINDOWS)]
    batch = batch_windows(chosen, checkpoint.window)
    found: dict[str, list[np.ndarray]] = {}
    for row in _details(checkpoint, chosen, batch):
        for name, detail in row.items():
            found.setdefault(name, []).append(detail)
    if bool(batch.present['imu'].any()):
        for turned in _OTHER_SIDE:
            other = batch.turned(turned)
            for row in _details(checkpoint, chosen, other):
                for name, detail in row.items():
                    side = MIRRORED.get(name.partition('/')[2])
                    if side and side != name.partition('/')[2]:
                        found.setdefault(f'imu/{side}', []).append(detail)
    return {name: np.stack(rows) for name, rows in found.items()}


def _details(
    checkpoint: Checkpoint, windows: Sequence[Window], batch: Batch
) -> list[dict[str, np.ndarray]]:
    model = checkpoint.model
    batch = batch.to(model.log_scale.device)
    with torch.inference_mode():
        steps = {m: s for m, s in model.steps(batch).items() if m in checkpoint.modalities}
    return stream_details(model, windows, batch, steps)


class Distinction:
    """Tells the taught labels of a label space apart, stream by stream.

    Args:
        taught: place of a label in the space to what was taught of it.

    Raises:
        ValueError: details that are not this model's.
    """

    def __init__(self, model: JointSpace, taught: Mapping[int, TaughtLabel]) -> None:
        self._blocks = {m: block_sizes(model, m) for m in model.modalities}
        self._rows: dict[str, list[tuple[int, np.ndarray]]] = {}
        for place, label in taught.items():
            for example in label.examples:
                for name, rows in example.details.items():
                    self._check(label, name, rows)
                    self._rows.setdefault(name, []).append((place, rows))
        self._fitted: dict[str, Discriminant | None] = {}
        for name in self._rows:
            self._of(name)

    def _check(self, label: TaughtLabel, name: str, rows: np.ndarray) -> None:
        expected = sum(self._blocks.get(modality_of(name), ()))
        if rows.shape[1] != expected:
            raise ValueError(
                f'{label.label.name}: expected details of {name} of {expected} numbers, '
                f'{rows.shape[1]} came; forget the label and teach it again'
            )

    @property
    def any(self) -> bool:
        """Whether any stream tells labels apart."""
        return any(self._fitted.values())

    def tell(
        self, logits: np.ndarray, rows: Sequence[Mapping[str, np.ndarray]], temperatures: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return logits (N, L) with the taught labels in the order that their details say, and how
        near (N,) a window is to an example: 1 for as near as examples of a label are to each other,
        or where there are no two to tell; less for further; 0 where no taught label is the best.

        The best of them keeps the strength that the best had, so that other labels and `unknown`
        stand to it as before; where the window looks like their examples it gets a little more
        than any other label has.

        Args:
            logits: (N, L); rows: the N windows' details; temperatures: (N,) of their calibration.
        """
        logits = logits.copy()
        near = np.zeros(len(logits))
        sets: dict[tuple[str, ...], list[int]] = {}
        for i, row in enumerate(rows):
            sets.setdefault(tuple(sorted(row)), []).append(i)
        for names, members in sets.items():
            known = [(n, d) for n in names if (d := self._of(n)) is not None]
            labels = sorted({place for _, d in known for place in d.labels.tolist()})
            if not labels:
                continue
            said = np.zeros((len(members), len(labels)))
            like = np.zeros(len(members))
            for name, discriminant in known:
                own = np.stack([rows[i][name] for i in members])
                # A label that was never shown to a stream is as likely as a label is in the mean.
                share = np.full_like(said, 1.0 / len(discriminant.labels))
                share[:, np.searchsorted(labels, discriminant.labels)] = discriminant.scores(own)
                said += share / len(known)
                like += discriminant.likeness(own) / len(known)
            odds = log_softmax(SHARPNESS * said, axis=1)
            odds -= odds.max(axis=1, keepdims=True)
            spread = temperatures[members]
            others = np.delete(logits[members], labels, axis=1).max(axis=1, initial=-np.inf)
            lead = LEAD * np.minimum(like / _LIKE, 1.0)
            where = np.ix_(members, labels)
            strength = np.maximum(logits[where].max(axis=1), others + lead * spread)
            logits[where] = strength[:, None] + odds * spread[:, None]
            like = np.where(np.isfinite(like), like, 0.0)
            near[members] = (strength >= others) / np.maximum(1.0 - like, 1.0)
        return logits, near

    def _of(self, name: str) -> Discriminant | None:
        """Return what tells labels apart by a stream; a device where none was shown goes by all."""
        modality = modality_of(name)
        if name not in self._fitted:
            own = [entry for entry in self._rows.get(name, []) if len(entry[1])]
            if not own and modality == 'imu':
                own = [e for n, some in self._rows.items() if n.startswith('imu/') for e in some]
            self._fitted[name] = self._fit(own, self._blocks[modality])
        return self._fitted[name]

    @staticmethod
    def _fit(
        entries: Sequence[tuple[int, np.ndarray]], blocks: Sequence[int]
    ) -> Discriminant | None:
        if not entries:
            return None
        rows = np.concatenate([some for _, some in entries])
        labels = np.concatenate([np.full(len(some), place) for place, some in entries])
        examples = np.concatenate([np.full(len(some), i) for i, (_, some) in enumerate(entries)])
        return fit(rows, labels, examples, blocks)
