"""Where a clip moved, and how long ago: one image for a whole clip (Bobick & Davis 2001).

Both images are made of differences of neighbouring frames, so a camera that moves fills them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..flow import grey

# Of a range of 1. Pixel noise of `data.motions` makes differences of about 0.04 at most.
THRESHOLD = 0.15


def changed(frames: Tensor, *, threshold: float = THRESHOLD) -> Tensor:
    """Where a frame differs from the one before.

    Args:
        frames: uint8 (T, 3, H, W), T of 2 or more.
        threshold: by how much the grey value must change, of a range of 1.

    Returns:
        Boolean (T - 1, H, W).

    Raises:
        ValueError: if there are fewer than 2 frames.
    """
    if len(frames) < 2:
        raise ValueError(f"frames ({len(frames)}) must be 2 or more: motion is between two of them")
    return grey(frames).diff(dim=0).abs() > threshold  # (T, 3, H, W) -> (T - 1, H, W)


def motion_energy(frames: Tensor, *, threshold: float = THRESHOLD) -> Tensor:
    """The motion energy image: 1 where anything has moved at any time, else 0.

    It is a union over time, so a clip and its reverse have the same one.

    Args:
        frames: uint8 (T, 3, H, W), T of 2 or more.
        threshold: as for `changed`.

    Returns:
        float32 (H, W).

    Raises:
        ValueError: as `changed` does.
    """
    return changed(frames, threshold=threshold).any(dim=0).float()  # (H, W)


def motion_history(
    frames: Tensor, *, duration: int | None = None, threshold: float = THRESHOLD
) -> Tensor:
    """The motion history image after the last frame: the brighter, the more recent the motion.

    A pixel that changes is set to `duration`, one that does not fades by 1, down to 0. In units of
    the duration:

        H_t(p) = 1 where p has changed, else max(0, H_(t-1)(p) - 1 / duration)

    Args:
        frames: uint8 (T, 3, H, W), T of 2 or more.
        duration: for how many steps a motion is remembered; None: T - 1, all of the clip.
        threshold: as for `changed`.

    Returns:
        float32 (H, W) in [0, 1].

    Raises:
        ValueError: if duration is below 1, or as `changed` does.
    """
    moved = changed(frames, threshold=threshold)
    duration = len(moved) if duration is None else duration
    if duration < 1:
        raise ValueError(f"duration ({duration}) must be 1 step or more")
    history = torch.zeros(moved.shape[1:])
    for now in moved:
        history = torch.where(now, 1.0, (history - 1 / duration).clamp(min=0))
    return history


def hu_moments(image: Tensor) -> Tensor:
    """Seven numbers of an image that no shift, scale or turn changes (Hu 1962).

    Bobick & Davis compared motion images by them. A mirrored image has the same first six, and the
    seventh with the other sign.

    Args:
        image: (H, W), not negative, and not 0 everywhere.

    Returns:
        float64 (7,).

    Raises:
        ValueError: if the image is 0 everywhere: it has no centre.
    """
    image = image.double()
    total = image.sum()
    if not total > 0:
        raise ValueError("image must be above 0 somewhere: it has no centre of mass")
    y, x = (torch.arange(side, dtype=torch.float64) for side in image.shape)
    x = x - (image.sum(0) * x).sum() / total
    y = y - (image.sum(1) * y).sum() / total

    def eta(p: int, q: int) -> Tensor:  # a central moment, in units that no scale changes
        return (image * x**p * y[:, None] ** q).sum() / total ** (1 + (p + q) / 2)

    a, b, c = eta(2, 0), eta(0, 2), eta(1, 1)
    d, e, f, g = eta(3, 0), eta(2, 1), eta(1, 2), eta(0, 3)
    s, t = d + f, e + g
    return torch.stack(
        [
            a + b,
            (a - b) ** 2 + 4 * c**2,
            (d - 3 * f) ** 2 + (3 * e - g) ** 2,
            s**2 + t**2,
            (d - 3 * f) * s * (s**2 - 3 * t**2) + (3 * e - g) * t * (3 * s**2 - t**2),
            (a - b) * (s**2 - t**2) + 4 * c * s * t,
            (3 * e - g) * s * (s**2 - 3 * t**2) - (d - 3 * f) * t * (3 * s**2 - t**2),
        ]
    )
