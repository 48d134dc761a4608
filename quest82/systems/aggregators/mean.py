"""The mean over time (Wang et al. 2016 call it segmental consensus): a bag of frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MeanPool(nn.Module):
    """The mean over time: a bag of frames. No parameters, blind to order.

    The sum is taken in double precision. Essences from a store are half-precision numbers, for
    which that sum is exact: not even rounding can tell one order of frames from another. (Apple's
    GPUs have no double precision; there the sum is in single precision, and exact only nearly.)

    Args:
        in_features: width D of an essence.

    Attributes:
        out_features: D.
    """

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.in_features = self.out_features = in_features
        self.options: dict = {}

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> their mean (B, D)."""
        wide = torch.float32 if essences.device.type == "mps" else torch.float64
        return essences.mean(dim=1, dtype=wide).to(essences.dtype)
