"""Two models on the same rows: a dot of each, and a line from one to the other."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes

from .style import COLOURS, TEXT_POINTS, colours_of, in_lines, name_rows, single

_MARKS = (("o", 8), ("D", 5))  # one of them is seen inside the other where both are equal


def paired_dots(values: Mapping[str, Mapping[str, float]], *, x: str) -> Axes:
    """Two models' values on each row as dots with a line between them, the longest lead on top.

    Args:
        values: name of the model -> name of the row -> value, for two models; the rows are sorted
            by how far the first model is ahead.
        x: what the values are, with their unit.
    """
    (_, first), (_, second) = values.items()
    rows = sorted(first, key=lambda row: second[row] - first[row])
    figure, axes = single(0.27 * len(rows) + 1.2)
    for at, row in enumerate(rows):
        axes.plot([first[row], second[row]], [at, at], lw=2, color=COLOURS["control"])
    colours = colours_of(values)
    for (name, found), (mark, size) in zip(values.items(), _MARKS, strict=True):
        xs = [found[row] for row in rows]
        axes.plot(xs, range(len(rows)), mark, ms=size, color=colours[name], label=name)
    name_rows(axes, rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    figure.supxlabel(in_lines(x, 1), fontsize=TEXT_POINTS)
    figure.legend(loc="outside upper right", ncols=2)
    return axes
