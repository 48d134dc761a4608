"""Neighbours meet without a weight: some channels are moved in time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .projected import Projected


class Shifted(Projected):
    """A temporal shift module (TSM, Lin et al. 2019): shift, mix, and only then take the mean.

    After the shift the channels of a frame come from three frames; a layer that looks at one frame
    at a time mixes them. (In TSM that happens in each residual block of a network, here once.)

    Args:
        in_features: width D of an essence.
        projection_size: width P that essences are projected to.
        step: by how many frames channels are moved.
        dropout: share of the projected essences set to zero in training.

    Attributes:
        out_features: P.

    Raises:
        ValueError: if step is below 1.
    """

    def __init__(
        self,
        in_features: int,
        *,
        projection_size: int = 256,
        step: int = 1,
        dropout: float = 0.5,
    ) -> None:
        if step < 1:
            raise ValueError(f"step ({step}) must be at least 1: with 0 no frame meets another")
        super().__init__(in_features, projection_size=projection_size, dropout=dropout)
        self.options["step"] = step
        self.mix = nn.Sequential(nn.Linear(projection_size, projection_size), nn.ReLU())

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> mean of the mixed frames (B, P)."""
        shifted = shift(self.projection(essences), self.options["step"])  # (B, T, P)
        return self.mix(shifted).mean(dim=1)


def shift(channels: Tensor, step: int = 1) -> Tensor:
    """A quarter of the channels (B, T, P) moves later, a quarter earlier; zeros come in.

    Channels (1, 2, 3, 4) of two frames, alike in both: the first frame has (0, 2, 3, 4) after it,
    the second one (1, 0, 3, 4).

    Args:
        channels: (B, T, P).
        step: by how many frames; in a clip of no more frames, what is moved is gone.
    """
    T, part = channels.shape[1], channels.shape[2] // 4
    step = min(step, T)
    later = F.pad(channels[:, : T - step, :part], (0, 0, step, 0))
    earlier = F.pad(channels[:, step:, part : 2 * part], (0, 0, 0, step))
    return torch.cat([later, earlier, channels[:, :, 2 * part :]], dim=2)
