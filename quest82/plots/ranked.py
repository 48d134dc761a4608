"""Many accuracies of few kinds, in their order."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .style import COLOURS, colours_of, name_rows, single


def ranked(
    kinds: Mapping[str, Mapping[str, tuple[float, float, float]]], *, chance: float = 0.5
) -> Axes:
    """Accuracies as dots with their intervals, the best above, each kind in its colour.

    Args:
        kinds: name of the kind -> name of the model -> (accuracy, lower end, upper end), in [0, 1].
        chance: a dotted line.
    """
    rows = [(name, kind) for kind, results in kinds.items() for name in results]
    rows.sort(key=lambda row: -kinds[row[1]][row[0]][0])
    figure, axes = single(0.26 * len(rows) + 0.9)
    colours = colours_of(kinds)
    axes.axvline(100 * chance, color=COLOURS["ink"], lw=1, ls=":")
    for at, (name, kind) in enumerate(rows):
        value, low, high = (100 * end for end in kinds[kind][name])
        axes.plot([low, high], [at, at], lw=2.5, color=colours[kind], solid_capstyle="butt")
        axes.plot(value, at, "o", ms=6, color=colours[kind])
        axes.text(102, at, f"{value:.0f}", va="center", ha="right")
    name_rows(axes, [name for name, _ in rows])
    axes.set(xlim=(38, 103), ylim=(len(rows) - 0.4, -0.6), xlabel="accuracy (%)")
    marks = [Line2D([], [], marker="o", ls="", color=c, label=kind) for kind, c in colours.items()]
    figure.legend(handles=marks, loc="outside upper right", ncols=2)
    return axes
