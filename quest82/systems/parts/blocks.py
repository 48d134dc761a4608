"""Convolutions as small networks stack them: convolution, batch norm, ReLU, and half the size."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class Stages2d(nn.Sequential):
    """A small image network: each stage is a 3 x 3 convolution, batch norm, ReLU, 2 x 2 maximum.

    Images (N, C, H, W) -> feature maps (N, widths[-1], H / 2^stages, W / 2^stages). A map of a
    single row or column is not made smaller.

    Args:
        in_channels: C.
        widths: channels of each stage.
    """

    def __init__(self, in_channels: int, widths: Sequence[int] = (32, 64, 128)) -> None:
        ins = (in_channels, *widths)
        super().__init__(*(_stage2d(*pair) for pair in zip(ins, widths, strict=False)))
        self.out_channels = ins[-1]


def _stage2d(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.MaxPool2d(2, ceil_mode=True),
    )


def each_frame(network: nn.Module, clips: Tensor) -> Tensor:
    """Run an image network on every frame: (B, T, C, H, W) -> (B, T, ...)."""
    B, T = clips.shape[:2]
    return network(clips.flatten(0, 1)).unflatten(0, (B, T))
