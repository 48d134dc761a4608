"""Figures of what a first layer has learned, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from .style import COLOURS, OTHERS, grid_of


def weights_by_frame(kernels: Mapping[str, np.ndarray]) -> Axes:
    """Kernels that read several frames: what each frame is weighed with, and the sum of that.

    Args:
        kernels: title -> weights (T, 3, k, k) of the three colours. Zero is grey, and the largest
            weight of each kernel is black or full.

    Returns:
        The first panel of the sums.
    """
    figure, grid = grid_of(2, len(kernels), 2.5, height_ratios=[1, 3], sharex=True, sharey="row")
    for (above, below), (title, weights) in zip(grid.T, kernels.items(), strict=True):
        T = len(weights)
        above.set_title(title)
        above.imshow(_strip(weights), extent=(-0.5, T - 0.5, 0, 1), aspect="auto")
        above.set_yticks([])
        above.spines[:].set_visible(False)
        above.tick_params(bottom=False)
        sums = weights.sum(axis=(1, 2, 3))
        colours = [OTHERS[0] if value >= 0 else OTHERS[1] for value in sums]
        below.bar(range(T), sums, 0.7, color=colours)
        below.axhline(0, color=COLOURS["ink"], lw=0.8)
        below.set(xlabel="frame", xticks=range(T))
    grid[1, 0].set_ylabel("sum of weights")
    figure.subplots_adjust(0.14, 0.19, 0.995, 0.9, 0.12, 0.08)
    return grid[1, 0]


def _strip(weights: np.ndarray) -> np.ndarray:
    """The kernel of each frame side by side with white between them, (k, T (k + 1), 3)."""
    shown = 0.5 + 0.5 * weights / np.abs(weights).max()
    parts = np.moveaxis(shown, 1, -1)  # (T, k, k, 3)
    parts = np.pad(parts, ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=1)  # (T, k, k + 1, 3)
    return np.concatenate(list(parts), axis=1)
