"""From a clip to tokens: patches of one frame, or tubelets of several."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .token_groups import Grid


class Tubelets(nn.Conv3d):
    """A linear map of every tubelet, t frames x p x p pixels, to a token (Arnab et al. 2021).

    Tubelets do not overlap: the convolution steps by its own size. With t = 1 they are the patches
    of a vision transformer, frame by frame ("uniform frame sampling").

    Args:
        in_features: C, channels of a frame.
        width: D of a token.
        frames: t.
        patch_size: p.
    """

    def __init__(self, in_features: int, width: int, *, frames: int, patch_size: int) -> None:
        size = (frames, patch_size, patch_size)
        super().__init__(in_features, width, size, stride=size)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> tokens (B, n, D), frame by frame and row by row."""
        tokens = super().forward(clips.transpose(1, 2))  # (B, D, T / t, H / p, W / p)
        return tokens.flatten(2).transpose(1, 2)


def averaged(patches: Tensor, frames: int) -> Tensor:
    """Tubelet weights that read the mean of their frames: w / t in each (filter inflation).

    Args:
        patches: weights of an image network's patch embedding (D, C, p, p).
        frames: t.

    Returns:
        (D, C, t, p, p).
    """
    return patches[:, :, None].repeat(1, 1, frames, 1, 1) / frames


def central_frame(patches: Tensor, frames: int) -> Tensor:
    """Tubelet weights that read their central frame, t // 2, alone; all others are zero.

    Arnab et al. found that training begins better so than with `averaged` weights. Args and result
    are those of `averaged`.
    """
    weights = torch.zeros_like(averaged(patches, frames))
    weights[:, :, frames // 2] = patches
    return weights


def grid_of(num_frames: int, size: int, *, frames: int, patch_size: int) -> Grid:
    """The grid of tokens: (32 frames, 224 pixels) in tubelets of 2 x 16 x 16 -> (16, 14, 14).

    Raises:
        ValueError: if tubelets do not fit the clip.
    """
    if num_frames % frames or size % patch_size:
        raise ValueError(
            f"clips of {num_frames} frames and {size} pixels (num_frames, size) must be cut into "
            f"whole tubelets of {frames} frames and {patch_size} pixels: take divisors"
        )
    return num_frames // frames, size // patch_size, size // patch_size
