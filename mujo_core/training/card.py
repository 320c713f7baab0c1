"""The model card, and what of a cross-validation goes into a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mujo_core.datasets.registry import get_dataset
from mujo_core.evaluation.registry import with_spread
from mujo_core.model.calibration import CALIBRATION, Calibration, read_calibration
from mujo_core.recording import Recording
from mujo_core.training.clip import OUTLIER
from mujo_core.training.config import DataSettings, TrainConfig
from mujo_core.training.mixture.mixture import Material
from mujo_core.training.mixture.selection import of_first
from mujo_core.training.mixture.store import AnyClip

_FUNDED = (
    'the data used in this project was obtained from mocap.cs.cmu.edu; the database was created '
    'with funding from NSF EIA-0196217'
)
CROSS_VALIDATION = 'cross_validation.json'


@dataclass(frozen=True)
class Folds:
    """A cross-validation's summary, the calibration fitted on its held-out windows, and where both
    were read from."""

    summary: dict[str, Any]
    calibration: dict[str, Calibration]
    folder: Path = Path()

    @property
    def people(self) -> set[str]:
        """Who was left out in turn, or which data sets."""
        return set(self.summary['subjects'])

    @property
    def of_sets(self) -> bool:
        """Whether a data set was left out in turn, and not a person."""
        return bool(self.summary.get('left_out') == 'data_set')

    @property
    def labels(self) -> set[str]:
        """The activities of those people."""
        subsets = [s for fold in self.summary['folds'] for s in fold['subsets'].values()]
        return {label for subset in subsets for label in subset['per_class']}

    @property
    def unit(self) -> str:
        """What got one answer; older summaries do not say it."""
        return str(self.summary.get('unit', 'recording (or window, where they are long)'))


def read_cross_validation(folder: str | Path | None) -> Folds | None:
    """Read what `mujo cross_validate --output` wrote; None without a folder."""
    if not folder:
        return None
    folder = Path(folder)
    try:
        summary = json.loads((folder / CROSS_VALIDATION).read_text(encoding='utf-8'))
        folds = Folds(summary, read_calibration(folder / CALIBRATION), folder)
        if not (folds.people and folds.labels and summary['subsets'] and summary['seeds']):
            raise ValueError('nobody was left out')
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        reason = ' '.join(str(error).split())
        raise ValueError(
            f'{folder}: expected what `mujo cross_validate --output` writes ({reason})'
        ) from error
    return folds


def check_folds(folds: Folds, material: Material, data: DataSettings) -> None:
    """Refuse, by ValueError, folds of people or labels that the first data set here does not have,
    or of data sets that are not here: their scores and calibration are of another model."""
    if folds.of_sets:
        sets = {r.dataset for r in material.recordings}
        if strangers := sorted(folds.people - sets):
            raise ValueError(
                f'{folds.folder}: expected folds of these data sets ({", ".join(sorted(sets))}), '
                f'{", ".join(strangers)} came; cross-validate these, or leave --cross-validation '
                'out'
            )
        return
    main = [r for r in material.recordings if of_first(r, data)]
    held = [clip for clip in material.held_out if of_first(clip, data)]
    there = {
        'people': {r.subject for r in main} | {clip.subject for clip in held},
        'labels': {s.label for r in main for s in r.segments} | {clip.label for clip in held},
    }
    for what, came in (('people', folds.people), ('labels', folds.labels)):
        if strangers := sorted(came - there[what]):
            raise ValueError(
                f'{folds.folder}: expected folds of {what} of these data '
                f'({", ".join(sorted(there[what]))}), {", ".join(strangers)} came; cross-validate '
                'these data, or leave --cross-validation out'
            )


def _again(data: DataSettings, folds: Folds | None) -> str:
    """Return the command that trains the same once more: where the data lie is not told on."""
    roots = {'--data.folders': 'folders' if data.folders else ''}
    roots['--data.root'] = data.dataset if data.root else ''
    roots |= {f'--data.also.{n}.root': n for n, other in data.also.items() if other.root}
    roots['--cross-validation'] = 'folds' if folds else ''
    words = [f'{option} <{name}>' for option, name in roots.items() if name]
    return ' '.join(['mujo train --config train.yaml', *words, '--output <folder>'])


def _score_table(folds: Folds) -> list[str]:
    shown = ['accuracy', 'macro_f1', 'ece']
    heads = ['accuracy', 'macro-F1', 'ECE']
    if all('ece_cross_fitted' in figures for figures in folds.summary['subsets'].values()):
        shown.append('ece_cross_fitted')
        heads.append('ECE of live windows, calibrated on the other people')
    rows = [f'| modalities | {" | ".join(heads)} |', '|---' * (len(heads) + 1) + '|']
    for name, figures in folds.summary['subsets'].items():
        cells = [
            with_spread(figures[f]['mean'], figures[f]['std'], len(folds.summary['seeds']))
            for f in shown
        ]
        rows.append(f'| {name} | {" | ".join(cells)} |')
    return rows


def _subject_table(folds: Folds) -> list[str]:
    subsets = list(folds.summary['subsets'])
    rows = [f'| left out | {" | ".join(subsets)} |', '|---' * (len(subsets) + 1) + '|']
    for subject in folds.summary['subjects']:
        cells = []
        for subset in subsets:
            values = [
                fold['subsets'][subset]['macro_f1']
                for fold in folds.summary['folds']
                if fold['subject'] == subject and subset in fold['subsets']
            ]
            shown = sorted(
                {f'{value:.3f}' for value in (min(values), max(values))} if values else '-'
            )
            cells.append('-'.join(shown))
        who = subject if folds.of_sets else f'subject {subject}'
        rows.append(f'| {who} | {" | ".join(cells)} |')
    return rows


def _weakest(folds: Folds, subset: str, count: int = 5) -> str:
    found: dict[str, list[float]] = {}
    for fold in folds.summary['folds']:
        for label, value in fold['subsets'].get(subset, {}).get('per_class', {}).items():
            found.setdefault(label, []).append(value)
    # Of people, who all do the same, one that lacks a label counts as one who does it badly.
    runs = len(folds.summary['folds'])
    means = {n: sum(v) / (len(v) if folds.of_sets else runs) for n, v in found.items()}
    weakest = sorted(means.items(), key=lambda item: item[1])[:count]
    return ', '.join(f'{label} {value:.2f}' for label, value in weakest)


def _others(
    config: TrainConfig, recordings: Sequence[Recording], clips: Sequence[AnyClip]
) -> list[str]:
    """Return a line for each data set that was trained on beside the main one."""
    lines = []
    for name, other in config.data.also.items():
        own = [r for r in recordings if r.dataset == name]
        if own:
            people = len({r.subject for r in own})
            labels = len({clip.label for clip in clips if clip.dataset == name} - {OUTLIER})
            known = sorted({s.label for r in own for s in r.segments} & set(other.outliers))
            lines.append(
                f'- {name}: {len(own)} recordings of {people} people, {labels} labels, for '
                f'{other.share:.0%} of the windows; {get_dataset(name).citation}'
            )
            if known:
                lines.append(
                    f'  and as what is none of the labels, for {other.outlier_share:.0%} of the '
                    f'windows: {", ".join(known)}'
                )
            if name == 'cmu_mocap':
                lines.append(f'  ({_FUNDED})')
    return lines


def _which_arm(config: TrainConfig) -> str:
    known = 'one-armed gestures are known as the right arm does them'
    mirrored = config.sampler.mirror > 0.0
    return f'- {known}' + (', and as its mirror image, not as a left arm does' * mirrored)


def model_card(
    config: TrainConfig,
    recordings: Sequence[Recording],
    clips: Sequence[AnyClip],
    folds: Folds | None,
    minutes: float,
) -> str:
    """Return the card (Markdown): data, command, scores by left-out subject, limits."""
    data = config.data
    main = [r for r in recordings if of_first(r, data)]
    subjects = sorted({r.subject for r in main}, key=lambda s: (len(s), s))
    lines = [
        '# Model card',
        '',
        'Pose and IMU, together or alone, to activity labels, by one joint feature space.',
        '',
        '## Trained on',
        '',
        f'- {config.data.dataset}: {len(main)} recordings of subjects {", ".join(subjects)}',
        *_others(config, recordings, clips),
    ]
    if config.readout.kernels:
        lines.append(
            f'- fixed kernels make {config.readout.share:.0%} of an IMU vector, solved for '
            'when the gradient steps were done'
        )
    lines += [
        f'- windows of {config.window.seconds:g} s; {config.fit.steps} steps of '
        f'{config.fit.batch_size} windows, seed {config.fit.seed}, {minutes:.1f} min',
        '',
        '## Again',
        '',
        f'    {_again(data, folds)}',
        '',
        'All settings are in `train.yaml` beside this card; <...> are folders.',
        '',
    ]
    if folds:
        seeds = folds.summary['seeds']
        what = 'data set' if folds.of_sets else 'subject'
        lines += [
            f'## {"Data sets" if folds.of_sets else "People"} it has not seen',
            '',
            f'Leave one {what} out over {what}s {", ".join(folds.summary["subjects"])}, '
            f'seeds {", ".join(map(str, seeds))}, one prediction a {folds.unit}; mean'
            f'{" ± standard deviation over seeds" if len(seeds) > 1 else f" over {what}s"}. '
            f'ECE {"calibrated on the other sets" if folds.of_sets else "before calibration"}.',
            '',
            *_score_table(folds),
            '',
            f'Macro-F1 by the {what} left out{", lowest and highest seed" * (len(seeds) > 1)}:',
            '',
            *_subject_table(folds),
            '',
            'Calibration (temperature and `unknown` per modality subset) is fitted on the held-out '
            'windows of these runs, not on the model that is shipped.',
            '',
            '## Where it fails',
            '',
            *(
                f'- {subset}: weakest classes (F1) {_weakest(folds, subset)}'
                for subset in folds.summary['subsets']
            ),
            _which_arm(config),
            '- `rest` was never recorded as such: it is the still beginning and end of actions',
            '- `unknown` goes by how strong the best label is and how near to one of those '
            'above the window lies'
            + (
                ''
                if folds.of_sets
                else '; it was not tried on activities of other people and places'
            ),
            '',
        ]
    return '\n'.join(lines)
