"""Settings from groups of files: what changes what, and what is refused in one line."""

from dataclasses import replace
from pathlib import Path

import pytest

import mujo_core
from mujo_core.training.config import read_config
from mujo_core.training.module import FitSettings
from mujo_core.training.stages import STAGES, too_short

CONFIG = Path(mujo_core.__file__).parents[1] / 'config'
GROUPS = ('model', 'train', 'experiment')


def write(root: Path, **files: str) -> Path:
    """Files by name, group__name; return the folder."""
    for name, text in files.items():
        path = root / f'{name.replace("__", "/")}.yaml'
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    'path', [p for group in GROUPS for p in sorted((CONFIG / group).glob('*.yaml'))], ids=str
)
def test_the_shipped_settings_are_read(path):
    config = read_config(path)
    assert config.stage in STAGES
    assert config.fit.steps > 0
    assert not too_short(config)


@pytest.mark.parametrize('steps', [1, 50, 100, 200])
def test_a_run_too_short_for_its_average_is_advised_of_one_that_fits(steps):
    config = read_config(None, ['--fit.steps', str(steps)])
    advice = too_short(config)
    assert f'after {steps} steps' in advice and '--fit.average 0.995' in advice
    other = advice.split()[-1]
    assert not too_short(read_config(None, ['--fit.steps', str(steps), '--fit.average', other]))
    assert not too_short(replace(config, stage='linear_probe'))


def test_an_experiment_is_its_parts_and_what_it_changes_itself(tmp_path):
    root = write(
        tmp_path,
        model__small='model: {width: 16}\n',
        train__base='fit: {steps: 5, batch_size: 8}\n',
        train__long='defaults: train/base\nfit: {steps: 50}\n',
        experiment__it='defaults: [model/small, train/long]\nfit: {batch_size: 4}\n',
    )
    config = read_config(root / 'experiment' / 'it.yaml', ['--fit.seed', '3'])
    assert (config.model.width, config.fit.steps) == (16, 50)
    assert (config.fit.batch_size, config.fit.seed) == (4, 3)
    assert config.fit.learning_rate == FitSettings.learning_rate


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('defaults: [model/huge]\n', 'model/small'),
        ('defaults: experiment/it\n', 'leads back to itself'),
        ('defaults: model/small\nfit: {pace: 3}\n', 'pace'),
        ('fit: {steps: many}\n', 'many'),
        ('spirit: high\n', 'spirit'),
        ('- a\n- list\n', 'expected sections'),
        ('fit: {steps: [\n', 'YAML'),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, text, said):
    root = write(tmp_path, model__small='model: {width: 16}\n', experiment__it=text)
    with pytest.raises(ValueError, match=said) as caught:
        read_config(root / 'experiment' / 'it.yaml')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('setting', 'value'),
    [
        ('fit.steps', '0'),
        ('fit.steps', '-5'),
        ('fit.batch_size', '0'),
        ('fit.seed', '-1'),
        ('fit.learning_rate', 'nan'),
        ('fit.average', '1.5'),
        ('model.width', '0'),
        ('model.width', '7'),
        ('model.dropout', '2'),
        ('window.seconds', '0'),
        ('window.seconds', '0.5'),
        ('sampler.whole', '3'),
        ('sampler.mirror', '-0.1'),
        ('sampler.tilt', '-1'),
        ('sampler.speed', '[2,1]'),
        ('sampler.video.holes', '1.2'),
        ('corruptions.share', '2'),
        ('readout.share', '2'),
        ('probe.draws', '-1'),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_by_name(setting, value):
    with pytest.raises(ValueError, match=f'expected --{setting} .*came') as caught:
        read_config(None, [f'--{setting}', value])
    assert '\n' not in str(caught.value)


def test_consistency_without_anything_to_be_consistent_with_is_refused():
    weighed = ['--objectives.terms.consistency', '0.5']
    with pytest.raises(ValueError, match=r'corruptions\.names'):
        read_config(None, weighed)
    config = read_config(None, [*weighed, '--corruptions.names', '[noise]'])
    assert config.corruptions.drawn == ['noise']
    assert read_config(None, [*weighed, '--corruptions.modality_dropout', '0.1'])
