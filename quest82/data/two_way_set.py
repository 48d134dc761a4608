"""Clips that are not merely flipped when they are played backwards: those made of optical flow."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .clip_set import Pairs
from .given import as_tensor
from .tensor_set import TensorSet


@dataclass(frozen=True, kw_only=True)
class TwoWaySet(TensorSet):
    """N clips that know what they are when they are played backwards.

    The reverse of a moving pixel points back from where it arrived: flow that is only put into the
    opposite order is that of no video.

    Attributes:
        reverses: of the shape of `tensors`, the same clips played backwards.

    Raises:
        TypeError, ValueError: as in `TensorSet`, or if the two shapes differ.
    """

    reverses: Tensor

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "reverses", as_tensor("reverses", self.reverses))
        if self.reverses.shape != self.tensors.shape:
            raise ValueError(
                f"reverses {tuple(self.reverses.shape)} must have the shape of tensors "
                f"{tuple(self.tensors.shape)}: the same clips, played backwards"
            )

    def backwards(self) -> TwoWaySet:
        """Each clip played backwards, under the label that it has."""
        return replace(self, tensors=self.reverses, reverses=self.tensors)

    def frames(self, *numbers: int) -> TwoWaySet:
        """Some steps of each clip alone, in the order given; -1 is the last."""
        rows = torch.arange(self.num_frames)[list(numbers)]
        mirrored = self.num_frames - 1 - rows.flip(0)
        return replace(self, tensors=self.tensors[:, rows], reverses=self.reverses[:, mirrored])

    def _showing(self, shown: Tensor, names: dict | None = None) -> TwoWaySet:
        raise ValueError(
            "flow leads from each frame to its neighbour, and means nothing where frames are "
            "shuffled or mixed: do that to the frames, and find their flow anew"
        )

    def _take(self, rows: Tensor) -> TwoWaySet:
        tensors, reverses = self.tensors[rows], self.reverses[rows]
        return replace(self, tensors=tensors, reverses=reverses, **self._names_of(rows))

    def _play(self, pairs: Pairs) -> TwoWaySet:
        ways = torch.stack([self.tensors, self.reverses])
        way = pairs.backwards.long()
        tensors, reverses = ways[way, pairs.rows], ways[1 - way, pairs.rows]
        return replace(self, tensors=tensors, reverses=reverses, **pairs.clips.names)
