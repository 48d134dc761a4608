"""Bars of several models for each of several rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .style import COLOURS, TEXT_POINTS, colour_of, grid_of, in_lines, name_rows, single


def grouped_bars(
    values: Mapping[str, Mapping[str, float]], *, x: str, colours: Mapping[str, str] = COLOURS
) -> Axes:
    """Horizontal bars of several models below one another, one group of bars for each row.

    Args:
        values: name of the model -> name of the row -> length; all models have the same rows.
        x: what the lengths are, with their unit.
        colours: of the models, by name or by its lower case; grey where there is none.
    """
    rows = list(next(iter(values.values())))
    figure, axes = single(max(0.32, 0.18 * len(values)) * len(rows) + 1.1)
    _groups(axes, values, colours)
    figure.supxlabel(in_lines(x, 1), fontsize=TEXT_POINTS)
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))
    if any(values):
        figure.legend(loc="outside upper right", ncols=2)
    return axes


def grouped_panels(
    panels: Mapping[str, Mapping[str, Mapping[str, float]]],
    *,
    x: str,
    colours: Mapping[str, str] = COLOURS,
    levels: Mapping[str, float] | None = None,
) -> Axes:
    """Panels of `grouped_bars` below one another, on one scale.

    Args:
        panels: title -> name of the model -> name of the row -> length; all panels have the same
            models, and all models of a panel the same rows.
        x: what the lengths are, with their unit.
        colours: of the models, by name or by its lower case; grey where there is none.
        levels: name of the model -> a dotted line in its colour, such as chance.
    """
    heights = [len(next(iter(values.values()))) + 1.2 for values in panels.values()]
    inches = 0.36 * sum(heights) + 0.9
    options = {"height_ratios": heights, "layout": "constrained", "sharex": True}
    figure, grid = grid_of(len(panels), 1, inches, **options)
    for axes, (title, values) in zip(grid[:, 0], panels.items(), strict=True):
        for name, level in (levels or {}).items():
            axes.axvline(level, color=colour_of(name, colours), lw=1.5, ls=":", zorder=0)
        _groups(axes, values, colours)
        axes.set_title(title)
        axes.margins(x=0.08)
    figure.supxlabel(in_lines(x, 1), fontsize=TEXT_POINTS)
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=2)
    return grid[0, 0]


def _groups(
    axes: Axes, values: Mapping[str, Mapping[str, float]], colours: Mapping[str, str]
) -> None:
    """The bars of one panel, with their values beside them."""
    rows, thick = list(next(iter(values.values()))), 0.8 / len(values)
    for i, (name, lengths) in enumerate(values.items()):
        at = np.arange(len(rows)) + (i - (len(values) - 1) / 2) * thick
        drawn = axes.barh(
            at, list(lengths.values()), thick, color=colour_of(name, colours), label=name
        )
        axes.bar_label(drawn, padding=3)
    name_rows(axes, rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)
