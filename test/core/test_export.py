"""An exported checkpoint says what torch says; the dense graph without any exporter, too."""

import importlib.util
import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from mujo_core.cli.main import main
from mujo_core.export.agreement import model_scores, random_batch
from mujo_core.export.onnx_file import INPUTS, dense_scores, inputs_of
from mujo_core.model.batch import Batch, batch_windows
from mujo_core.model.checkpoint import load_checkpoint
from mujo_core.model.joint_space import JointSpace, ModelSettings
from mujo_core.recognition.label_space import make_label_space, subsets_of
from mujo_core.recognition.playback import windows_of
from mujo_core.recognition.teaching import example_windows, show
from mujo_core.video.settings import VideoSettings

RATE = 0.05
TOLERANCE = 1e-4
HAVE = all(map(find_spec, ('onnx', 'onnxscript', 'onnxruntime')))
FOLDER = Path(__file__).parents[1] / 'data' / 'without_subject_7'


@pytest.fixture(scope='module')
def checkpoint():
    return load_checkpoint(FOLDER)


@pytest.fixture(scope='module')
def recording(clips_in_sequence):
    """Real clips of a person the checkpoint has not seen, from wrist and thigh."""
    return clips_in_sequence(['wave', 'jog', 'boxing'], 1.0)


@pytest.fixture(scope='module')
def space(checkpoint, recording):
    """The checkpoint's labels, one of them with an example."""
    segment = recording.segments[1]
    windows = example_windows(recording.cut(segment.start, segment.end), checkpoint)
    lesson = show(checkpoint, {}, checkpoint.labels['jog'], windows, 'clip')
    return make_label_space(checkpoint, taught=lesson.taught)


def batches(checkpoint, recording) -> dict[str, Batch]:
    """Real windows of every subset of modalities, partly empty where a clip is short."""
    found = {}
    clips = [recording.cut(s.start, s.end) for s in recording.segments]
    for subset in subsets_of(checkpoint.modalities):
        own = [clip.only(subset.split('+')) for clip in clips]
        windows = [w for clip in own for w in windows_of(clip, checkpoint.window, 0.2)]
        whole = [w for w in windows if len(w.modalities(0.0)) == subset.count('+') + 1]
        assert len(whole) >= 3
        found[subset] = batch_windows(whole, checkpoint.window)
    return found


def dense(checkpoint, space, batch: Batch) -> list[np.ndarray]:
    model = dense_scores(checkpoint, space, RATE)
    names = INPUTS if checkpoint.model.video is not None else INPUTS[:6]
    with torch.inference_mode():
        return [out.numpy() for out in model(*(getattr(batch, name) for name in names))]


def test_real_windows_of_every_subset_give_the_recognizers_scores(checkpoint, recording, space):
    for subset, batch in batches(checkpoint, recording).items():
        expected = model_scores(checkpoint, space, batch, subset, RATE)
        for ours, theirs in zip(expected, dense(checkpoint, space, batch), strict=True):
            np.testing.assert_allclose(theirs, ours, atol=TOLERANCE)
        assert 0.0 < expected[0].max() <= 1.0


def test_familiarity_counts_in_the_graph_as_in_the_recognizer(checkpoint, recording, space):
    counted = {
        name: replace(calibration, familiarity=0.2)
        for name, calibration in checkpoint.calibration.items()
    }
    familiar = replace(checkpoint, calibration=counted)
    for subset, batch in batches(checkpoint, recording).items():
        expected = model_scores(familiar, space, batch, subset, RATE)
        for ours, theirs in zip(expected, dense(familiar, space, batch), strict=True):
            np.testing.assert_allclose(theirs, ours, atol=TOLERANCE)
        before = model_scores(checkpoint, space, batch, subset, RATE)
        assert np.abs(before[1] - expected[1]).max() > 10 * TOLERANCE


