"""Late fusion: a network a modality, trained apart; their probabilities are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from mujo_core.evaluation.baselines.registry import baseline
from mujo_core.evaluation.distinct import DistinctEncoder
from mujo_core.evaluation.examples import Example
from mujo_core.evaluation.predictions import softmax
from mujo_core.evaluation.registry import Task
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.recording import Recording


@baseline('late_fusion', 'a network a modality, trained apart by --config, averaged')
class LateFusion:
    """Networks of one modality each, of the checkpoint's size, that never saw each other."""

    modalities = ('video', 'pose', 'imu')

    def __init__(self, subset: Sequence[str], task: Task, labels: Sequence[str]) -> None:
        from mujo_core.training.config import read_config

        checkpoint = task.checkpoint
        path, overrides = task.settings
        config = read_config(path, list(overrides))
        self.subset = tuple(subset)
        self.labels = list(labels)
        self.dataset = task.dataset
        self.config = replace(
            config,
            model=replace(checkpoint.model.settings, kernels=0, kernel_share=0.0),
            window=checkpoint.window,
            text=replace(config.text, model=checkpoint.text_model),
            fit=replace(config.fit, seed=task.seeds[0], devices=1),
        )
        self.networks: dict[str, Checkpoint] = {}

    @classmethod
    def for_task(cls, task: Task, subset: Sequence[str], labels: Sequence[str]) -> LateFusion:
        """Make it with a task's training settings."""
        return cls(subset, task, labels)

    def fit(self, examples: Sequence[Example], truth: np.ndarray) -> None:
        """Train a network on each modality of the recordings that examples are cut from."""
        stretches = {id(e.stretch): e.stretch for e in examples}
        for modality in self.subset:
            self.networks[modality] = self._trained(list(stretches.values()), modality)

    def _trained(self, stretches: Sequence[Recording], modality: str) -> Checkpoint:
        from mujo_core.datasets.registry import DATASETS, get_dataset
        from mujo_core.training.clip import make_clip
        from mujo_core.training.fit import fit_model

        rests = self.dataset in DATASETS and get_dataset(self.dataset).rests
        alone = [s.only([modality]) for s in stretches]
        clips = [make_clip(s, str(s.label), rests=rests) for s in alone if s.streams]
        return fit_model(clips, np.ones(len(clips)), self.config, progress=False)

    def probabilities(self, examples: Sequence[Example]) -> np.ndarray:
        """Return (N, classes): the mean over the networks whose modality is there."""
        total = np.zeros((len(examples), len(self.labels)))
        for modality, network in self.networks.items():
            names = list(network.labels)
            known = [place for place, name in enumerate(self.labels) if name in names]
            texts = network.label_vectors()[[names.index(self.labels[place]) for place in known]]
            embedding = DistinctEncoder(network)([e.window for e in examples])
            rows = embedding.having((modality,))
            if len(rows):
                with torch.inference_mode():
                    vectors = embedding.fused((modality,), rows)
                    logits = network.model.logits(vectors, texts).numpy()
                total[rows[:, None], np.array(known)] += softmax(logits)
        sums = total.sum(axis=1, keepdims=True)
        return np.where(sums > 0, total / np.maximum(sums, 1e-12), 1.0 / len(self.labels))
