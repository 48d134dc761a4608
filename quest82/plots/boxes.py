"""Frames with boxes drawn on them."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from torch import Tensor

from .style import OTHERS, WIDTH_INCHES, grid_of


def boxes_sheet(rows: Mapping[str, tuple[Tensor, Mapping[str, Tensor]]]) -> Axes:
    """Clips in rows, with a box of each name in every frame.

    Args:
        rows: name of the row -> (uint8 frames (T, 3, H, W), and for each name boxes (T, 4): left,
            top, right, bottom in pixels; NaN for none). A name has one colour in all rows.
    """
    T, left, top = len(next(iter(rows.values()))[0]), 1.0, 0.3
    names = list(dict.fromkeys(name for _, boxes in rows.values() for name in boxes))
    colours = dict(zip(names, (*OTHERS[2:], *OTHERS[:2]), strict=False))
    height = (WIDTH_INCHES - left) / T * len(rows) + top
    figure, axes = grid_of(len(rows), T, height)
    for line, (title, (frames, boxes)) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(title, fontsize=9, rotation=0, ha="right", va="center")
        for t, axis in enumerate(line):
            H, W = frames.shape[2:]
            axis.imshow(frames[t].permute(1, 2, 0).numpy(), extent=(0, W, H, 0))
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            for name, own in boxes.items():
                _draw(axis, own[t].tolist(), colours[name])
    figure.subplots_adjust(left / WIDTH_INCHES, 0, 1, 1 - top / height, 0.04, 0.04)
    _legend(figure, colours)
    return axes[0, 0]


def _draw(axis: Axes, box: list[float], colour: str) -> None:
    left, top, right, bottom = box
    if left == left:  # not NaN
        size = right - left, bottom - top
        axis.add_patch(Rectangle((left, top), *size, fill=False, edgecolor=colour, linewidth=1.6))


def _legend(figure: plt.Figure, colours: Mapping[str, str]) -> None:
    marks = [Line2D([], [], color=colour, lw=2, label=name) for name, colour in colours.items()]
    figure.legend(handles=marks, loc="upper right", ncols=len(marks), frameon=False, fontsize=9)
