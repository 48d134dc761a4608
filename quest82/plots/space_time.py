"""Figures over place and time: what moves is slanted in them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from .style import COLOURS, PER_ROW, grid_of

_ROW_INCHES, _BARS = 1.75, 0.8  # a row of panels; the width of the bars, in widths of an image


def space_time(panels: Mapping[str, np.ndarray], *, sums: bool = False) -> Axes:
    """One row of pixels over time: place to the right, time downwards; what moves is slanted.

    Args:
        panels: title -> values (T, W), such as stripes, or the weights of a kernel. Zero is white;
            the largest of each panel, whatever its sign, is full red (above zero) or blue.
        sums: True for bars beside each panel, the sum over the places of each frame.

    Returns:
        The first panel; with `sums`, its bars.
    """
    rows, parts = -(-len(panels) // PER_ROW), 2 if sums else 1
    figure, grid = grid_of(
        rows,
        PER_ROW * parts,
        rows * _ROW_INCHES + 0.4,
        width_ratios=[1, _BARS][:parts] * PER_ROW,
        layout="constrained",
        sharey=True,
        sharex="col",
    )
    reach = 1.05 * max(np.abs(values.sum(axis=1)).max() for values in panels.values()) or 1.0
    places = grid.reshape(-1, parts)  # a panel in each row: its image, and its bars
    for axes, (title, values) in zip(places, panels.items(), strict=False):
        T, W = values.shape
        most, half = np.abs(values).max(), W / 2
        axes[0].imshow(
            values,
            vmin=-most,
            vmax=most,
            cmap="RdBu_r",
            extent=(-half, half, T - 0.5, -0.5),
            aspect="auto",
            interpolation="nearest",
        )
        axes[0].set(title=title, xticks=[-(W // 2), 0, W // 2], yticks=range(0, T, 2))
        axes[0].spines[:].set_visible(True)
        for bars in axes[1:]:
            bars.barh(range(T), values.sum(axis=1), 0.7, color=COLOURS["control"])
            bars.axvline(0, color=COLOURS["ink"], lw=0.8)
            bars.set_xlim(-reach, reach)
    for axes in places[max(0, len(panels) - PER_ROW) : len(panels)]:  # the lowest of each column
        for axis, name in zip(axes, ("place", "sum"), strict=False):
            axis.set_xlabel(name)
            axis.tick_params(labelbottom=True)
    for axis in grid[:, 0]:
        axis.set_ylabel("frame")
    for axis in grid[:, 1:].flat:
        axis.tick_params(axis="y", length=0)
    for axis in places[len(panels) :].flat:
        axis.remove()
    return places[0, -1]
