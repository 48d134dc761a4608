"""Figures of 3D kernels: a small image for each moment that they look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from .style import WIDTH_INCHES, grid_of


def kernels_over_time(
    kernels: np.ndarray, *, titles: Sequence[str] = (), moments: Sequence[str] = ()
) -> Axes:
    """Kernels side by side, their moments below one another: red above zero, blue below.

    Each kernel has its own scale, so that a faint one can be seen; its moments share it.

    Args:
        kernels: (N, t, d, d), one number for each place (of several channels, their mean).
        titles: a text above each kernel.
        moments: a name for each of the t rows.
    """
    N, t = kernels.shape[:2]
    left, top = 0.65 if moments else 0.02, 0.22 if titles else 0.02  # inches
    height = (WIDTH_INCHES - left) / N * t + top + 0.02
    figure, axes = grid_of(t, N, height)
    for column, kernel in enumerate(kernels):
        reach = np.abs(kernel).max()
        for cell, plane in zip(axes[:, column], kernel, strict=True):
            cell.imshow(plane, cmap="RdBu_r", vmin=-reach, vmax=reach)
            cell.set(xticks=[], yticks=[])
            cell.spines[:].set_visible(True)
    for cell, title in zip(axes[0], titles, strict=False):
        cell.set_title(title, loc="center", pad=3)
    for cell, name in zip(axes[:, 0], moments, strict=False):
        cell.set_ylabel(name, rotation=0, ha="right", va="center")
    left /= WIDTH_INCHES
    figure.subplots_adjust(left, 0.02 / height, 0.998, 1 - top / height, 0.15, 0.08)
    return axes[0, 0]
