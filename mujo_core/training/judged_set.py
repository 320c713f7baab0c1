"""What a model makes of a data set that it has not seen: by text, by `unknown`, by examples."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mujo_core.datasets.registry import get_dataset, load_recordings
from mujo_core.evaluation.embedding import subsets_of
from mujo_core.evaluation.examples import labelled_stretches, unit_of_seconds
from mujo_core.evaluation.own_labels import meanings, own_answers
from mujo_core.evaluation.predictions import embed_examples, make_examples
from mujo_core.evaluation.registry import Task, get_protocol
from mujo_core.evaluation.report import rounded
from mujo_core.model.checkpoint import Calibration, Checkpoint, load_checkpoint, save_checkpoint
from mujo_core.recording import Recording, subset_name
from mujo_core.training.config import TrainConfig
from mujo_core.training.mixture.selection import folder_of
from mujo_core.video.prepare import Preparer, prepare_recordings
from mujo_core.whole_file import whole_file

FIGURES = 'figures.json'


def fold_folder(output: Path, dataset: str, seed: int) -> Path:
    """Return where a fold's checkpoint and figures are."""
    return output / dataset / f'seed{seed}'


def judge_set(
    dataset: str, seed: int, config: TrainConfig, output: Path,
    calibration: dict[str, Calibration],
) -> dict[str, Any]:  # fmt: skip
    """Judge a fold's checkpoint on the set it has not seen, unless that was done.

    Args:
        calibration: fitted on the windows of other sets; without it nothing is said to be unknown.

    Returns:
        ``dataset``, ``seed``, ``unit``, ``labels``, ``known`` (those that mean one of the model's),
        ``shown_by`` (whose examples teach it: `others`, or `the same person` where people are few),
        and ``subsets``: ``by_text`` (of known labels), ``own_labels`` and ``taught``, macro-F1 by
        five examples; None where that cannot be judged.
    """
    folder = fold_folder(output, dataset, seed)
    asked = {'calibration': rounded({n: asdict(c) for n, c in calibration.items()})}
    asked = json.loads(json.dumps(asked))
    there = read_json(folder / FIGURES)
    if there and there['asked'] == asked:
        return dict(there)
    checkpoint = load_checkpoint(folder)
    checkpoint.calibration = calibration
    save_checkpoint(checkpoint, folder)
    recordings = _recordings(dataset, checkpoint, config)
    kind = get_dataset(dataset)
    stretches = labelled_stretches(recordings, kind.labels)
    labels = sorted({str(stretch.label) for stretch in stretches})
    seconds = [stretch.end - stretch.start for stretch in stretches]
    unit = 'window' if kind.windows else unit_of_seconds(seconds, checkpoint.window)
    meant = meanings(labels, checkpoint)
    task = Task(
        checkpoint, str(folder), dataset, 'all', recordings, labels=tuple(labels), unit=unit
    )
    where = make_examples(recordings, checkpoint.window, labels, unit)
    embedding = embed_examples(checkpoint, where.examples)
    text: dict[str, Any] = {}
    if len(meant) > 1:
        shared = replace(task, labels=tuple(meant))
        text = get_protocol('zero_shot')(shared).data['subsets']
    try:
        data = get_protocol('taught')(task).data
        taught, shown_by = data['subsets'], data['shown_by']
    except ValueError:  # nobody is left to judge beside those that show
        taught, shown_by = {}, None
    subsets = {}
    for subset in subsets_of(embedding.modalities):
        if len(embedding.having(subset)):
            name = subset_name(subset)
            own = own_answers(checkpoint, embedding, where, subset, meant)
            subsets[name] = {
                'by_text': _by_text(text.get(name)),
                'own_labels': {kind: answers.to_dict() for kind, answers in own.items()},
                'taught': taught.get(name, {}).get('5', {}).get('macro_f1'),
            }
    figures = {
        'asked': asked, 'dataset': dataset, 'seed': seed, 'unit': unit, 'labels': labels,
        'known': sorted(meant), 'shown_by': shown_by, 'recordings': len(recordings),
        'subsets': subsets,
    }  # fmt: skip
    write_json(rounded(figures), folder / FIGURES)
    return dict(rounded(figures))


def _by_text(scores: dict[str, Any] | None) -> dict[str, Any] | None:
    kept = ('accuracy', 'macro_f1', 'ece', 'n', 'per_class', 'chance')
    return {name: scores[name] for name in kept if name in scores} if scores else None


def _recordings(dataset: str, checkpoint: Checkpoint, config: TrainConfig) -> list[Recording]:
    other = config.data.also.get(dataset)
    root = folder_of(dataset, other.root if other else config.data.root, config.data.folders)
    found = [r.only(list(checkpoint.modalities)) for r in load_recordings(dataset, root)]
    spec = checkpoint.window
    return prepare_recordings(
        [r for r in found if r.streams], Preparer(spec.video, spec.video_rate)
    )


def read_json(file: Path) -> Any:
    """Return what a file holds, None where it is not there."""
    return json.loads(file.read_text(encoding='utf-8')) if file.is_file() else None


def write_json(data: Any, file: Path) -> None:
    """Write a file in one move."""
    with whole_file(file) as part:
        part.write_text(json.dumps(data, indent=1) + '\n', encoding='utf-8')
