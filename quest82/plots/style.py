"""What all figures share: their colours, their width, and how panels and legends are set."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import cast

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = {"mean": "#0072B2", "lstm": "#D55E00", "control": "#8A8A8A", "ink": "#222222"}
# For all that is neither: green, purple, orange, sky blue.
OTHERS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Where there are many, and neither the mean nor the LSTM is among them.
PALETTE = (COLOURS["control"], *OTHERS, COLOURS["lstm"], COLOURS["mean"])
WIDTH_INCHES = 7.0
DPI = 110


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
    figure.savefig(path, bbox_inches="tight")
    plt.close(figure)


def single(height_inches: float) -> tuple[plt.Figure, Axes]:
    """A figure of one panel, as wide as the page."""
    figure, axes = plt.subplots(figsize=(WIDTH_INCHES, height_inches), dpi=DPI, facecolor="white")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def panels_of(
    columns: int, height_inches: float, *, layout: str | None = None
) -> tuple[plt.Figure, np.ndarray]:
    """A row of panels with a common vertical axis."""
    figure, axes = grid_of(1, columns, height_inches, sharey=True, layout=layout)
    return figure, axes[0]


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


def name_rows(axis: Axes, names: Collection[str]) -> None:
    """A name to the left of each row, without a tick."""
    axis.set_yticks(range(len(names)), list(names))
    axis.tick_params(axis="y", length=0)


def legend_above(axis: Axes, *, columns: int = 2) -> None:
    """A legend outside the panel, at its upper right corner."""
    axis.legend(frameon=False, fontsize=9, ncols=columns, loc="lower right", bbox_to_anchor=(1, 1))


def open_panel(axis: Axes, title: str) -> None:
    """A title above on the left, and no frame above and on the right."""
    axis.set_title(title, fontsize=10, loc="left")
    axis.spines[["top", "right"]].set_visible(False)
