"""Who is tested by whom: no clip by a model that has seen another of its group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from .. import learning
from ..data import ucf101
from ..data.clip_set import ClipSet
from ..data.clips import Clip
from ..data.sequence_set import SequenceSet
from .training import Attempt, Run


class Part(NamedTuple):
    """Some clips to learn from and some to test, by their rows in a set.

    Attributes:
        name: such as "split 1".
        train: long tensor, rows to learn from, those that are watched among them.
        watched: long tensor, rows for early stopping; empty: every epoch is run.
        test: long tensor, rows to test.
    """

    name: str
    train: Tensor
    watched: Tensor
    test: Tensor

    @property
    def learned(self) -> Tensor:
        """The rows to learn from that are not watched."""
        return self.train[~torch.isin(self.train, self.watched)]


@dataclass(frozen=True)
class LeaveOut:
    """Each clip is tested by a model that learned from all clips but those of its fold of groups.

    Attributes:
        folds: into how many the groups are dealt; None: one group at a time.
    """

    folds: int | None = None

    def parts(self, data: ClipSet) -> Iterator[Part]:
        """One part: all clips learn, and all are tested."""
        rows = torch.arange(len(data))
        name = "one group left out" if self.folds is None else f"{self.folds} folds of groups"
        yield Part(name, rows, rows[:0], rows)

    def run(self, attempt: Attempt, data: SequenceSet, part: Part) -> Run:
        """Teach and test it, once for each fold."""
        return attempt.leave_out(attempt.seen(data), self.folds)


class _Sides:
    """What protocols share whose parts have two sides."""

    def run(self, attempt: Attempt, data: SequenceSet, part: Part) -> Run:
        """Teach it on one side of a part and test it on the other."""
        seen = attempt.seen(data)
        watched = seen.subset(part.watched) if len(part.watched) else None
        return attempt.teach(seen.subset(part.learned), watched, seen.subset(part.test))


@dataclass(frozen=True)
class HoldOut(_Sides):
    """A share of the groups is kept for the test.

    Attributes:
        share: of the groups, above 0 and at most one half.
        seed: of the draw.
        name: what the split is called.
    """

    share: float = 0.3
    seed: int = 0
    name: str = "split by group"

    def parts(self, data: ClipSet) -> Iterator[Part]:
        """One part."""
        sides = numbered(data).split(self.share, seed=self.seed, name="test")
        yield _part(self.name, data, *map(rows_of, sides))


@dataclass(frozen=True)
class Watched(_Sides):
    """Settings are chosen on the clips that `HoldOut` watches; those it tests stay unseen.

    Attributes:
        share: of the groups that `HoldOut` keeps for the test.
        seed: of that draw.
    """

    share: float = 0.3
    seed: int = 0

    def parts(self, data: ClipSet) -> Iterator[Part]:
        """One part: the watched clips are its test, and none are watched.

        Raises:
            ValueError: if there are too few groups to watch any.
        """
        for part in HoldOut(self.share, self.seed).parts(data):
            if not len(part.watched):
                raise ValueError("groups (too few) leave no clips to watch; add some")
            yield Part("watched clips", part.learned, part.watched[:0], part.watched)


@dataclass(frozen=True)
class OfficialSplits(_Sides):
    """The official splits of UCF101.

    Attributes:
        numbers: which of the three.
    """

    numbers: tuple[int, ...] = (1,)

    def parts(self, data: ClipSet) -> Iterator[Part]:
        """One part for each split.

        Raises:
            ValueError: if a split has no clips on one side.
        """
        names = zip(data.clip_ids, data.groups, strict=True)
        clips = [Clip(name, "", group, Path(name)) for name, group in names]
        row_of = {clip.id: row for row, clip in enumerate(clips)}
        for number in self.numbers:
            sides = ucf101.split(clips, number)
            rows = (torch.tensor([row_of[c.id] for c in side], dtype=torch.long) for side in sides)
            yield _part(f"split {number}", data, *rows)


@dataclass(frozen=True)
class GivenSplit(_Sides):
    """The split that came with the clips (`ClipSet.splits`).

    Models learn from "train", are watched on "val", and tested on "test". Without clips of "test"
    those of "val" are tested, and some of "train" watched, if that is worth it.
    """

    def parts(self, data: ClipSet) -> Iterator[Part]:
        """One part.

        Raises:
            ValueError: if there is none to learn from or none to test, or a group is on two sides.
        """
        rows = {
            name: torch.tensor(
                [r for r, s in enumerate(data.splits) if s == name], dtype=torch.long
            )
            for name in ("train", "val", "test")
        }
        if not len(rows["test"]) or not len(rows["val"]):
            test = rows["test"] if len(rows["test"]) else rows["val"]
            yield _part("given split", data, rows["train"], test)
            return
        seen, names = torch.cat([rows["train"], rows["val"]]), numbered(data)
        learning.require_apart(names.subset(rows["train"]), names.subset(rows["val"]))
        learning.require_apart(names.subset(seen), names.subset(rows["test"]), name="test")
        yield Part("given split", seen, rows["val"], rows["test"])


Protocol = LeaveOut | HoldOut | Watched | OfficialSplits | GivenSplit
KINDS = {
    "leave out": LeaveOut,
    "hold out": HoldOut,
    "watched": Watched,
    "official splits": OfficialSplits,
    "given split": GivenSplit,
}


def numbered(data: ClipSet) -> ClipSet:
    """The set without what its clips show, each clip named by its row."""
    names = tuple(map(str, range(len(data))))
    return ClipSet(labels=data.labels, groups=data.groups, clip_ids=names, classes=data.classes)


def rows_of(part: ClipSet | None) -> Tensor:
    """The rows in which the clips of a part stood in the `numbered` set; none of None."""
    return torch.tensor([int(name) for name in part.clip_ids] if part else [], dtype=torch.long)


def _part(name: str, data: ClipSet, train: Tensor, test: Tensor) -> Part:
    """A part of two sides; a fifth of the learners is watched, where that is worth it."""
    rows = numbered(data)
    learning.require_apart(rows.subset(train), rows.subset(test), name="test")
    _, watched = learning.set_aside(rows.subset(train))
    return Part(name, train, rows_of(watched), test)
