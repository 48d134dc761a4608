"""The essences of N clips in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from ..data.given import as_tensor
from ..data.sequence_set import SequenceSet
from .files import StoreError
from .opening import opened
from .rows import LazyEssences, StoredRows, rows_of
from .writer import StoreWriter


@dataclass(frozen=True, kw_only=True)
class EssenceSet(SequenceSet):
    """The essences of N clips: a `SequenceSet` with a vector for each frame.

    Numbers may be given as numpy arrays or lists. Those of a store stay on the disk: a clip is held
    to its checksum when its essences are first read, by `batch` or `subset` those of some clips, by
    the attribute all of them.

    Attributes:
        essences: (N, T, D), or with views (N, V, T, D); float16 when it comes from a store.

    Raises:
        StoreError: if what is read of a store is damaged; names the clip.
        TypeError: if something is of another type.
        ValueError: if shapes or lengths differ, or as in `ClipSet`.
    """

    essences: Tensor = LazyEssences()  # type: ignore[assignment]  # a field without a default
    clips_at_once: ClassVar[int] = 256  # enough to keep every core busy, and 20 MB of numbers

    def __post_init__(self) -> None:
        rows = rows_of(self)
        if not isinstance(rows, StoredRows):
            object.__setattr__(self, "essences", as_tensor("essences", rows))
        super().__post_init__()
        if len(self._shape) not in (3, 4):
            raise ValueError(
                f"essences {self._shape} must have the shape (N, T, D), or (N, V, T, D) with views"
            )
        if self._shape[0] != len(self):
            raise ValueError(
                f"essences ({self._shape[0]}) must be as many as the clips ({len(self)})"
            )

    @property
    def _shape(self) -> tuple[int, ...]:
        """That of the essences, of which none is read."""
        return tuple(rows_of(self).shape)

    @property
    def shown(self) -> Tensor:
        """See `SequenceSet`."""
        return self.essences

    @property
    def time_axis(self) -> int:
        """See `SequenceSet`."""
        return len(self._shape) - 2

    @property
    def num_frames(self) -> int:
        """T, the frames per clip."""
        return self._shape[-2]

    @property
    def num_features(self) -> int:
        """D, the width of an essence."""
        return self._shape[-1]

    @property
    def maps(self) -> Tensor:
        """The feature maps (N, T, C, g, g) of a store of `extract_maps`; with views (N, V, ...).

        The same numbers as the essences, laid out like frames: an image of C channels.

        Raises:
            ValueError: if the essences are no maps.
        """
        C, g = (self.settings.get(name) for name in ("channels", "maps"))
        if not C or not g or self.num_features != C * g * g:
            raise ValueError(
                f"essences (of {self.num_features} numbers) hold no feature maps; make them with "
                "`quest82 extract --maps 4`"
            )
        return self.essences.unflatten(-1, (C, g, g))

    @property
    def has_views(self) -> bool:
        """Whether the essences have an axis of views, be it of one."""
        return len(self._shape) == 4

    @property
    def num_views(self) -> int:
        """V, the views per clip."""
        return self._shape[1] if self.has_views else 1

    def batch(self, rows: Tensor, views: Tensor | None = None) -> Tensor:
        """The essences (B, T, D) of some clips, in the type of the store.

        Args:
            rows: long tensor (B,), numbers of clips.
            views: long tensor (B,), which view of each; None: the first, which is the centre.
        """
        essences = self._checked(rows)
        if not self.has_views:
            return essences.index_select(0, rows)  # three times as fast as essences[rows]
        return essences[rows, torch.zeros_like(rows) if views is None else views]

    def batches(self, wanted: Iterable[tuple[Tensor, Tensor | None]]) -> Iterator[Tensor]:
        """The `batch` of each (rows, views), made when it is taken and not before."""
        return (self.batch(rows, views) for rows, views in wanted)

    def _checked(self, rows: Tensor) -> Tensor:
        """All essences, of which those of some clips can be read."""
        stored = rows_of(self)
        return stored.checked(rows) if isinstance(stored, StoredRows) else stored

    def _take(self, rows: Tensor) -> EssenceSet:
        return self._showing(self._checked(rows)[rows], self._names_of(rows))

    def _showing(self, shown: Tensor, names: dict | None = None) -> EssenceSet:
        return replace(self, essences=shown, **(names or {}))

    def centred(self) -> EssenceSet:
        """Each essence less the mean of its clip, in single precision: only what changes.

        The mean does not know the order, so no order is lost; what the clip shows throughout,
        which tells clips apart and directions not, is gone.
        """
        essences = self.essences.double()
        return replace(self, essences=(essences - essences.mean(dim=-2, keepdim=True)).float())

    def joined(self, other: EssenceSet) -> EssenceSet:
        """These clips and then those of another set, under the settings of this one.

        Raises:
            ValueError: if the classes, or the numbers of frames, views or features, differ.
        """
        if self.classes != other.classes or self._shape[1:] != other._shape[1:]:
            raise ValueError(
                f"other (essences {other._shape}, {len(other.classes)} classes) "
                f"must be of the same classes and shape as these {self._shape}"
            )
        return replace(
            self,
            essences=torch.cat([self.essences, other.essences]),
            labels=torch.cat([self.labels, other.labels]),
            groups=(*self.groups, *other.groups),
            clip_ids=(*self.clip_ids, *other.clip_ids),
            splits=(*self.splits, *other.splits),
            skipped=self.skipped + other.skipped,
        )

    def save(self, path: str | Path) -> None:
        """Write these clips as a store of their own.

        Raises:
            StoreError: if the folder is not empty.
        """
        path = Path(path)
        if path.exists() and any(path.iterdir()):
            raise StoreError(f"{path}: is not empty; delete it or choose another folder")
        array = self.essences.numpy()
        settings = {**self.settings, "num_frames": self.num_frames, "saved": True}
        writer = StoreWriter(path, settings, self.classes, array.shape[1:])
        splits = self.splits or [""] * len(self)
        for row, label, group, clip_id, split in zip(
            array, self.labels.tolist(), self.groups, self.clip_ids, splits, strict=True
        ):
            line = {"id": clip_id, "label": self.classes[label], "group": group}
            writer.add(line | ({"split": split} if split else {}), row)
        for clip_id, reason in self.skipped:
            writer.skip({"id": clip_id, "skipped": reason})
        writer.finish()

    @classmethod
    def load(cls, path: str | Path) -> EssenceSet:
        """Open a finished store; names and essences stay on the disk until they are used.

        Raises:
            StoreError: if there is no finished store, or a file of it is damaged.
        """
        return cls(**opened(Path(path)))
