"""What was taught by showing: examples as vectors of the joint space and what they show beyond
it, in a readable file.

    format: 2
    labels:
      wipe_the_table:
        description: a person wipes a table with a cloth
        space: 5f0c33a1d2b4e6f8        the model whose vectors these are
        text: <base64>                 (text_size,) sentence embedding; left out without one
        examples:
        - source: kitchen_bag 12.0-15.5 s
          windows: 3
          vectors: {imu: <base64>, pose: <base64>, pose+imu: <base64>}
          details: {pose: {rows: 3, values: <base64>}, imu/right_wrist: ...}

Vectors are little-endian float32 in base64, unit length, one for each subset of the modalities
that were there. Details (`mujo_core.model.detail`) are a row a window of signed bytes, each a
32nd. A file of format 1 has none, and is read: its labels are told apart in the joint space alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from mujo_core.labels import Label, parse_labels
from mujo_core.recording import MODALITIES, subset_name
from mujo_core.whole_file import whole_file
from mujo_core.yaml_file import Dumper, read_yaml

if TYPE_CHECKING:
    from mujo_core.model.joint_space import JointSpace

FORMAT = 2
_READ = (1, 2)
MOST_EXAMPLES = 100
_STEP = 32.0
"""A number of a detail is kept to one part in so many."""
_SUBSETS = {
    subset_name(parts)
    for count in range(1, len(MODALITIES) + 1)
    for parts in combinations(MODALITIES, count)
}
_WORDS = (
    'description', 'synonyms', 'prompts', 'background', 'aliases', 'parents', 'distractor', 'alarm',
)  # fmt: skip


@dataclass(frozen=True)
class TaughtExample:
    """One showing of an activity.

    Attributes:
        source: where it came from, for people.
        windows: how many windows it is the mean of.
        vectors: name of a modality subset to (size,) unit vector.
        details: name of a stream to (N, size) of N windows, as a file keeps them (`kept`).
    """

    source: str
    windows: int
    vectors: dict[str, np.ndarray]
    details: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class TaughtLabel:
    """A label with its examples.

    Attributes:
        label: its name and words.
        space: of the model whose vectors these are (`space_of`).
        examples: in the order they were shown.
        text: (text_size,) sentence embedding, None where no text encoder was there.
    """

    label: Label
    space: str
    examples: tuple[TaughtExample, ...]
    text: np.ndarray | None = field(default=None, compare=False)

    @property
    def sources(self) -> list[str]:
        """Where its examples came from."""
        return [example.source for example in self.examples]

    @property
    def subsets(self) -> list[str]:
        """The modality subsets of which it has examples."""
        return sorted({name for example in self.examples for name in example.vectors})

    def prototypes(self, subset: str) -> np.ndarray:
        """Return (N, size): an example's vector each, of a modality subset.

        Where no example has this subset, of the one that has most in common with it: in the joint
        space all of them lie near each other.
        """
        wanted = set(subset.split('+'))

        def likeness(name: str) -> tuple[int, int]:
            parts = set(name.split('+'))
            return len(parts & wanted), -len(parts - wanted)

        nearest = max(self.subsets, key=likeness)
        return np.stack([e.vectors[nearest] for e in self.examples if nearest in e.vectors])


def space_of(model: JointSpace) -> str:
    """Return what tells this model's vectors from those of any other."""
    # Neither words nor where the labels of training lie move a window's vector.
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if not name.startswith(('text.', 'clusters.')):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def default_file(checkpoint: str | Path | None) -> Path:
    """Return where what was taught is kept: beside a checkpoint, or for the packaged one in
    ``$XDG_DATA_HOME/mujo_ros`` (``~/.local/share/mujo_ros``)."""
    if checkpoint:
        return Path(checkpoint) / 'taught.yaml'
    shared = os.environ.get('XDG_DATA_HOME')
    return (Path(shared) if shared else Path.home() / '.local/share') / 'mujo_ros' / 'taught.yaml'


def load_taught(file: str | Path) -> dict[str, TaughtLabel]:
    """Read what was taught.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file, or one of another format.
    """
    content = read_yaml(Path(file).read_bytes(), str(file))
    if not isinstance(content, dict) or content.get('format') not in _READ:
        found = content.get('format') if isinstance(content, dict) else None
        raise ValueError(
            f'{file}: expected a file of `mujo teach` of format 1 or {FORMAT}, '
            f'format {found} came; give another file, or teach again'
        )
    entries = content.get('labels') or {}
    try:
        words = {
            name: {key: value for key, value in entry.items() if key in _WORDS}
            for name, entry in entries.items()
        }
        labels = parse_labels(words, str(file)) if words else {}
        return {name: _read_label(labels[name], entries[name]) for name in labels}
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise ValueError(
            f'{file} is damaged ({type(error).__name__}: {reason}); restore it, or teach again'
        ) from error


