"""What all figures share: their colours, their width, and how panels and legends are set."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any, cast

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = {"mean": "#0072B2", "lstm": "#D55E00", "control": "#8A8A8A", "ink": "#222222"}
# For all that is neither: green, purple, orange, sky blue.
OTHERS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Where there are many, and neither the mean nor the LSTM is among them.
PALETTE = (COLOURS["control"], *OTHERS, COLOURS["lstm"], COLOURS["mean"])
# A phone shows a figure about 330 pixels wide: text of 10 points is then still 9 pixels high.
WIDTH_INCHES = 4.9
TEXT_POINTS = 10
DPI = 150  # of the images in a figure
PER_ROW = 2  # panels, on a phone

_TEXTS = ("axes.titlesize", "axes.labelsize", "xtick.labelsize", "ytick.labelsize")
_INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
_LOOK: dict[Any, Any] = {
    **dict.fromkeys(("font.size", *_TEXTS, "legend.fontsize"), TEXT_POINTS),
    **dict.fromkeys(_INKED, COLOURS["ink"]),
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.handlelength": 1.2,
    "legend.columnspacing": 1.2,
    "savefig.pad_inches": 0.03,
    "svg.hashsalt": "quest82",
}
_UNDATED: dict[Any, Any] = {"Date": None, "Creator": None}  # the same figure is the same file


def set_look() -> None:
    """One look for every figure; notebooks get drawings (SVG), sharp at any size."""
    mpl.rcParams.update(_LOOK)
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None:
        from matplotlib_inline.config import InlineBackend

        backend = InlineBackend.instance(parent=shell)
        options: dict[str, Any] = {"bbox_inches": "tight", "metadata": _UNDATED}
        backend.print_figure_kwargs = options
        backend.figure_formats = {"svg"}


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """A colour for each of several models: its own on every page, or the next of the palette."""
    names = list(dict.fromkeys(names))
    others = itertools.cycle(OTHERS)
    return {name: COLOURS.get(name.lower()) or next(others) for name in names}


def colour_of(name: str, colours: Mapping[str, str]) -> str:
    """A model's colour, by its name or that in lower case; grey where there is none."""
    return colours.get(name) or colours.get(name.lower()) or COLOURS["control"]


def save(axes: Axes, path: str | Path) -> None:
    """Write the whole figure that some axes belong to into a file, and close it."""
    figure = cast(Figure, axes.figure)
    undated = _UNDATED if Path(path).suffix == ".svg" else None
    figure.savefig(path, bbox_inches="tight", metadata=undated)
    plt.close(figure)


def empty(height_inches: float) -> plt.Figure:
    """A figure as wide as the page, with nothing on it yet."""
    return plt.figure(figsize=(WIDTH_INCHES, height_inches), dpi=DPI, facecolor="white")


def single(height_inches: float) -> tuple[plt.Figure, Axes]:
    """A figure of one panel, as wide as the page."""
    figure = empty(height_inches)
    figure.set_layout_engine("constrained")
    return figure, figure.add_subplot()


def panels_of(
    number: int, height_inches: float, *, columns: int = PER_ROW, sharey: bool = True
) -> tuple[plt.Figure, list[Axes]]:
    """Panels in rows of so many, each row so high, with a common vertical axis if not told else."""
    rows, columns = -(-number // columns), min(columns, number)
    height = rows * height_inches
    figure, grid = grid_of(rows, columns, height, sharey=sharey, layout="constrained")
    for axis in grid.flat[number:]:
        axis.remove()
    return figure, list(grid.flat[:number])


def grid_of(
    rows: int, columns: int, height_inches: float, **options
) -> tuple[plt.Figure, np.ndarray]:
    """Panels in rows and columns, as wide as the page; options as of `plt.subplots`."""
    return plt.subplots(
        rows,
        columns,
        figsize=(WIDTH_INCHES, height_inches),
        dpi=DPI,
        squeeze=False,
        facecolor="white",
        **options,
    )


def label_rows(axes: Sequence[Axes], text: str, *, columns: int = PER_ROW) -> None:
    """What the common vertical axis shows, beside each row of panels."""
    for axis in axes[::columns]:
        axis.set_ylabel(in_lines(text, PER_ROW))


def in_lines(text: str, panels: int) -> str:
    """A text broken into lines that fit a panel, of which there may be two in a row."""
    return "\n".join(wrap(text, 26 if panels > 1 else 56))


def name_rows(axis: Axes, names: Collection[str]) -> None:
    """A name to the left of each row, without a tick."""
    axis.set_yticks(range(len(names)), list(names))
    axis.tick_params(axis="y", length=0)


def interval_dot(
    axis: Axes,
    row: float,
    ends: Sequence[float],
    colour: str,
    *,
    size: float = 7,
    value_above: bool = True,
) -> None:
    """A number as a dot with its interval in a row, and in words above it.

    Args:
        axis: where it goes.
        row: its height.
        ends: the number, and the lower and the upper end of its interval.
        colour: of all.
        size: of the dot, in points.
        value_above: False for no words.
    """
    value, low, high = ends
    axis.plot([low, high], [row, row], lw=2.5, color=colour, solid_capstyle="butt")
    axis.plot(value, row, "o", ms=size, color=colour, zorder=4, clip_on=False)
    if value_above:
        axis.annotate(
            f"{value:.0f}",
            (value, row),
            (0, 6),
            textcoords="offset points",
            ha="center",
            color=colour,
            bbox={"color": "white", "pad": 0.5},
        )


def legend_above(axis: Axes, *, columns: int = 2) -> None:
    """A legend outside the panel, at its upper right corner."""
    axis.legend(ncols=columns, loc="lower right", bbox_to_anchor=(1, 1))
