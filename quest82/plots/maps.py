"""Numbers on a grid as coloured frames: feature maps, hidden states, kernels."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import torch
from torch import Tensor


def coloured(maps: Tensor, *, most: float | None = None) -> Tensor:
    """Maps as frames for `contact_sheet`: white is 0, red above, blue below.

    Args:
        maps: (T, H, W), any numbers.
        most: what is darkest; None: the largest of all, whatever its sign.

    Returns:
        uint8 (T, 3, H, W).
    """
    values = maps.detach().double().numpy()
    largest = most or np.abs(values).max() or 1.0
    shares = 0.5 + 0.5 * np.clip(values / largest, -1, 1)
    colours = mpl.colormaps["RdBu_r"](shares, bytes=True)[..., :3]  # (T, H, W, 3)
    return torch.from_numpy(np.ascontiguousarray(colours)).permute(0, 3, 1, 2)
