"""A 3D convolution taken apart: one over space and one over time, computed as 2D convolutions."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


def middle_width(in_channels: int, out_channels: int, *, t: int = 3, d: int = 3) -> int:
    """M, with which 1 x d x d and t x 1 x 1 together have the weights of t x d x d.

    M = t d^2 N_in N_out / (d^2 N_in + t N_out), rounded down: 144 for 64 channels in and out.
    """
    return (t * d * d * in_channels * out_channels) // (d * d * in_channels + t * out_channels)


class Space(nn.Conv3d):
    """A convolution of 1 x d x d, without bias: every frame is an image of its own.

    Weights have the shape of an `nn.Conv3d`, (out, in, 1, d, d), but a 2D convolution computes it:
    on volumes in the layout of `parts.volume.as_volume` that is about twice as fast on a processor,
    and copies nothing (`benchmarks/factorised.py`).
    """

    def __init__(self, in_channels: int, out_channels: int, *, d: int = 3, stride: int = 1) -> None:
        steps, pad = (1, stride, stride), (0, d // 2, d // 2)
        super().__init__(in_channels, out_channels, (1, d, d), steps, pad, bias=False)

    def forward(self, volumes: Tensor) -> Tensor:
        """Volumes (B, C, T, H, W) -> (B, C', T, H', W')."""
        B, _, T = volumes.shape[:3]
        images = volumes.transpose(1, 2).flatten(0, 1)  # (B T, C, H, W)
        weight, pad = self.weight[:, :, 0], self.padding[1:]
        images = F.conv2d(images, weight, stride=self.stride[1:], padding=pad)  # (B T, C', H', W')
        return images.unflatten(0, (B, T)).transpose(1, 2)  # (B, C', T, H', W')


class Time(nn.Conv3d):
    """A convolution of t x 1 x 1, without bias: every position has a past and a future of its own.

    Computed as `Space` is, on images of T rows and H W columns.
    """

    def __init__(self, in_channels: int, out_channels: int, *, t: int = 3, stride: int = 1) -> None:
        steps, pad = (stride, 1, 1), (t // 2, 0, 0)
        super().__init__(in_channels, out_channels, (t, 1, 1), steps, pad, bias=False)

    def forward(self, volumes: Tensor) -> Tensor:
        """Volumes (B, C, T, H, W) -> (B, C', T', H, W)."""
        H, W = volumes.shape[3:]
        images = volumes.flatten(3)  # (B, C, T, H W)
        weight, pad = self.weight[..., 0], self.padding[:2]
        images = F.conv2d(images, weight, stride=self.stride[:2], padding=pad)  # (B, C', T', H W)
        return images.unflatten(3, (H, W))
