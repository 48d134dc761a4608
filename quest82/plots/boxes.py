"""Frames with boxes drawn on them."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from torch import Tensor

from .sheets import sheet
from .style import COLOURS, OTHERS


def boxes_sheet(
    rows: Mapping[str, tuple[Tensor, Mapping[str, Tensor]]], *, colours: Mapping[str, str] = COLOURS
) -> Axes:
    """Clips in rows, with a box of each name in every frame.

    Args:
        rows: name of the row -> (uint8 frames (T, 3, H, W), and for each name boxes (T, 4): left,
            top, right, bottom in pixels; NaN for none). A name has one colour in all rows.
        colours: of the names; the next of the palette where there is none.
    """
    T, _, H, W = next(iter(rows.values()))[0].shape
    names = list(dict.fromkeys(name for _, boxes in rows.values() for name in boxes))
    palette = dict(zip(names, (*OTHERS[2:], *OTHERS[:2]), strict=False))
    colours = {name: colours.get(name, colour) for name, colour in palette.items()}
    figure, axes = sheet(list(rows), T, ratio=H / W, top=0.3)
    for line, (frames, boxes) in zip(axes, rows.values(), strict=True):
        for t, axis in enumerate(line):
            axis.imshow(frames[t].permute(1, 2, 0).numpy(), extent=(0, W, H, 0))
            for name, own in boxes.items():
                _draw(axis, own[t].tolist(), colours[name])
    _legend(figure, colours)
    return axes[0][0]


def _draw(axis: Axes, box: list[float], colour: str) -> None:
    left, top, right, bottom = box
    if left == left:  # not NaN
        size = right - left, bottom - top
        axis.add_patch(Rectangle((left, top), *size, fill=False, edgecolor=colour, linewidth=1.1))


def _legend(figure: plt.Figure, colours: Mapping[str, str]) -> None:
    marks = [Line2D([], [], color=colour, lw=2, label=name) for name, colour in colours.items()]
    figure.legend(handles=marks, loc="upper left", bbox_to_anchor=(0, 1), ncols=len(marks))
