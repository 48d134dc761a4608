"""Clips that lie in memory, whatever stands for a frame: reversed, shuffled, taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .clip_set import ClipSet, Pairs

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True, kw_only=True)
class SequenceSet(ClipSet):
    """N clips with a tensor of what they show, one axis of which is time.

    What is done to the order of frames is done here, for essences (`essences.EssenceSet`) and for
    frames and feature maps (`data.tensor_set.TensorSet`) alike.

    Attributes:
        settings: how they were made (weights, num_frames, size, ...).
        skipped: id and reason of each clip that could not be read.
    """

    settings: Mapping = field(default_factory=dict)
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def shown(self) -> Tensor:
        """What the clips show: N clips on the first axis, T frames on `time_axis`."""
        raise NotImplementedError

    @property
    def time_axis(self) -> int:
        """Number of the axis of `shown` that is time, at least 1."""
        raise NotImplementedError

    def _showing(self, shown: Tensor, names: dict | None = None) -> Self:
        """The same set with something else to show, and other names where they are given."""
        raise NotImplementedError

    @property
    def num_features(self) -> int:
        """D, the width of an essence, or C, the channels of a frame: what a system is built for."""
        raise NotImplementedError

    @property
    def num_frames(self) -> int:
        """T, the frames per clip."""
        return self.shown.shape[self.time_axis]

    def backwards(self) -> Self:
        """Each clip played backwards, under the label that it has."""
        return self._showing(self.shown.flip(self.time_axis))

    def shuffled(self, generator: torch.Generator) -> Self:
        """Each clip's frames in an order of its own, drawn from the generator."""
        order = torch.rand(self.shown.shape[: self.time_axis + 1], generator=generator)
        order = order.argsort(dim=-1)
        order = order.reshape(*order.shape, *[1] * (self.shown.ndim - order.ndim))
        return self._showing(self.shown.take_along_dim(order, dim=self.time_axis))

    def frames(self, *numbers: int) -> Self:
        """Some frames of each clip alone, in the order given; -1 is the last."""
        rows = torch.arange(self.num_frames)[list(numbers)]
        return self._showing(self.shown.index_select(self.time_axis, rows))

    def first_frame(self) -> Self:
        """The first frame of each clip alone, T = 1: what does the beginning give away?"""
        return self.frames(0)

    def last_frame(self) -> Self:
        """The last frame of each clip alone, T = 1: what does the end give away?"""
        return self.frames(-1)

    def middle_frame(self) -> Self:
        """The middle frame of each clip alone, T = 1.

        An even T has two middle frames, which trade places when a clip is played backwards;
        their mean is taken, so that the middle says nothing of the direction.
        """
        low, high = (self.num_frames - 1) // 2, self.num_frames // 2
        both = self.shown.narrow(self.time_axis, low, high - low + 1)
        middle = both.double().mean(dim=self.time_axis, keepdim=True)
        if not self.shown.is_floating_point():
            middle = middle.round()
        return self._showing(middle.to(self.shown.dtype))

    def averaged(self, dtype: torch.dtype) -> Self:
        """The mean of each clip's frames alone, T = 1.

        It is taken as `aggregators.MeanPool` takes it, of essences as models of that type get
        them, so that it has the same digits.

        Args:
            dtype: floating type of the means. Bytes are not scaled.
        """
        shape = [*self.shown.shape]
        shape[self.time_axis] = 1
        means = torch.empty(shape, dtype=dtype)
        # A few clips at once, into memory taken beforehand: else pages are fetched and given back
        # for each of them, which takes six times as long as the sums.
        for mean, clips in zip(means.split(8), self.shown.split(8), strict=True):
            mean.copy_(clips.to(dtype).mean(self.time_axis, keepdim=True, dtype=torch.float64))
        return self._showing(means)

    def _take(self, rows: Tensor) -> Self:
        return self._showing(self.shown[rows], self._names_of(rows))

    def _play(self, pairs: Pairs) -> Self:
        shown = self.shown[pairs.rows]  # a copy
        shown[pairs.backwards] = shown[pairs.backwards].flip(self.time_axis)
        return self._showing(shown, pairs.clips.names)
