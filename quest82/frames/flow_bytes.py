"""Flow as two channels of bytes, as it is stored, and as channels on one another, as it is read."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_MIDDLE = 128  # no motion
_STEPS = 127  # on each side of it; the byte 0 is not used, so that left and right are alike


class FlowBytes(NamedTuple):
    """Flow in whole steps.

    Attributes:
        bytes: uint8 of the flow's shape, in [1, 255]; 128 is no motion.
        saturated: how many numbers were beyond the bound, and lost what was beyond.
    """

    bytes: Tensor
    saturated: int


def to_bytes(flow: Tensor, *, bound: float) -> FlowBytes:
    """Store flow in a quarter of its size: clipped to the bound, in steps of bound / 127 pixels.

    Two-stream networks store it so (Simonyan & Zisserman 2014); Wang et al. 2016 with a bound of
    20 pixels. Within the bound, no number is off by more than half a step: bound / 254.

    Args:
        flow: floating point of any shape, in pixels, finite.
        bound: the largest motion that is kept, in pixels, above 0.

    Raises:
        ValueError: if bound is not above 0, or a number is not finite.

    Examples:
        >>> to_bytes(torch.tensor([0.0, 20.0, -20.0, -90.0]), bound=20)
        FlowBytes(bytes=tensor([128, 255,   1,   1], dtype=torch.uint8), saturated=1)
    """
    _require_bound(bound)
    if not flow.isfinite().all():
        raise ValueError("flow must be finite: a method failed, look at where it is not")
    steps = (in_bounds(flow, bound=bound) * _STEPS).round() + _MIDDLE
    return FlowBytes(steps.to(torch.uint8), int((flow.abs() > bound).sum()))


def from_bytes(stored: Tensor, *, bound: float) -> Tensor:
    """Flow in pixels, float32, of what `to_bytes` made with the same bound.

    Args:
        stored: uint8 of any shape.
        bound: as in `to_bytes`.

    Raises:
        TypeError: if they are no bytes.
        ValueError: if bound is not above 0.

    Examples:
        >>> from_bytes(torch.tensor([128, 255, 1], dtype=torch.uint8), bound=20).tolist()
        [0.0, 20.0, -20.0]
    """
    _require_bound(bound)
    if stored.dtype != torch.uint8:
        raise TypeError(f"stored ({stored.dtype}) must be uint8, as `to_bytes` makes it")
    return (stored.float() - _MIDDLE) * (bound / _STEPS)


def in_bounds(flow: Tensor, *, bound: float) -> Tensor:
    """Flow in units of the bound, clipped to [-1, 1]: what a network reads; 0 is no motion."""
    return (flow / bound).clamp(-1, 1)


def stacked(flow: Tensor) -> Tensor:
    """Flow of a clip as channels on one another: x and y of the first step, x and y of the next.

    So a network for images reads it: 2L channels for L steps in time (Simonyan & Zisserman 2014,
    with L = 10: 20 channels).

    Args:
        flow: (..., L, 2, H, W).

    Returns:
        (..., 2L, H, W).

    Raises:
        ValueError: if the flow has another shape.
    """
    if flow.ndim < 4 or flow.shape[-3] != 2:
        raise ValueError(f"flow {tuple(flow.shape)} must have the shape (..., L, 2, H, W)")
    return flow.flatten(-4, -3)  # (..., 2L, H, W)


def _require_bound(bound: float) -> None:
    if not bound > 0:
        raise ValueError(f"bound ({bound}) must be above 0 pixels")
