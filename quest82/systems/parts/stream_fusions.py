"""Five ways to make one feature map of two (Feichtenhofer et al. 2016, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class _Fusion(nn.Module):
    """Maps of two streams, each (N, D, H, W), position by position -> (N, out_channels, H, W).

    Args:
        channels: D.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = channels


class Sum(_Fusion):
    """Channel d of one added to channel d of the other: the two must learn to match."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Maps (N, D, H, W) -> (N, D, H, W)."""
        return a + b


class Max(_Fusion):
    """The larger of the two in each channel and at each position."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Maps (N, D, H, W) -> (N, D, H, W)."""
        return torch.maximum(a, b)


class Concatenation(_Fusion):
    """One above the other: what belongs together is left to the layers that come next."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.out_channels = 2 * channels

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Maps (N, D, H, W) -> (N, 2 D, H, W)."""
        return torch.cat([a, b], dim=1)


class Convolution(_Fusion):
    """One above the other, then D filters of 1 x 1: which channels belong together is learned."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.mixed = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Maps (N, D, H, W) -> (N, D, H, W)."""
        return self.mixed(torch.cat([a, b], dim=1))


class Bilinear(_Fusion):
    """Each channel of one times each of the other, averaged over positions: the place is lost.

    (The paper sums over positions; with the mean, the numbers do not grow with the map.)
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.out_channels = channels**2

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Maps (N, D, H, W) -> (N, D^2, 1, 1)."""
        P = a[0, 0].numel()
        products = a.flatten(2) @ b.flatten(2).transpose(1, 2) / P  # (N, D, D)
        return products.flatten(1)[..., None, None]


FUSIONS: dict[str, type[_Fusion]] = {
    "sum": Sum,
    "max": Max,
    "concatenation": Concatenation,
    "convolution": Convolution,
    "bilinear": Bilinear,
}
