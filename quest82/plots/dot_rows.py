"""Many numbers of few kinds: where do they lie, and how far apart?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from .style import COLOURS, colours_of, name_rows, single


def dot_rows(rows: Mapping[str, Sequence[float]], *, x: str, level: float | None = None) -> Axes:
    """Numbers as dots on one axis, a row for each kind, the first above.

    Args:
        rows: name of the row -> its numbers; dots that lie over one another are darker.
        x: what the numbers are, with their unit.
        level: a dotted line from above to below, such as chance.
    """
    _, axes = single(0.4 * len(rows) + 0.7)
    if level is not None:
        axes.axvline(level, color=COLOURS["ink"], lw=1, ls=":")
    colours = colours_of(rows)
    for at, (name, values) in enumerate(rows.items()):
        axes.plot(values, [at] * len(values), "o", ms=8, color=colours[name], alpha=0.6, mew=0)
    name_rows(axes, rows)
    axes.set(xlabel=x, ylim=(len(rows) - 0.4, -0.6))
    return axes
