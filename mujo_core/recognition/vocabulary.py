"""What a recognizer can say, as it is changed while it runs: open labels and taught ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mujo_core.labels import Label, distractor_places, identifier
from mujo_core.model.checkpoint import Checkpoint
from mujo_core.recognition.label_space import LabelSpace, make_label_space
from mujo_core.recognition.open_labels import ALL, read_labels
from mujo_core.recognition.taught import TaughtLabel, forget
from mujo_core.recognition.teaching import Lesson, label_named, show
from mujo_core.window import Window


class Vocabulary:
    """The labels chosen, the labels taught, and the space both give.

    Every change makes a new `space` first and takes it only then, so that a change that is refused
    changes nothing, and an answer in another thread has the old labels or the new ones.

    Args:
        taught: labels with examples (see `mujo_core.recognition.taught`).

    Raises:
        ValueError: what was taught belongs to another model.
    """

    def __init__(
        self, checkpoint: Checkpoint, taught: Mapping[str, TaughtLabel] | None = None
    ) -> None:
        self._checkpoint = checkpoint
        self._chosen: tuple[str, ...] = ()
        self._named: frozenset[str] = frozenset()
        self._added: tuple[str, ...] = ()
        """Labels that were not chosen but taught beside those that were."""
        self._taught = dict(taught or {})
        self._space = self._make((), self._taught)

    @property
    def space(self) -> LabelSpace:
        """The labels with their vectors."""
        return self._space

    @property
    def taught(self) -> dict[str, TaughtLabel]:
        """The labels with examples; `mujo_core.recognition.taught` writes them to a file."""
        return dict(self._taught)

    @property
    def distractors(self) -> list[int]:
        """Places of the labels whose score counts as that of none: a distractor that was neither
        chosen by its name nor taught."""
        names, meant = self._space.names, {*self._named, *self._taught}
        return [p for p in distractor_places(self._space.labels) if names[p] not in meant]

    def choose(self, entries: Sequence[str]) -> None:
        """Say these labels alone, described by text where the checkpoint does not have them.

        The same once more reads labels files anew and keeps what was taught beside them.

        Args:
            entries: see `mujo_core.recognition.open_labels.read_labels`; empty for all labels.

        Raises:
            ValueError: an entry names no activity; OSError: a labels file cannot be read;
            ImportError: a new label needs the text encoder, which is not installed.
        """
        chosen = tuple(entries)
        added = self._added if chosen == self._chosen else ()
        space = self._make((*chosen, *added), self._taught)
        named = [entry for entry in chosen if entry.strip() != ALL]
        self._named = frozenset(read_labels(named, space.labels) if named else ())
        self._space, self._chosen, self._added = space, chosen, added

    def check(self, entries: Sequence[str]) -> None:
        """Raise what `choose` would raise, and change nothing."""
        self._make(tuple(entries), self._taught)

    def learn(self, taught: Mapping[str, TaughtLabel]) -> None:
        """Take what was taught elsewhere beside what is here; ValueError: to another model."""
        together = {**self._taught, **taught}
        self._space = self._make((*self._chosen, *self._added), together)
        self._taught = together

    def teach(
        self, name: str, windows: Sequence[Window], source: str, description: str = ''
    ) -> Lesson:
        """Add an example of an activity, new or known (see `mujo_core.recognition.teaching`)."""
        known = self._taught.get(identifier(name))
        words = (
            known.label if known else label_named(self._checkpoint, name, description, self._taught)
        )
        others = self._space.labels
        lesson = show(self._checkpoint, self._taught, words, windows, source, others)
        added = self._added
        if self._chosen and words.name not in self._space.names:
            added = (*added, words.name)
        self._space = self._make((*self._chosen, *added), lesson.taught)
        self._added, self._taught = added, lesson.taught
        return lesson

    def forget(self, name: str) -> None:
        """Undo what was taught of a label.

        One that was chosen is said by its words from then on, where they can be had.

        Raises:
            ValueError: nothing was taught of it, or nothing else may be said.
        """
        name = identifier(name)
        taught = forget(self._taught, name)
        chosen, added = self._chosen, tuple(label for label in self._added if label != name)
        try:
            space = self._make((*chosen, *added), taught)
        except (ImportError, ValueError):
            # It was chosen by a name that says nothing without its examples.
            chosen = tuple(e for e in chosen if identifier(e.partition(':')[0]) != name)
            if not (*chosen, *added):
                raise ValueError(
                    f'{name!r} is all that may be said, and by its examples alone: '
                    'choose other labels before it is forgotten'
                ) from None
            space = self._make((*chosen, *added), taught)
        self._space = space
        self._chosen, self._added, self._taught = chosen, added, taught

    def _make(self, entries: Sequence[str], taught: Mapping[str, TaughtLabel]) -> LabelSpace:
        labels: dict[str, Label] | None = None
        if entries:
            known = {
                **self._checkpoint.labels,
                **{name: label.label for name, label in taught.items()},
            }
            labels = read_labels(entries, known)
        return make_label_space(self._checkpoint, labels, taught)
