"""Resize, crop and scale frames: torchvision's numbers to the bit, without torchvision.

The first import of torchvision loads every network that it has, and takes longer than that of
torch. Each worker process would wait for that before its first frame.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def resized(frames: Tensor, size: Sequence[int], *, antialias: bool = True) -> Tensor:
    """Bilinear, as `torchvision.transforms.v2.functional.resize` does it on a processor.

    Args:
        frames: uint8 (n, 3, H, W).
        size: height and width in pixels; or one number, for the short side.
        antialias: smooth where frames become smaller. Without it bytes are rounded as the first
            version of torchvision's transforms does.

    Returns:
        uint8 (n, 3, H', W').
    """
    n, C, H, W = frames.shape
    height, width = _size_of(H, W, size)
    if (height, width) == (H, W):
        return frames
    if frames.is_contiguous(memory_format=torch.channels_last) and n == 1:
        # Else torch takes a single frame for one in another order of memory, and copies it.
        frames = frames.as_strided(frames.shape, (frames.numel(), *frames.stride()[1:]))
    in_bytes = antialias and _resizes_bytes()
    frames = frames if in_bytes else frames.float()
    frames = F.interpolate(
        frames, [height, width], mode="bilinear", align_corners=False, antialias=antialias
    )  # (n, 3, H', W')
    return frames if in_bytes else frames.round_().byte()


def centre(frames: Tensor, height: int, width: int) -> Tensor:
    """The window of so many pixels in the middle of frames (n, 3, H, W) that are no smaller."""
    H, W = frames.shape[-2:]
    top, left = round((H - height) / 2), round((W - width) / 2)
    return frames[..., top : top + height, left : left + width]  # (n, 3, height, width)


def scaled(frames: Tensor) -> Tensor:
    """Bytes as float32 in [0, 1]; times a rounded 1/255, which is not the same as over 255.

    Floats, such as those of a flow, stay as they are.
    """
    return frames if frames.is_floating_point() else frames.float().mul_(1 / 255)


def _size_of(height: int, width: int, size: Sequence[int]) -> tuple[int, int]:
    if len(size) > 1:
        return size[0], size[1]
    (short,) = size
    if width <= height:
        return int(short * height / width), short
    return short, int(short * width / height)


def _resizes_bytes() -> bool:
    """Whether torch has a fast way for bytes here; its slow one rounds otherwise than floats."""
    fast = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    return fast or platform.machine() in ("aarch64", "arm64")
