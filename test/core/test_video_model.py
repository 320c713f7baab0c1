"""Video in the joint space: blind to masked frames, absent where absent, old models unchanged."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml

from mujo_core.model.batch import Batch, batch_windows
from mujo_core.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mujo_core.model.joint_space import JointSpace, ModelSettings
from mujo_core.objectives import TERMS
from mujo_core.objectives.term import TermInputs
from mujo_core.timeline import Timeline
from mujo_core.video.settings import VideoSettings
from mujo_core.window import Window, WindowSpec

KINDS = {
    'depth': VideoSettings('motion', 'depth', side=24),
    'rgb': VideoSettings('motion', 'rgb', side=24),
    'frozen': VideoSettings('frozen', features=10),
}


@pytest.fixture(params=sorted(KINDS))
def video(request) -> VideoSettings:
    return KINDS[request.param]


@pytest.fixture
def spec(video) -> WindowSpec:
    return WindowSpec(video=video)


@pytest.fixture
def model(video) -> JointSpace:
    torch.manual_seed(3)
    model = JointSpace(ModelSettings(size=16, width=8, video=video))
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point() and tensor.ndim == 1:
                tensor.add_(torch.rand_like(tensor) * 0.5)
    return model.eval()


@pytest.fixture
def checkpoint(model, spec, tiny_checkpoint) -> Checkpoint:
    return replace(tiny_checkpoint, model=model, window=spec, modalities=model.modalities)


def make(spec: WindowSpec, seed: int, pose: bool = False, frames: int = 15) -> Window:
    """A window of random frames, with a skeleton beside them if wanted."""
    rng = np.random.default_rng(seed)
    timeline = Timeline(spec)
    values = rng.integers(1, 255, (15, *spec.video_shape)).astype(spec.stream('video').dtype)
    timeline.insert('video', 7.2 + np.arange(frames) / 5, values[:frames])
    if pose:
        timeline.insert('pose', 7.04 + np.arange(75) / 25, rng.normal(size=(75, 16, 3)))
    window = timeline.cut(10.0)
    assert window is not None
    return window


def vectors(model: JointSpace, batch: Batch) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(batch)
        return found


def test_a_window_carries_frames_to_the_batch(spec):
    batch = batch_windows([make(spec, 0, pose=True), make(spec, 1, frames=6)], spec)
    assert batch.video.shape == (2, 15, *spec.video_shape)
    assert batch.video_mask.sum(dim=1).tolist() == [15, 6]
    assert batch.present['video'].tolist() == [True, True]
    assert batch.present['pose'].tolist() == [True, False]
    assert batch.without('video').present['video'].tolist() == [False, False]
    assert batch.without('video').present['pose'].tolist() == [True, False]


def test_masked_frames_have_no_influence_and_seen_ones_have(model, spec):
    batch = batch_windows([make(spec, 0), make(spec, 1)], spec)
    mask = batch.video_mask.clone()
    mask[0, 4:9] = False
    mask[1, ::2] = False
    holes = replace(batch, video_mask=mask)
    clean = vectors(model, holes)
    garbage = torch.flip(batch.video, dims=(1,)) + 1
    shaped = mask.view(*mask.shape, *[1] * len(spec.video_shape))
    filled = replace(holes, video=torch.where(shaped, batch.video, garbage))
    np.testing.assert_allclose(vectors(model, filled).numpy(), clean.numpy(), atol=1e-6)
    other = replace(holes, video=torch.where(shaped, garbage, batch.video))
    assert float((vectors(model, other) - clean).abs().max()) > 1e-4
    assert float((vectors(model, batch) - clean).abs().max()) > 1e-4


def test_a_batch_gives_what_single_windows_give(model, spec, make_window):
    windows = [make(spec, 0), make(spec, 1, pose=True), make_window(2), make(spec, 3, frames=4)]
    together = vectors(model, batch_windows(windows, spec))
    singly = torch.cat([vectors(model, batch_windows([w], spec)) for w in windows])
    np.testing.assert_allclose(together.numpy(), singly.numpy(), atol=2e-5)
    np.testing.assert_allclose(together.norm(dim=1).numpy(), 1.0, atol=1e-5)


def test_absent_video_is_zeros_and_changes_nothing(model, spec, make_window):
    with torch.inference_mode():
        mixed = model.encode(batch_windows([make(spec, 0), make_window(1)], spec))
        alone = model.encode(batch_windows([make_window(1)], spec))
    assert (mixed['video'][1] == 0).all() and mixed['video'][0].any()
    assert set(alone) == {'pose'}
    both = batch_windows([make(spec, 5, pose=True)], spec)
    pose_alone = vectors(model, both.without('video'))
    without = vectors(
        model, replace(both, video=both.video[:, :0], video_mask=both.video_mask[:, :0])
    )
    np.testing.assert_allclose(pose_alone.numpy(), without.numpy(), atol=1e-6)


def test_a_weight_counts_beside_others_and_not_alone(model, spec, tmp_path, checkpoint):
    lighter = JointSpace(replace(model.settings, video_weight=0.25)).eval()
    lighter.load_state_dict(model.state_dict())
    both = batch_windows([make(spec, 0, pose=True)], spec)
    alone = both.without('pose')
    torch.testing.assert_close(vectors(lighter, alone), vectors(model, alone))
    with torch.inference_mode():
        parts = model.encode(both)
        expected = model.fuse({'video': 0.25 * parts['video'], 'pose': parts['pose']})
    torch.testing.assert_close(vectors(lighter, both), expected)
    assert not torch.allclose(vectors(lighter, both), vectors(model, both), atol=1e-3)
    save_checkpoint(replace(checkpoint, model=lighter), tmp_path)
    assert load_checkpoint(tmp_path).model.settings.video_weight == 0.25


def test_gradients_reach_every_parameter_of_the_encoder(model, spec):
    model.train()
    batch = batch_windows([make(spec, i) for i in range(4)], spec)
    model(batch)[:, 0].sum().backward()
    assert model.video is not None
    without = [n for n, p in model.video.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_a_checkpoint_with_video_comes_back(checkpoint, spec, tmp_path):
    save_checkpoint(checkpoint, tmp_path)
    again = load_checkpoint(tmp_path)
    assert again.model.settings == checkpoint.model.settings
    assert again.window.video_shape == spec.video_shape
    assert again.modalities == ('video', 'pose', 'imu')
    batch = batch_windows([make(spec, 0, pose=True), make(spec, 1)], spec)
    assert torch.equal(vectors(again.model, batch), vectors(checkpoint.model, batch))


def test_a_checkpoint_without_video_is_as_it_was(tiny_checkpoint, tmp_path, make_window):
    save_checkpoint(tiny_checkpoint, tmp_path)
    config = yaml.safe_load((tmp_path / 'config.yaml').read_text())
    assert 'video' not in config['model']
    again = load_checkpoint(tmp_path)
    assert again.model.video is None and again.model.modalities == ('pose', 'imu')
    assert not [name for name in again.model.state_dict() if name.startswith('video')]


def test_video_leaves_the_weights_of_a_seed_as_they_are(video):
    settings = ModelSettings(size=16, width=8)
    states = []
    for each in (settings, replace(settings, video=video)):
        torch.manual_seed(0)
        states.append(JointSpace(each).state_dict())
    assert all(torch.equal(states[1][name], value) for name, value in states[0].items())


@pytest.mark.parametrize(
    ('name', 'value'), [('kind', 'slow'), ('kind', 3), ('side', 'large'), ('layers', 2)]
)
def test_a_checkpoint_whose_video_is_none_is_refused(checkpoint, tmp_path, name, value):
    save_checkpoint(checkpoint, tmp_path)
    config = yaml.safe_load((tmp_path / 'config.yaml').read_text())
    config['model']['video'][name] = value
    (tmp_path / 'config.yaml').write_text(yaml.safe_dump(config))
    with pytest.raises(ValueError, match=r'config\.yaml') as caught:
        load_checkpoint(tmp_path)
    assert '\n' not in str(caught.value)


def motion_inputs(checkpoint: Checkpoint, batch: Batch) -> TermInputs:
    sentences = torch.from_numpy(checkpoint.sentences)
    labels = torch.zeros(len(batch), dtype=torch.long)
    return TermInputs.encode(checkpoint.model, batch, labels, sentences)


def test_the_pose_at_each_frame_is_learned(checkpoint, spec):
    torch.manual_seed(0)
    term = TERMS.make('video_to_pose', checkpoint.model)
    batch = batch_windows([make(spec, 0, pose=True), make(spec, 1), make(spec, 2, pose=True)], spec)
    loss = term(motion_inputs(checkpoint, batch))
    assert loss is not None and float(loss.detach()) > 0
    loss.backward()
    assert checkpoint.model.video is not None
    assert all(p.grad is not None for p in checkpoint.model.video.frame.parameters())
    # A joint that is not seen, and a frame that is not, ask for nothing.
    mask = batch.pose_mask.clone()
    mask[:, :, 5] = False
    frames = batch.video_mask.clone()
    frames[0, 3] = False
    holes = replace(batch, pose_mask=mask, video_mask=frames)
    pose = batch.pose.clone()
    pose[:, :, 5] = 99.0
    # Frame 3 of 15 lies at the 20th of 75 steps of pose.
    pose[0, 19] = 99.0
    pose[1] = 99.0
    with torch.no_grad():
        clean = term(motion_inputs(checkpoint, holes))
        filled = term(motion_inputs(checkpoint, replace(holes, pose=pose)))
        pose[0, 24] += 1.0
        other = term(motion_inputs(checkpoint, replace(holes, pose=pose)))
        nothing = term(motion_inputs(checkpoint, holes.without('video')))
    assert float(filled) == pytest.approx(float(clean), rel=1e-5)
    assert float(other) != pytest.approx(float(clean), rel=1e-5)
    assert nothing is None or float(nothing) == 0.0
