"""Clips in memory as networks on pixels read them: frames, or feature maps of more channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from .given import as_tensor
from .sequence_set import SequenceSet


@dataclass(frozen=True, kw_only=True)
class TensorSet(SequenceSet):
    """N clips as one tensor: frames of 3 channels, or feature maps of C channels.

    Attributes:
        tensors: (N, T, C, H, W): uint8 in [0, 255], which models get as floats in [0, 1]; or
            floating point, which they get as it is.

    Raises:
        TypeError: if something is of another type.
        ValueError: if shapes or lengths differ, or as in `ClipSet`.
    """

    tensors: Tensor
    clips_at_once: ClassVar[int] = 64  # a network on pixels keeps far more than it reads

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", as_tensor("tensors", self.tensors))
        super().__post_init__()
        if self.tensors.ndim != 5 or len(self.tensors) != len(self):
            raise ValueError(
                f"tensors {tuple(self.tensors.shape)} must have the shape (N, T, C, H, W) with N "
                f"as many as the clips ({len(self)})"
            )

    @property
    def shown(self) -> Tensor:
        """See `SequenceSet`."""
        return self.tensors

    @property
    def time_axis(self) -> int:
        """See `SequenceSet`."""
        return 1

    @property
    def num_features(self) -> int:
        """C, the channels of a frame or map: what a network for these clips is built for."""
        return self.tensors.shape[2]

    def batch(self, rows: Tensor) -> Tensor:
        """What some clips show, floating point (B, T, C, H, W).

        Args:
            rows: long tensor (B,), numbers of clips.
        """
        taken = self.tensors.index_select(0, rows)
        return taken if taken.is_floating_point() else taken.float() / 255

    def batches(self, wanted: Iterable[tuple[Tensor, Tensor | None]]) -> Iterator[Tensor]:
        """The `batch` of each (rows, views), made when it is taken; there is one view of each."""
        return (self.batch(rows) for rows, _ in wanted)

    def _showing(self, shown: Tensor, names: dict | None = None) -> TensorSet:
        return replace(self, tensors=shown, **(names or {}))
