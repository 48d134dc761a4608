"""Figures of descriptors: histograms of directions as roses, and the ways of points."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from torch import Tensor

from .sheets import sheet
from .style import PALETTE


def roses(panels: Mapping[str, tuple[Tensor, Tensor]], *, unsigned: Collection[str] = ()) -> Axes:
    """Histograms of directions over an image, a rose in each cell, the longest petal as long as it.

    Args:
        panels: title -> (image (H, W) in [0, 1], and histograms (rows, columns, bins)), in the
            order of bins of `histograms.votes`.
        unsigned: titles of panels in which opposite directions are one. There a petal goes to both
            sides, along the edge that has the direction across.
    """
    H, W = next(iter(panels.values()))[0].shape
    axes = _row(panels, H / W)
    for axis, (title, (image, histograms)) in zip(axes, panels.items(), strict=True):
        axis.imshow(image.numpy(), extent=(0, W, H, 0), cmap="gray", vmin=0, vmax=1)
        lines = _petals(histograms.double().numpy(), H, W, title not in unsigned)
        axis.add_collection(LineCollection(lines, colors=PALETTE[5], linewidths=1.6))
    return axes[0]


def ways(panels: Mapping[str, tuple[Tensor, Tensor]]) -> Axes:
    """The ways of points over a frame, with a dot where each ends.

    Args:
        panels: title -> (frame, uint8 (3, H, W), and tracks (P, L + 1, 2), right and down in
            pixels from the middle of the first one).
    """
    _, H, W = next(iter(panels.values()))[0].shape
    for axis, (frame, tracks) in zip(_row(panels, H / W), panels.values(), strict=True):
        axis.imshow(frame.permute(1, 2, 0).numpy())
        places = tracks.double().numpy()
        axis.add_collection(LineCollection(list(places), colors=PALETTE[3], linewidths=1))
        axis.plot(*places[:, -1].T, "o", ms=2.2, color=PALETTE[5])
        axis.set(xlim=(-0.5, W - 0.5), ylim=(H - 0.5, -0.5))
    return axis


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


def _row(titles: Collection[str], ratio: float) -> list[Axes]:
    _, rows = sheet([""], len(titles), ratio=ratio, titles=list(titles))
    return rows[0]