def save_taught(taught: Mapping[str, TaughtLabel], file: str | Path) -> None:
    """Write what was taught, whole or not at all."""
    content = {'format': FORMAT, 'labels': {n: _write_label(t) for n, t in taught.items()}}
    text = yaml.dump(content, Dumper=Dumper, sort_keys=False, width=1 << 20, allow_unicode=True)
    with whole_file(file) as part:
        part.write_text(text, encoding='utf-8')


def forget(taught: Mapping[str, TaughtLabel], name: str) -> dict[str, TaughtLabel]:
    """Return what is left without a label; ValueError where it was not taught."""
    if name not in taught:
        known = ', '.join(taught) or 'nothing'
        raise ValueError(f'expected a label that was taught ({known}), {name!r} came')
    return {n: label for n, label in taught.items() if n != name}


def add_example(known: TaughtLabel, example: TaughtExample) -> TaughtLabel:
    """Return the label with one more example; ValueError where it has enough."""
    if len(known.examples) >= MOST_EXAMPLES:
        raise ValueError(
            f'{known.label.name!r} has {MOST_EXAMPLES} examples, which is the most: '
            'forget it first, or train'
        )
    return replace(known, examples=(*known.examples, example))


def _write_label(taught: TaughtLabel) -> dict[str, Any]:
    text = {} if taught.text is None else {'text': _encode(taught.text)}
    examples = [
        {
            'source': example.source,
            'windows': example.windows,
            'vectors': {name: _encode(vector) for name, vector in example.vectors.items()},
            'details': {name: _write_rows(rows) for name, rows in example.details.items()},
        }
        for example in taught.examples
    ]
    return {**taught.label.to_dict(), 'space': taught.space, **text, 'examples': examples}


def _read_label(label: Label, entry: dict[str, Any]) -> TaughtLabel:
    examples = tuple(
        TaughtExample(
            str(example['source']),
            int(example['windows']),
            {str(name): _decode(vector) for name, vector in example['vectors'].items()},
            {str(n): _read_rows(rows) for n, rows in (example.get('details') or {}).items()},
        )
        for example in entry['examples']
    )
    if not examples or not all(example.vectors for example in examples):
        raise TypeError(f'{label.name!r} has no example, or one without vectors')
    vectors = [vector for example in examples for vector in example.vectors.values()]
    if len({len(vector) for vector in vectors}) > 1 or not all(map(np.any, vectors)):
        raise TypeError(f'vectors of {label.name!r} are not of one length, or zero')
    strange = {name for example in examples for name in example.vectors} - _SUBSETS
    if strange:
        raise TypeError(f'{label.name!r} has examples of {", ".join(sorted(strange))}')
    text = _decode(entry['text']) if 'text' in entry else None
    return TaughtLabel(label, str(entry['space']), examples, text)


def kept(rows: np.ndarray) -> np.ndarray:
    """Return details as they come back from a file, so that nothing changes with a restart."""
    return _bytes_of(rows).astype(np.float32) / _STEP


def _bytes_of(rows: np.ndarray) -> np.ndarray:
    return np.asarray((rows * _STEP).round().clip(-127, 127).astype(np.int8))


def _write_rows(rows: np.ndarray) -> dict[str, Any]:
    values = base64.b64encode(_bytes_of(rows).tobytes()).decode('ascii')
    return {'rows': len(rows), 'values': values}


def _read_rows(entry: dict[str, Any]) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(entry['values'], validate=True), dtype=np.int8)
    count = int(entry['rows'])
    if count < 1 or not len(values) or len(values) % count:
        raise TypeError(f'{len(values)} numbers of a detail are not {count} rows')
    return values.reshape(count, -1).astype(np.float32) / _STEP


def _encode(vector: np.ndarray) -> str:
    return base64.b64encode(vector.astype('<f4').tobytes()).decode('ascii')


def _decode(text: str) -> np.ndarray:
    vector = np.frombuffer(base64.b64decode(text, validate=True), dtype='<f4').astype(np.float32)
    if not len(vector) or not np.isfinite(vector).all():
        raise TypeError('a vector is empty or not finite')
    return vector
