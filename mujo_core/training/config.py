"""What a training run is: one tree of settings, read from YAML and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mujo_core.limits import check_least, check_positive, check_shares
from mujo_core.model.joint_space import ModelSettings
from mujo_core.model.text import TextSettings
from mujo_core.objectives.multitask import ObjectiveSettings
from mujo_core.training.corrupted import CorruptionSettings
from mujo_core.training.module import FitSettings
from mujo_core.training.sampler import SamplerSettings
from mujo_core.window import WindowSpec


@dataclass(frozen=True)
class OtherSettings:
    """A data set that is trained on beside the main one.

    Attributes:
        root: its folder; empty for that of its name in `data.folders`. A data set that is read
            from a folder and has none is left out.
        split: its published split, all of it where none is given; subjects: these instead.
        labels: those that are learned; empty for all that are known but the outliers.
        share: of the windows drawn, 0..1.
        outliers: activities that are none of the model's labels, by which it learns to know what
            is never met (the term `outlier_exposure`); outlier_share: of the windows drawn, 0..1.
    """

    root: str = ''
    split: str = ''
    subjects: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    share: float = 0.1
    outliers: list[str] = field(default_factory=list)
    outlier_share: float = 0.1


@dataclass(frozen=True)
class DataSettings:
    """Where recordings come from.

    Attributes:
        dataset: a data set's name; root: its folder; empty for that of its name in `folders`.
        split: its published split to train on; empty for `train` where it has one, else all of it.
        subjects: these instead of a split.
        folders: of data sets by name: one without a folder of its own is FOLDER/NAME in the first
            of them that has it.
        also: data sets that are trained on beside it, by name; it has the share that they leave.
        modalities: what is learned from; empty for all that the recordings hold. Devices simulated
            from a skeleton stay, as IMUs.
        real_imu: whether IMUs that were worn are learned from; without them the devices simulated
            from skeletons are all there is, at every place.
        imu_like: a file of `mujo data --likeness`, by which simulated devices are made to read like
            real ones; or nothing.
        imu_cutoffs: Hz, where path and attitude of devices simulated on the data set's skeletons
            are cut off; empty chooses both by the skeletons' noise. A depth camera's: 2.3 and 1.6.
        products: leave out the sets whose terms do not allow use in products (`DataSet.products`);
            where the first one's do not, the next of the table is the first.
        balance: 0..1, how far labels that few windows show are drawn more often, over all sets: 0
            keeps the shares of the sets, 1 draws all labels alike; distractors half as often.
        distractors: labels that are learned only so that no other is said of them
            (`mujo_core.labels.Label.distractor`); those that do not occur are passed over.
        without: labels left out of training, so that `unknown` can be judged on them.
        validation: subjects held out, by whom early stopping and the best weights are chosen; those
            of another data set as `NAME/SUBJECT`.
    """

    dataset: str = 'utd_mhad'
    root: str = ''
    split: str = ''
    subjects: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    also: dict[str, OtherSettings] = field(default_factory=dict)
    modalities: list[str] = field(default_factory=list)
    real_imu: bool = True
    imu_like: str = ''
    imu_cutoffs: list[float] = field(default_factory=list)
    products: bool = False
    balance: float = 0.0
    distractors: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    validation: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.imu_cutoffs) not in (0, 2) or not all(hertz > 0 for hertz in self.imu_cutoffs):
            raise ValueError(
                'expected --data.imu_cutoffs as two numbers above 0 Hz, of path and attitude, '
                f'or none; {self.imu_cutoffs} came'
            )


@dataclass(frozen=True)
class ProbeSettings:
    """How a linear probe is fitted.

    Attributes:
        draws: augmented windows of each clip, beside as many hardly changed ones.
        strength: inverse of the weight of the squared norm (scikit-learn's C); 0 chooses it by the
            held-out subjects.
    """

    draws: int = 4
    strength: float = 100.0

    def __post_init__(self) -> None:
        check_least('probe', self, 0, 'draws', 'strength')


@dataclass(frozen=True)
class ReadoutSettings:
    """How fixed kernels beside the IMU encoder are fitted when the gradient steps are done.

    Attributes:
        kernels: thresholds of each of them; 0 for no such kernels.
        share: of an IMU vector, 0..1, that they make.
        windows: gently changed ones that the fit sees.
        penalty: of the ridge regression, as a share of the features' mean squared length.
        corrupted: whether those windows are corrupted as those of the gradient steps are.
    """

    kernels: int = 0
    share: float = 0.75
    windows: int = 4000
    penalty: float = 0.3
    corrupted: bool = True

    def __post_init__(self) -> None:
        check_least('readout', self, 0, 'kernels')
        check_least('readout', self, 1, 'windows')
        check_positive('readout', self, 'penalty')
        check_shares('readout', self, 'share')


@dataclass(frozen=True)
class ClusterSettings:
    """How the places of labels are measured, by which what was never met is told.

    Attributes:
        windows: of the clips that are looked at, at most; 0 for no places.
        shrinkage: of the covariance within labels towards one that is the same in all directions.
    """

    windows: int = 2000
    shrinkage: float = 0.2

    def __post_init__(self) -> None:
        check_least('clusters', self, 0, 'windows')
        check_positive('clusters', self, 'shrinkage')


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Attributes:
        stage: a name in `mujo_core.training.stages.STAGES`.
        start: folder of the checkpoint that it starts from, if any.
    """

    stage: str = 'pretrain'
    start: str = ''
    data: DataSettings = field(default_factory=DataSettings)
    window: WindowSpec = field(default_factory=WindowSpec)
    model: ModelSettings = field(default_factory=ModelSettings)
    text: TextSettings = field(default_factory=TextSettings)
    sampler: SamplerSettings = field(default_factory=SamplerSettings)
    corruptions: CorruptionSettings = field(default_factory=CorruptionSettings)
    objectives: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    fit: FitSettings = field(default_factory=FitSettings)
    readout: ReadoutSettings = field(default_factory=ReadoutSettings)
    clusters: ClusterSettings = field(default_factory=ClusterSettings)
    probe: ProbeSettings = field(default_factory=ProbeSettings)

    def __post_init__(self) -> None:
        # In shorter ones there is no place for a stream to end within (`sampler.drop_stream`).
        check_least('window', self.window, 0.6, 'seconds')
        # A window carries the frames that the model sees: they are not set apart. Nor is whether
        # it was shown whole activities.
        window = replace(self.window, video=self.model.video, whole=self.sampler.whole > 0.0)
        object.__setattr__(self, 'window', window)
        if self.objectives.terms.get('consistency') and not self.corruptions.active:
            raise ValueError(
                'the term consistency needs windows that are corrupted: expected '
                '--corruptions.names (or a share of dropout), none came'
            )
        outliers = any(other.outliers for other in self.data.also.values())
        if outliers != bool(self.objectives.terms.get('outlier_exposure')):
            came = 'outliers' if outliers else 'the term'
            raise ValueError(
                'outliers are learned from by the term outlier_exposure: expected '
                '--data.also.NAME.outliers and --objectives.terms.outlier_exposure (0.5) together; '
                f'{came} alone came'
            )


def read_config(path: str | Path | None, overrides: Sequence[str] = ()) -> TrainConfig:
    """Return the defaults, changed by a YAML file and then by ``--section.key value`` pairs.

    A file may begin with ``defaults: [model/small, train/utd_mhad]``: files beside its own folder
    that it changes, in this order.

    Raises:
        ValueError: a key that does not exist or a value of another type, named.
    """
    return make_config(read_trees(path) if path else [], overrides)


def make_config(trees: Sequence[Any], overrides: Sequence[str] = ()) -> TrainConfig:
    """Return the defaults, changed by trees of settings in their order and then by `overrides`.

    Raises:
        ValueError: as `read_config`.
    """
    try:
        tree = OmegaConf.merge(
            OmegaConf.structured(TrainConfig),
            *trees,
            OmegaConf.from_dotlist(_dotlist(overrides)),
        )
        config: Any = OmegaConf.to_object(tree)
    except OmegaConfBaseException as error:
        where = getattr(error, 'full_key', None) or ''
        reason = str(error).splitlines()[0]
        if 'is not a ListConfig' in reason:
            reason = "expected a list, such as '[a,b]' in quotes, a single value came"
        raise ValueError(f'configuration {where}: {reason}; see config/train') from error
    return config


def read_trees(path: str | Path) -> list[Any]:
    """Return the trees of the files that a file of settings begins with, and then its own.

    Raises:
        ValueError: not YAML, or a default that is not there.
    """
    try:
        return _with_defaults(Path(path))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = ' '.join(str(error).split())
        raise ValueError(f'{path}: expected settings as YAML, it is not ({reason})') from error


def _with_defaults(path: Path, above: tuple[Path, ...] = ()) -> list[Any]:
    """Return the trees of a file's defaults, and then its own."""
    tree: Any = OmegaConf.load(path)
    if not OmegaConf.is_dict(tree):
        raise ValueError(f'{path}: expected sections such as fit and data, {tree!r} came')
    names = tree.pop('defaults', None) or []
    names = [names] if isinstance(names, str) else names
    parts = []
    for name in names:
        root = path.resolve().parent.parent
        file = root / f'{name}.yaml'
        if not file.is_file() or file in above:
            there = sorted(f'{f.parent.name}/{f.stem}' for f in root.glob('*/*.yaml') if f != path)
            raise ValueError(
                f'{path}: expected defaults out of {", ".join(there)}, {name!r} came'
                + (', which leads back to itself' if file in above else '')
            )
        parts += _with_defaults(file, (*above, path.resolve()))
    return [*parts, tree]


def _dotlist(arguments: Sequence[str]) -> list[str]:
    pairs = []
    rest = list(arguments)
    while rest:
        name = rest.pop(0)
        if not name.startswith('--') or '.' not in name:
            raise ValueError(
                f'expected settings as --section.key value (such as --fit.steps 500), {name!r} came'
            )
        if '=' in name:
            pairs.append(name[2:])
        elif rest:
            pairs.append(f'{name[2:]}={rest.pop(0)}')
        else:
            raise ValueError(f'expected a value after {name}, none came')
    return pairs
