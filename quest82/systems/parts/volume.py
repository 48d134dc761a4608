"""A clip as a volume: what networks with 3D convolutions share."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def as_volume(clips: Tensor) -> Tensor:
    """Clips (B, T, C, H, W) -> volumes (B, C, T, H, W) as 3D convolutions read them.

    The channels of a position lie side by side in memory ("channels last"), which convolutions
    keep from layer to layer: on a processor they then run up to twice as fast
    (`benchmarks/factorised.py`), and frames are images of 2D convolutions, without copying.
    """
    return clips.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)


class Stage3d(nn.Sequential):
    """3 x 3 x 3 convolutions, each with its ReLU, then the maximum of blocks of positions.

    Volumes (B, C, T, H, W) -> (B, widths[-1], T / pool[0], H / pool[1], W / pool[2]).

    Args:
        in_channels: C.
        widths: channels of each convolution.
        pool: the block, in frames, rows and columns.
        batch_norm: normalise between convolution and ReLU.
        keep_rest: what no longer fills a block is a smaller block; else it is dropped.
    """

    def __init__(
        self,
        in_channels: int,
        widths: Sequence[int],
        pool: Sequence[int],
        *,
        batch_norm: bool = False,
        keep_rest: bool = True,
    ) -> None:
        layers: list[nn.Module] = []
        for ins, outs in zip((in_channels, *widths), widths, strict=False):
            layers.append(nn.Conv3d(ins, outs, 3, padding=1, bias=not batch_norm))
            layers += [nn.BatchNorm3d(outs)] if batch_norm else []
            layers.append(nn.ReLU())
        block = (pool[0], pool[1], pool[2])
        super().__init__(*layers, nn.MaxPool3d(block, ceil_mode=keep_rest))


def pooled_size(
    clip_size: Sequence[int], pools: Sequence[Sequence[int]], *, keep_rest: bool = True
) -> tuple[int, ...]:
    """What is left of (T, H, W) after pooling by each block (see `Stage3d`).

    (16, 112, 112) -> (1, 4, 4) in C3D; (20, 64, 64) -> (2, 4, 4) in the lecture's network.
    """
    sizes, rounded = tuple(clip_size), math.ceil if keep_rest else math.floor
    for pool in pools:
        sizes = tuple(rounded(size / step) for size, step in zip(sizes, pool, strict=True))
    return sizes


def require_volume(clips: Tensor, num_frames: int, size: int, name: str) -> Tensor:
    """The same clips.

    Raises:
        ValueError: if they have another number of frames or another size than the fully connected
            layers were made for.
    """
    T, _, H, W = clips.shape[1:]
    if (num_frames, size, size) != (T, H, W):
        raise ValueError(
            f"clips have {T} frames of {H} x {W}, but this {name} was made for {num_frames} of "
            f"{size} x {size} (num_frames, size): sample and crop so, or make another"
        )
    return clips


def drawn_for_relus(layer: nn.Module) -> None:
    """Initial weights of a 3D convolution before a ReLU (He et al. 2015), for `Module.apply`."""
    if isinstance(layer, nn.Conv3d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
