"""Many numbers of few kinds: where do they lie, and how far apart?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from .style import COLOURS, colours_of, interval_dot, name_rows, single


def dot_rows(
    rows: Mapping[str, Sequence[float]],
    *,
    x: str,
    level: float | None = None,
    means: Mapping[str, tuple[float, float, float]] | None = None,
) -> Axes:
    """Numbers as dots on one axis, a row for each kind, the first above.

    Args:
        rows: name of the row -> its numbers; dots that lie over one another are darker.
        x: what the numbers are, with their unit.
        level: a dotted line from above to below, such as chance.
        means: name of the row -> (mean, lower end, upper end): a large dot with its value above it
            and a bar; the numbers are then small dots upon them.
    """
    _, axes = single(0.4 * len(rows) + 0.7)
    if level is not None:
        axes.axvline(level, color=COLOURS["ink"], lw=1, ls=":")
    colours = colours_of(rows) if means is None else dict.fromkeys(rows, COLOURS["ink"])
    size, top = (8, -0.6) if means is None else (4.5, -0.9)
    for at, (name, values) in enumerate(rows.items()):
        if means is not None:
            interval_dot(axes, at, means[name], COLOURS["mean"], size=9)
        at_row, colour = [at] * len(values), colours[name]
        axes.plot(values, at_row, "o", ms=size, color=colour, alpha=0.6, mew=0, zorder=5)
    name_rows(axes, rows)
    axes.set(xlabel=x, ylim=(len(rows) - 0.4, top))
    return axes
