"""What tells people and programs what a build holds: schema, labels, data card."""

from __future__ import annotations

from typing import Any

import numpy as np

from mujo_core.builder.sample import FORMAT, IMU_RATE
from mujo_core.builder.statistics import Statistics
from mujo_core.labels import Label, select_labels
from mujo_core.skeleton import CANONICAL_JOINTS
from mujo_core.virtual_imu import PLACEMENTS

_TEXT, _NUMBER = {'type': 'string'}, {'type': 'number'}
_FACTS: dict[str, Any] = {
    'format': {'const': FORMAT},
    'clip': _TEXT,
    'kind': {'enum': ['video', 'motion_capture']},
    'file': _TEXT,
    'group': _TEXT,
    'split': {'enum': ['train', 'validation']},
    'person': {'type': 'integer', 'minimum': 1},
    'start': _NUMBER,
    'end': _NUMBER,
    'title': _TEXT,
    'words': _TEXT,
    'label': _TEXT,
    'description': _TEXT,
    'captions': {'type': 'array', 'items': _TEXT},
    'imu': {'type': 'array', 'items': {'enum': list(PLACEMENTS)}},
    'notes': {'type': 'array', 'items': _TEXT},
    'quality': {'type': 'object', 'additionalProperties': _NUMBER},
}
ARRAYS = {
    'skeleton/t': '(T,) float64, s from the start of the sample',
    'skeleton/xyz': '(T, 16, 3) float32, m, x forward, y left, z up from the floor; NaN: not seen',
    'skeleton/layout': f'canonical16: {", ".join(CANONICAL_JOINTS)}',
    'skeleton/up': '(3,) float64: 0, 0, 1',
    'imu/PLACEMENT/t': f'(N,) float64, s; {IMU_RATE:g} a second; gaps where the limb is not seen',
    'imu/PLACEMENT/acc': '(N, 3) float32, m/s^2 with gravity, in the axes of the device',
    'imu/PLACEMENT/gyro': '(N, 3) float32, rad/s, in the axes of the device',
    'video/t': '(F,) float64, s; only of videos',
    'video/frames': '(F, side, side, 3) uint8 rgb around the person, or (F, features) float16',
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a sample's facts, with its arrays described."""
    return {
        '$schema': 'https://json-schema.org/draft/2020-12/schema',
        'title': 'a sample: KEY.json; beside it KEY.npz and, of videos, KEY.jpg',
        'type': 'object',
        'required': [name for name in _FACTS if name != 'notes'],
        'properties': _FACTS,
        'arrays': ARRAYS,
    }


def labels_of(statistics: Statistics) -> dict[str, Label]:
    """Return the labels of a build: the taxonomy's, and those that only its titles name."""
    names = [name for name in statistics.labels if name]
    labels = select_labels(sorted(names))
    for name, label in labels.items():
        told = [text for text in statistics.sentences[name] if text]
        if label.description == name.replace('_', ' ') and told:
            labels[name] = Label(name, told[0], prompts=tuple(told[1:]))
    return labels


def data_card(content: dict[str, Any], statistics: Statistics) -> str:
    """Return a build's card as Markdown."""
    lines = [
        '# Data card',
        '',
        f'{statistics.samples} clips of {statistics.seconds / 3600:.2f} hours, made by '
        f'`mujo build` (format {FORMAT}) from {len(statistics.groups)} sources: '
        + ', '.join(f'{n} of {kind.replace("_", " ")}' for kind, n in statistics.kinds.items())
        + '.',
        '',
        'Poses of videos are estimated by MediaPipe from single pictures, their place from an '
        'assumed field of view; '
        f'IMUs are computed from poses, none is measured{_worn(content)}. '
        'Labels are the words of titles. '
        'The terms of the sources hold for what was made from them.',
        '',
        '| what | figure |',
        '|---|---|',
        *(f'| clips for {split} | {count} |' for split, count in statistics.splits.items()),
        f'| labels | {sum(1 for name in statistics.labels if name)} |',
        f'| clips without a label | {statistics.labels.get("", 0)} |',
        f'| words of titles, descriptions and captions | {statistics.words} |',
        *(f'| {name}: 10th, 50th, 90th percentile | {_spread(values)} |'
          for name, values in statistics.qualities.items() if values),
        f'| stretches left out | {len(content["left_out"])} |',
        f'| sources and clips that failed | {len(content["failures"])} |',
        '',
        'Splits are by source (a video, a person), never by clip. `schema.json` describes a '
        'sample, `build.json` lists shards, what was left out and why; '
        '`sha256sum -c checksums.sha256` checks the shards.',
        '',
        '| shard | clips | bytes |',
        '|---|---|---|',
        *(f'| {s["name"]} | {s["samples"]} | {s["bytes"]} |' for s in content['shards']),
        '',
    ]  # fmt: skip
    return '\n'.join(lines)


def _worn(content: dict[str, Any]) -> str:
    how = content['settings']['imu']
    like = '; they are moved to the distribution of real ones' if how['like'] else ''
    return like + (f'; errors of a sensor are added ({how["noise"]})' if how['noise'] else '')


def _spread(values: list[float]) -> str:
    return ', '.join(f'{v:.4g}' for v in np.percentile(values, [10, 50, 90]))