def test_windows_of_different_subsets_share_a_batch(checkpoint, recording, space):
    whole = batches(checkpoint, recording)['pose+imu']
    silent = whole.pose_mask.clone()
    silent[0] = False
    still = whole.imu_mask.clone()
    still[1] = False
    mixed = replace(whole, pose_mask=silent, imu_mask=still)
    scores, unknown, vectors = dense(checkpoint, space, mixed)
    for row, subset in enumerate(('imu', 'pose', 'pose+imu')):
        alone = Batch(*(getattr(mixed, name)[row : row + 1] for name in INPUTS))
        expected = model_scores(checkpoint, space, alone, subset, RATE)
        for ours, theirs in zip(expected, (scores, unknown, vectors), strict=True):
            np.testing.assert_allclose(theirs[row : row + 1], ours, atol=TOLERANCE)


@pytest.mark.parametrize('video', ['depth', 'rgb'])
def test_video_is_exported_too(tiny_checkpoint, video):
    torch.manual_seed(0)
    settings = VideoSettings(kind='motion', source=video)
    sizes = ModelSettings(size=16, width=8, video=settings, video_weight=0.3)
    model = JointSpace(sizes).eval()
    checkpoint = replace(
        tiny_checkpoint,
        model=model,
        window=replace(tiny_checkpoint.window, video=settings),
        modalities=('video', 'pose', 'imu'),
    )
    space = make_label_space(checkpoint)
    batch = random_batch(checkpoint, 1)
    for subset in ('video', 'video+pose+imu', 'video+imu'):
        part = batch
        for modality in checkpoint.modalities:
            part = part if modality in subset.split('+') else part.without(modality)
        expected = model_scores(checkpoint, space, part, subset, RATE)
        for ours, theirs in zip(expected, dense(checkpoint, space, part), strict=True):
            np.testing.assert_allclose(theirs, ours, atol=TOLERANCE)


@pytest.mark.slow
@pytest.mark.skipif(not HAVE, reason="needs the extra export (pip install 'mujo_ros[export]')")
def test_the_file_says_what_torch_says(checkpoint, recording, space, tmp_path, capsys):
    import onnx

    from mujo_core.export.runtime import OnnxScores
    from mujo_core.recognition.taught import save_taught

    segment = recording.segments[1]
    windows = example_windows(recording.cut(segment.start, segment.end), checkpoint)
    taught = show(checkpoint, {}, checkpoint.labels['jog'], windows, 'clip').taught
    save_taught(taught, tmp_path / 'taught.yaml')
    file = tmp_path / 'model.onnx'
    command = ['export', str(file), '--checkpoint', str(FOLDER)]
    command += ['--taught', str(tmp_path / 'taught.yaml'), '--json', str(tmp_path / 'said.json')]
    assert main(command) == 0
    assert json.loads((tmp_path / 'said.json').read_text())['difference'] < TOLERANCE
    assert [path.name for path in tmp_path.glob('model*')] == ['model.onnx']
    onnx.checker.check_model(str(file), full_check=True)
    exported = OnnxScores(file)
    assert exported.labels == tuple(checkpoint.labels)
    for subset, batch in batches(checkpoint, recording).items():
        expected = model_scores(checkpoint, space, batch, subset, RATE)
        for ours, theirs in zip(expected, exported.run(batch), strict=True):
            np.testing.assert_allclose(theirs, ours, atol=TOLERANCE)


def test_inputs_are_the_fields_of_a_batch(checkpoint):
    names = INPUTS[:6]
    arrays = inputs_of(random_batch(checkpoint, 0), names)
    assert tuple(arrays) == names
    assert arrays['pose'].dtype == np.float32 and arrays['imu_mask'].dtype == bool


def test_without_the_extra_one_line_says_so(monkeypatch, tmp_path, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, 'find_spec', lambda name: None if name == 'onnx' else find(name)
    )
    assert main(['export', str(tmp_path / 'x.onnx'), '--checkpoint', str(FOLDER)]) == 2
    assert "pip install 'mujo_ros[export]'" in capsys.readouterr().err


@pytest.mark.skipif(find_spec('onnxruntime') is None, reason='needs onnxruntime')
def test_a_file_of_another_kind_is_refused(tmp_path):
    from mujo_core.export.runtime import OnnxScores

    (tmp_path / 'x.onnx').write_bytes(b'nothing')
    with pytest.raises(ValueError, match='expected a file of `mujo export`'):
        OnnxScores(tmp_path / 'x.onnx')
