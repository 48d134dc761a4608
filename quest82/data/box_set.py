"""Clips of which it is known where something is: a box in every frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .clip_set import Pairs
from .given import as_tensor
from .tensor_set import TensorSet

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True, kw_only=True)
class BoxSet(TensorSet):
    """N clips with one tube each: the box of one thing in every frame.

    Attributes:
        boxes: floating point (N, T, 4): left, top, right and bottom, in pixels from the upper left
            corner of the frame; NaN in a frame in which it is not visible.

    Raises:
        TypeError, ValueError: as in `TensorSet`, or if there is not a box for each frame.
    """

    boxes: Tensor

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "boxes", as_tensor("boxes", self.boxes))
        if self.boxes.shape != (*self.tensors.shape[:2], 4):
            raise ValueError(
                f"boxes {tuple(self.boxes.shape)} must have the shape "
                f"{(*self.tensors.shape[:2], 4)}: left, top, right, bottom in each frame"
            )

    def backwards(self) -> Self:
        """Each clip played backwards, under the label that it has."""
        return replace(self, tensors=self.tensors.flip(1), boxes=self.boxes.flip(1))

    def shuffled(self, generator: torch.Generator) -> Self:
        """Each clip's frames, with their boxes, in an order of its own."""
        order = torch.rand(self.tensors.shape[:2], generator=generator).argsort(dim=1)  # (N, T)
        rows = torch.arange(len(self))[:, None]
        return replace(self, tensors=self.tensors[rows, order], boxes=self.boxes[rows, order])

    def frames(self, *numbers: int) -> Self:
        """Some frames of each clip alone, in the order given; -1 is the last."""
        rows = torch.arange(self.num_frames)[list(numbers)]
        return replace(self, tensors=self.tensors[:, rows], boxes=self.boxes[:, rows])

    def _showing(self, shown: Tensor, names: dict | None = None) -> Self:
        raise ValueError(
            "boxes belong to their frames, and mean nothing where frames are mixed: take frames "
            "with `frames`, `shuffled` or `backwards`"
        )

    def _take(self, rows: Tensor) -> Self:
        names = self._names_of(rows)
        return replace(self, tensors=self.tensors[rows], boxes=self.boxes[rows], **names)

    def _play(self, pairs: Pairs) -> Self:
        tensors, boxes = self.tensors[pairs.rows], self.boxes[pairs.rows]  # copies
        for values in (tensors, boxes):
            values[pairs.backwards] = values[pairs.backwards].flip(1)
        return replace(self, tensors=tensors, boxes=boxes, **pairs.clips.names)
