"""Clips in memory that are augmented whenever they are shown in training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..data.tensor_set import TensorSet
from .augmentation import Augmentation


@dataclass(frozen=True, kw_only=True)
class AugmentedSet(TensorSet):
    """N clips of frames with views: view 0 as they are, every other one augmented.

    A view is drawn from seed, number and clip id, so that it is the same whenever it is asked for;
    `learning.fit` draws one of each clip in each epoch.

    Attributes:
        augmentation: what may be done to a clip; its size is that of the frames.
        views: V, how many views each clip has.
        seed: of the views.

    Raises:
        TypeError, ValueError: as in `TensorSet`, or if the frames are not uint8 (N, T, 3, S, S).
    """

    augmentation: Augmentation
    views: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        S = self.augmentation.size
        if self.tensors.dtype != torch.uint8 or self.tensors.shape[2:] != (3, S, S):
            raise ValueError(
                f"tensors ({self.tensors.dtype}, {tuple(self.tensors.shape)}) must be uint8 frames "
                f"(N, T, 3, {S}, {S}), as large as the augmentation makes them"
            )

    @classmethod
    def of(cls, clips: TensorSet, augmentation: Augmentation, **options) -> AugmentedSet:
        """The same clips with views.

        Args:
            clips: uint8 frames.
            augmentation: what may be done to them.
            options: `views` and `seed`.

        Raises:
            ValueError: as the class does.
        """
        return cls(tensors=clips.tensors, augmentation=augmentation, **options, **clips.names)

    @property
    def num_views(self) -> int:
        """V, the views per clip; view 0 is the clip as it is."""
        return self.views

    @property
    def has_views(self) -> bool:
        """Whether there are views to draw from."""
        return self.views > 1

    def batches(self, wanted: Iterable[tuple[Tensor, Tensor | None]]) -> Iterator[Tensor]:
        """What each (rows, views) shows, floating point (B, T, 3, S, S) in [0, 1]."""
        for rows, views in wanted:
            numbers = [0] * len(rows) if views is None else views.tolist()
            pairs = zip(rows.tolist(), numbers, strict=True)
            yield torch.stack([self.view(row, number) for row, number in pairs]).float() / 255

    def view(self, row: int, number: int) -> Tensor:
        """One view of one clip, uint8 (T, 3, S, S)."""
        if number == 0:
            return self.tensors[row]
        key = hashlib.sha256(f"{self.seed} {number} {self.clip_ids[row]}".encode()).digest()
        seed = int.from_bytes(key[:8], "little", signed=True)
        return self.augmentation(self.tensors[row], torch.Generator().manual_seed(seed))
