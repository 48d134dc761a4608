"""Figures of optical flow: as colour, as arrows, and how far it is from the truth."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

# Steps between red, yellow, green, cyan, blue, magenta and red again (Baker et al. 2011).
_WHEEL_STEPS = (15, 6, 4, 11, 13, 6)
_WHEEL_CORNERS = ((1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1), (1, 0, 0))


def flow_colours(flow: Tensor, *, bound: float | None = None) -> Tensor:
    """Flow as colour: the hue is the direction, and white is no motion (Baker et al. 2011).

    To the right is red, down yellow, to the left cyan, up violet. Saturation grows with speed up
    to the bound; beyond it colours are darker.

    Args:
        flow: (2, H, W) in pixels, x to the right and y downwards.
        bound: speed of full colour, in pixels; None: the fastest pixel of this flow. Give one
            where colours are to be compared.

    Returns:
        uint8 (3, H, W).
    """
    x, y = flow.double().cpu().numpy()
    speed = np.hypot(x, y)
    speed = speed / max(bound or speed.max(), 1e-12)  # in units of the bound
    turn = (np.arctan2(-y, -x) / np.pi + 1) / 2  # 0 to the right, in whole turns
    wheel = _wheel()
    place = turn * (len(wheel) - 1)
    before = np.floor(place).astype(int)
    share = (place - before)[..., None]
    hue = (1 - share) * wheel[before] + share * wheel[(before + 1) % len(wheel)]  # (H, W, 3)
    slow = speed[..., None] <= 1
    colour = np.where(slow, 1 - np.minimum(speed, 1)[..., None] * (1 - hue), 0.75 * hue)
    return torch.from_numpy(np.floor(255 * colour).astype(np.uint8)).permute(2, 0, 1)


def colour_wheel(size: int = 101) -> Tensor:
    """The key to `flow_colours`: each direction in its colour, uint8 (3, size, size).

    The centre is no motion, the rim the bound; white outside.
    """
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    colours = flow_colours(torch.from_numpy(np.stack([x, y])), bound=1)
    outside = torch.from_numpy(np.hypot(x, y) > 1)
    return colours.masked_fill(outside, 255)


def _wheel() -> np.ndarray:
    """The 55 hues, (55, 3) in [0, 1]: more of them where the eye tells them apart better."""
    corners = np.array(_WHEEL_CORNERS, dtype=float)
    pieces = [
        start + np.linspace(0, 1, steps, endpoint=False)[:, None] * (end - start)
        for start, end, steps in zip(corners, corners[1:], _WHEEL_STEPS, strict=False)
    ]
    return np.concatenate(pieces)
