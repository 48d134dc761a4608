"""Clips with a part of them hidden, as frames for `contact_sheet`."""

from __future__ import annotations

from torch import Tensor


def veiled(frames: Tensor, hidden: Tensor) -> Tensor:
    """Frames in which what is hidden is grey.

    Args:
        frames: uint8 (T, 3, H, W).
        hidden: bool (M, h, w): which of the blocks of T / M frames of H / h x W / w pixels.

    Returns:
        uint8 (T, 3, H, W); the frames given stay as they are.
    """
    T, _, H, W = frames.shape
    for axis, side in enumerate((T, H, W)):
        hidden = hidden.repeat_interleave(side // hidden.shape[axis], dim=axis)
    return frames.masked_fill(hidden[:, None], 200)
