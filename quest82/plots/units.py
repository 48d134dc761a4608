"""Figures of what goes on inside a recurrent layer, unit by unit, while it reads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from torch import Tensor
from torch.nn.functional import pad

from .style import COLOURS, OTHERS, grid_of

_SHUT_TO_OPEN, _BOTH_SIGNS = "Blues", "RdBu"


def unit_maps(panels: Mapping[str, np.ndarray]) -> Axes:
    """All units of a layer over time: a row for each, from the smallest mean to the largest.

    Args:
        panels: title -> values (T, H) in [0, 1]; in [-1, 1] if any is negative, and then in two
            colours, white at zero. There is room for four.
    """
    figure, grid = grid_of(1, len(panels), 3.6, layout="constrained", sharey=True)
    images: dict[str, tuple[list[Axes], AxesImage]] = {}
    for axis, (title, values) in zip(grid[0], panels.items(), strict=True):
        T, H = values.shape
        signed = bool((np.asarray(values) < 0).any())
        shown = np.asarray(values)[:, np.argsort(np.asarray(values).mean(axis=0))].T
        image = axis.imshow(
            shown,
            vmin=-1 if signed else 0,
            vmax=1,
            cmap=_BOTH_SIGNS if signed else _SHUT_TO_OPEN,
            extent=(0.5, T + 0.5, H, 0),
            aspect="auto",
            interpolation="nearest",
        )
        axis.set(title=title, xticks=[1, T], xlabel="frame")
        axis.spines[:].set_visible(True)
        images.setdefault("value" if signed else "open (0 to 1)", ([], image))[0].append(axis)
    grid[0, 0].set(ylabel="units, sorted in each panel", yticks=[])
    for name, (axes, image) in images.items():
        bar = figure.colorbar(image, ax=axes, location="bottom", aspect=5 + 6 * len(axes))
        bar.set_label(name)
    return grid[0, 0]


def unit_curves(
    units: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]], frames: Mapping[str, Tensor]
) -> Axes:
    """What single units do while the frames are read: a column for each unit, the frames below.

    Args:
        units: title of the column -> what the panel shows -> name of the line -> values (T,).
            Each panel has its own vertical axis, a gate from 0 to 1, and a dotted line at zero if
            that is inside.
        frames: name of the line -> its clip (T, 3, H, W), uint8.
    """
    rows = list(next(iter(units.values())))
    heights = [1.25] * len(rows) + [0.24] * len(frames)
    figure, grid = grid_of(
        len(heights),
        len(units),
        sum(heights) + 1.1,
        height_ratios=heights,
        layout="constrained",
        sharex=True,
    )
    for column, (title, panels) in zip(grid.T, units.items(), strict=True):
        column[0].set_title(title)
        for axis, (row, lines) in zip(column, panels.items(), strict=False):
            for (name, values), colour in zip(lines.items(), OTHERS, strict=False):
                at = range(1, len(values) + 1)
                axis.plot(at, values, "o-", ms=4, lw=1.8, color=colour, label=name)
            if row.endswith("gate"):
                axis.set_ylim(0, 1.05)
            low, high = axis.get_ylim()
            if low < 0 < high:
                axis.axhline(0, color=COLOURS["ink"], lw=1, ls=":")
            if axis in grid[:, 0]:
                axis.set_ylabel(row)
        for axis, (name, clip) in zip(column[len(rows) :], frames.items(), strict=True):
            _strip(axis, clip, name if axis in grid[:, 0] else "")
        column[-1].set(xlabel="frame read", xticks=range(1, len(clip) + 1))
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    figure.align_ylabels(grid[: len(rows), 0])
    return grid[0, 0]


def _strip(axis: Axes, clip: Tensor, name: str) -> None:
    """The frames of a clip (T, 3, H, W) side by side, each above its number."""
    T, gap = len(clip), clip.shape[3] // 20
    apart = pad(clip, (gap, gap), value=255)  # (T, 3, H, W + 2 * gap)
    shown = apart.permute(2, 0, 3, 1).flatten(1, 2).numpy()  # (H, T * (W + 2 * gap), 3)
    axis.imshow(shown, extent=(0.5, T + 0.5, 0, 1), aspect="auto")
    axis.set_yticks([0.5], [name])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
