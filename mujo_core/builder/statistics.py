"""What a build holds, counted sample by sample."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from mujo_core.builder.shards import Stored

SHOWN = 12
"""Samples that the report shows."""
_MOST_SENTENCES = 12

FIGURES = ('visible', 'bridged', 'jitter', 'bone_spread', 'height')


@dataclass
class Statistics:
    """Counts of a build's samples.

    Attributes:
        clips: how many there are, of which some are shown.
    """

    clips: int
    samples: int = 0
    seconds: float = 0.0
    words: int = 0
    vocabulary: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    label_seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    sentences: defaultdict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    splits: Counter[str] = field(default_factory=Counter)
    groups: dict[str, None] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    ups: Counter[str] = field(default_factory=Counter)
    lengths: list[float] = field(default_factory=list)
    qualities: dict[str, list[float]] = field(default_factory=lambda: {n: [] for n in FIGURES})
    shown: list[Stored] = field(default_factory=list)

    def add(self, sample: Stored) -> None:
        """Count a sample."""
        facts = sample.facts
        length = facts['end'] - facts['start']
        spoken = [facts['words'], facts['description'], *facts['captions']]
        found = [word.strip('.,!?').lower() for text in spoken for word in text.split()]
        self.samples += 1
        self.seconds += length
        self.lengths.append(length)
        self.words += len(found)
        self.vocabulary.update(found)
        self.labels[facts['label']] += 1
        self.label_seconds[facts['label']] += length
        told = self.sentences[facts['label']]
        for text in (facts['description'], facts['words']):
            if text and len(told) < _MOST_SENTENCES:
                told[text] = None
        self.splits[facts['split']] += 1
        self.groups[facts['group']] = None
        self.kinds[facts['kind']] += 1
        self.ups[facts.get('up', '')] += 1
        for name, values in self.qualities.items():
            values.append(facts['quality'][name])
        if (self.samples - 1) % max(1, self.clips // SHOWN) == 0 and len(self.shown) < SHOWN:
            self.shown.append(sample)
