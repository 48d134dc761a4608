"""Figures of descriptors: histograms of directions as roses, and the ways of points."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from torch import Tensor

from .style import PALETTE, WIDTH_INCHES, grid_of


def roses(panels: Mapping[str, tuple[Tensor, Tensor]], *, unsigned: Collection[str] = ()) -> Axes:
    """Histograms of directions over an image, a rose in each cell, the longest petal as long as it.

    Args:
        panels: title -> (image (H, W) in [0, 1], and histograms (rows, columns, bins)), in the
            order of bins of `histograms.votes`.
        unsigned: titles of panels in which opposite directions are one. There a petal goes to both
            sides, along the edge that has the direction across.
    """
    axes = _row(len(panels))
    for axis, (title, (image, histograms)) in zip(axes, panels.items(), strict=True):
        H, W = image.shape
        look = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "nearest"}
        axis.imshow(image.numpy(), extent=(0, W, H, 0), **look)
        _frame(axis, title)
        lines = _petals(histograms.double().numpy(), H, W, title not in unsigned)
        axis.add_collection(LineCollection(lines, colors=PALETTE[5], linewidths=1.6))
    return axes[0]


def ways(panels: Mapping[str, tuple[Tensor, Tensor]]) -> Axes:
    """The ways of points over a frame, with a dot where each ends.

    Args:
        panels: title -> (frame, uint8 (3, H, W), and tracks (P, L + 1, 2), right and down in
            pixels from the middle of the first one).
    """
    axes = _row(len(panels))
    for axis, (title, (frame, tracks)) in zip(axes, panels.items(), strict=True):
        axis.imshow(frame.permute(1, 2, 0).numpy(), interpolation="nearest")
        _frame(axis, title)
        places = tracks.double().numpy()
        axis.add_collection(LineCollection(list(places), colors=PALETTE[3], linewidths=1))
        axis.plot(*places[:, -1].T, "o", ms=2.2, color=PALETTE[5])
        axis.set(xlim=(-0.5, frame.shape[2] - 0.5), ylim=(frame.shape[1] - 0.5, -0.5))
    return axes[0]


def _petals(histograms: np.ndarray, H: int, W: int, signed: bool) -> list[np.ndarray]:
    rows, columns, bins = histograms.shape
    if signed:
        angles = 2 * np.pi * np.arange(bins) / bins
    else:  # the edge is across the gradient
        angles = np.pi * (np.arange(bins) + 0.5) / bins + np.pi / 2
    longest = min(H / rows, W / columns) / 2 / max(histograms.max(), 1e-12)
    lines = []
    for row, column, k in np.argwhere(histograms > 0):
        middle = np.array([(column + 0.5) * W / columns, (row + 0.5) * H / rows])
        way = np.array([np.cos(angles[k]), np.sin(angles[k])])
        petal = longest * histograms[row, column, k] * way
        lines.append(np.stack([middle if signed else middle - petal, middle + petal]))
    return lines


def _row(number: int) -> np.ndarray:
    side = min(2.3, WIDTH_INCHES / number)  # inches
    figure, axes = grid_of(1, number, side + 0.25)
    left = 0.5 - number * side / WIDTH_INCHES / 2
    figure.subplots_adjust(max(left, 0), 0.01, min(1 - left, 1), side / (side + 0.25), 0.05)
    return axes[0]


def _frame(axis: Axes, title: str) -> None:
    axis.set(xticks=[], yticks=[])
    axis.set_title(title, fontsize=9)
