"""N clips with all that a fair experiment needs to know of them: labels, groups, names."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import torch
from sklearn.model_selection import StratifiedGroupKFold
from torch import Tensor

from .clips import Clip, classes_of, unified
from .given import as_long_tensor, as_names
from .names import Names

if TYPE_CHECKING:
    from typing_extensions import Self


class Pairs(NamedTuple):
    """Clips played forwards and backwards, as an index into a set of N clips.

    Attributes:
        rows: long tensor (2N,), which clip.
        backwards: boolean tensor (2N,), whether it is played backwards.
        clips: the 2N clips of 2K classes.
    """

    rows: Tensor
    backwards: Tensor
    clips: ClipSet


@dataclass(frozen=True, kw_only=True)
class ClipSet:
    """N clips of K classes, without what they show.

    What they show is added by the sets that are made of this one: essences
    (`essences.EssenceSet`) or frames (`frames.frame_set.FrameSet`). All of them are cut by the
    same rules. Labels may be given as a numpy array or a list of numbers, names as lists or
    arrays of text; they become tuples, or stay the `names.Names` of a store that was opened.

    Attributes:
        labels: long tensor (N,), indices into `classes`.
        groups: N names; clips that share one stay on one side of a split. Names that differ only
            in case, Unicode's normal form or blanks around them are one (`clips.unified`).
        clip_ids: N names.
        classes: K names.
        splits: "train", "val" or "test" for each clip, where that is laid down (N names); else ().

    Raises:
        TypeError: if something is of another type.
        ValueError: if lengths differ, a label has no class, or ids or class names occur twice.
    """

    labels: Tensor
    groups: tuple[str, ...] | Names
    clip_ids: tuple[str, ...] | Names
    classes: tuple[str, ...]
    splits: tuple[str, ...] | Names = ()
    clips_at_once: ClassVar[int] = 256  # how many are evaluated together

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", as_long_tensor("labels", self.labels))
        for name in ("groups", "clip_ids", "classes", "splits"):
            object.__setattr__(self, name, as_names(name, getattr(self, name)))
        if self.labels.ndim != 1:
            raise ValueError(f"labels {tuple(self.labels.shape)} must have the shape (N,)")
        splits = self.splits or self.clip_ids
        if len({len(self.labels), len(self.groups), len(self.clip_ids), len(splits)}) != 1:
            raise ValueError(
                f"labels ({len(self.labels)}), groups ({len(self.groups)}), clip_ids "
                f"({len(self.clip_ids)}) and splits ({len(splits)}) must have one length"
            )
        for name in ("clip_ids", "classes"):
            names = getattr(self, name)
            if not isinstance(names, Names) and len(set(names)) != len(names):
                raise ValueError(f"{name} must differ from one another, some occur twice")
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise ValueError(
                f"labels ({int(self.labels.min())} to {int(self.labels.max())}) must be from 0 to "
                f"{len(self.classes) - 1}: indices into the {len(self.classes)} classes"
            )
        if not isinstance(self.groups, Names):
            object.__setattr__(self, "groups", unified(self.groups))

    def __len__(self) -> int:
        """N, the number of clips."""
        return len(self.labels)

    @property
    def num_views(self) -> int:
        """V, the views per clip; view 0 is the centre."""
        return 1

    @property
    def has_views(self) -> bool:
        """Whether there are views to draw from."""
        return False

    def batches(self, wanted: Iterable[tuple[Tensor, Tensor | None]]) -> Iterator[Tensor]:
        """What some clips show, one batch (B, T, ...) after the other.

        Args:
            wanted: for each batch numbers of clips (B,), and which view of each (B,); None: the
                centre.
        """
        raise NotImplementedError(
            "labels alone cannot be shown to a model: take essences or frames"
        )

    @property
    def most_parts(self) -> int:
        """How many parts `split` can cut these clips into at most."""
        return min(len(set(self.groups)), self._largest_class)

    @property
    def _largest_class(self) -> int:
        return int(self.labels.bincount().max()) if len(self) else 0

    def subset(self, mask: Tensor | np.ndarray | Sequence) -> Self:
        """The clips that a boolean mask (N,) keeps, or that a list of row numbers names."""
        rows = torch.as_tensor(np.asarray(mask))
        if rows.dtype == torch.bool and len(rows) != len(self):
            raise ValueError(f"mask ({len(rows)}) must be as long as the set ({len(self)} clips)")
        rows = rows.nonzero().flatten() if rows.dtype == torch.bool else rows.long()
        return self._take(rows)

    def split(self, fraction: float, *, seed: int = 0, name: str = "fraction") -> tuple[Self, Self]:
        """Cut in two with no group on both sides and the classes in proportion.

        Args:
            fraction: share of the second part, above 0 and at most one half; it is rounded to
                one of equal parts (a half, a third, a quarter, ...).
            seed: of the shuffle.
            name: what an error calls the fraction, such as "test" or "validation".

        Returns:
            The first part and the second.

        Raises:
            ValueError: if there are fewer groups than parts, or fraction is out of range.
        """
        if not 0 < fraction <= 0.5:
            raise ValueError(f"{name} ({fraction}) must be above 0 and at most 0.5")
        parts = round(1 / fraction)
        if self.most_parts < parts:
            raise ValueError(
                f"{name} ({fraction}) means {parts} parts, but {len(set(self.groups))} groups with "
                f"up to {self._largest_class} clips of a class cannot be cut into so many: take a "
                "larger fraction, or more clips or groups"
            )
        folds = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
        with warnings.catch_warnings():  # a class that is not in every part is no surprise here
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            first, second = next(folds.split(self.labels, self.labels, self.groups))
        return self.subset(first), self.subset(second)

    def pairs(self, names: Mapping[str, str] | None = None) -> Pairs:
        """Each clip twice, played forwards and backwards, next to each other and in one group.

        Args:
            names: the name of each class played backwards; "<class>, reversed" where missing.
        """
        names = names or {}
        rows = torch.arange(len(self)).repeat_interleave(2)
        backwards = torch.arange(2 * len(self)) % 2
        clips = ClipSet(
            labels=2 * self.labels[rows] + backwards,
            groups=tuple(group for group in self.groups for _ in range(2)),
            clip_ids=tuple(i for clip in self.clip_ids for i in (clip, f"{clip}, reversed")),
            classes=tuple(
                name for c in self.classes for name in (c, names.get(c, f"{c}, reversed"))
            ),
            splits=tuple(split for split in self.splits for _ in range(2)),
        )
        return Pairs(rows, backwards.bool(), clips)

    def reversed_pairs(self, names: Mapping[str, str] | None = None) -> Self:
        """Each clip twice, played forwards and backwards: 2N clips of 2K classes.

        The frames are reversed after sampling: reversing the video first would sample other
        frames, and the mean could tell the two apart. A clip and its reverse share their group,
        so a split by group keeps them together.

        Args:
            names: the name of each class played backwards; "<class>, reversed" where missing.
        """
        return self._play(self.pairs(names))

    def directions(self) -> Self:
        """Each clip twice, labelled by the direction alone: 2N clips of 2 classes."""
        both = self.reversed_pairs()
        return replace(both, labels=both.labels % 2, classes=("forwards", "backwards"))

    def _play(self, pairs: Pairs) -> Self:
        """Clips in both directions; each kind of set reverses what its clips show."""
        return replace(self, **pairs.clips.names)

    def _take(self, rows: Tensor) -> Self:
        """Some clips, by row numbers; each kind of set takes along what its clips show."""
        return replace(self, **self._names_of(rows))

    @property
    def names(self) -> dict:
        """What a set knows of its clips, by the name of the field; no splits where none is."""
        known = {field.name: getattr(self, field.name) for field in fields(ClipSet)}
        return known if self.splits else {k: v for k, v in known.items() if k != "splits"}

    def _names_of(self, rows: Tensor) -> dict:
        return {
            "labels": self.labels[rows],
            "groups": tuple(self.groups[row] for row in rows),
            "clip_ids": tuple(self.clip_ids[row] for row in rows),
            "splits": tuple(self.splits[row] for row in rows) if self.splits else (),
        }


def fields_of(clips: Sequence[Clip], classes: Sequence[str] | None = None) -> dict:
    """What a set knows of some clips, by the name of the field.

    Args:
        clips: in the order of the set.
        classes: the K class names; None: those of the clips, in alphabetical order.

    Raises:
        ValueError: if a clip's class is not among the classes.
    """
    classes = tuple(classes or classes_of(clips))
    splits = tuple(clip.split for clip in clips)
    return {
        "labels": torch.tensor([_number(clip, classes) for clip in clips], dtype=torch.long),
        "groups": tuple(clip.group for clip in clips),
        "clip_ids": tuple(clip.id for clip in clips),
        "classes": classes,
        "splits": splits if any(splits) else (),
    }


def _number(clip: Clip, classes: Sequence[str]) -> int:
    if clip.label not in classes:
        raise ValueError(
            f"{clip.id}: its class {clip.label!r} is not among the classes; add it there"
        )
    return classes.index(clip.label)
