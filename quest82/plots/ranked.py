"""Many accuracies of few kinds, in their order."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .style import COLOURS, colours_of, interval_dot, single


def ranked(
    kinds: Mapping[str, Mapping[str, tuple[float, float, float]]],
    *,
    chance: float = 0.5,
    apart: bool = False,
) -> Axes:
    """Accuracies as dots with their intervals, the best above, each kind in its colour.

    Args:
        kinds: name of the kind -> name of the model -> (accuracy, lower end, upper end), in [0, 1].
        chance: a dotted line.
        apart: keep the order given, with a gap between kinds.
    """
    rows = [(name, kind) for kind, results in kinds.items() for name in results]
    if not apart:
        rows.sort(key=lambda row: -kinds[row[1]][row[0]][0])
    gaps = [0.7 * list(kinds).index(kind) if apart else 0.0 for _, kind in rows]
    places = [row + gap for row, gap in enumerate(gaps)]
    figure, axes = single(0.26 * places[-1] + 1.16)
    colours = colours_of(kinds)
    axes.axvline(100 * chance, color=COLOURS["ink"], lw=1, ls=":")
    for at, (name, kind) in zip(places, rows, strict=True):
        ends = [100 * end for end in kinds[kind][name]]
        interval_dot(axes, at, ends, colours[kind], size=6, value_above=False)
        axes.text(102, at, f"{ends[0]:.0f}", va="center", ha="right")
    axes.set_yticks(places, [name for name, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(38, 103), ylim=(places[-1] + 0.6, -0.6), xlabel="accuracy (%)")
    marks = [Line2D([], [], marker="o", ls="", color=c, label=kind) for kind, c in colours.items()]
    figure.legend(handles=marks, loc="outside upper right", ncols=2)
    return axes
