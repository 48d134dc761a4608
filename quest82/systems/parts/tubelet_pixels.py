"""Clips cut into tubelets, small blocks of pixels over a few frames, and put together again."""

from __future__ import annotations

from torch import Tensor


def tubelets(clips: Tensor, tubelet_size: int, patch_size: int) -> Tensor:
    """Clips (B, T, C, H, W) -> the numbers of each tubelet (B, N, t p p C).

    N = (T / t) (H / p) (W / p) tubelets come moment by moment, row by row. The numbers within one
    are in the order (t, p, p, C), colours last, as VideoMAE's files have them.

    Args:
        clips: (B, T, C, H, W).
        tubelet_size: t, in frames.
        patch_size: p, the side in pixels.

    Raises:
        ValueError: if the clips cannot be cut so without a rest.
    """
    B, T, C, H, W = require_whole(clips, tubelet_size, patch_size).shape
    t, p = tubelet_size, patch_size
    cut = clips.reshape(B, T // t, t, C, H // p, p, W // p, p)
    return cut.permute(0, 1, 4, 6, 2, 5, 7, 3).reshape(B, -1, t * p * p * C)


def put_together(cut: Tensor, shape: tuple[int, ...], tubelet_size: int, patch_size: int) -> Tensor:
    """Tubelets (B, N, t p p C) -> the clips of that shape (B, T, C, H, W): undoes `tubelets`."""
    B, T, C, H, W = shape
    t, p = tubelet_size, patch_size
    blocks = cut.reshape(B, T // t, H // p, W // p, t, p, p, C)
    return blocks.permute(0, 1, 4, 7, 2, 5, 3, 6).reshape(B, T, C, H, W)


def normalised(cut: Tensor, num_channels: int) -> Tensor:
    """Tubelets (B, N, t p p C) with mean 0 and variance 1 of each colour within each.

    What is left is structure: brightness and contrast, which the surroundings tell, need not be
    predicted (He et al. 2022 have it so, and VideoMAE after them, for each colour alone).
    """
    mean, std = brightness_and_contrast(cut, num_channels)
    return ((cut.unflatten(2, (-1, num_channels)) - mean) / std).flatten(2)


def brightness_and_contrast(cut: Tensor, num_channels: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each colour within each tubelet, (B, N, 1, C) both."""
    pixels = cut.unflatten(2, (-1, num_channels))  # (B, N, t p p, C)
    return pixels.mean(dim=2, keepdim=True), pixels.std(dim=2, keepdim=True) + 1e-6


def require_whole(clips: Tensor, tubelet_size: int, patch_size: int) -> Tensor:
    """The same clips.

    Raises:
        ValueError: if a tubelet would be cut off at the end of the clip or of the frame.
    """
    _, T, _, H, W = clips.shape
    if T % tubelet_size or H % patch_size or W % patch_size:
        raise ValueError(
            f"clips of {T} frames of {H} x {W} must be cut into tubelets of {tubelet_size} frames "
            f"(tubelet_size) of {patch_size} x {patch_size} (patch_size) without a rest: sample "
            "another number of frames or size"
        )
    return clips
