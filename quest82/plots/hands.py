"""Figures of a hand's way through the frame: where it begins, which way it goes, where it ends."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from .sheets import sheet
from .style import COLOURS, OTHERS, label_rows, panels_of

_FULL = "#9A9A9A"  # the way with all its points, behind the few


def tracks(rows: Mapping[str, Mapping[str, np.ndarray]]) -> Axes:
    """Ways through the frame in small panels, all of one scale, each in the middle of its panel.

    A white dot is the start and a full one the end; arrowheads point forwards in time.

    Args:
        rows: name of the row -> title of the panel -> points (T, 2); titles are those of the
            first row.
    """
    ways = [way for panels in rows.values() for way in panels.values()]
    reach = 0.62 * max(float(np.ptp(way, axis=0).max()) for way in ways)
    first = next(iter(rows.values()))
    figure, grid = sheet(list(rows), len(first), titles=list(first), top=0.3)
    for panels, drawn in zip(grid, rows.values(), strict=True):
        for axis, way in zip(panels, drawn.values(), strict=True):
            x, y = (way.min(axis=0) + way.max(axis=0)) / 2
            axis.set(xlim=(x - reach, x + reach), ylim=(y - reach, y + reach))
            axis.spines[:].set_visible(True)
            axis.plot(*way.T, ".-", ms=4, lw=1, color=OTHERS[0])
            _heads(axis, way, reach)
            axis.plot(*way[0], "o", ms=7, color=COLOURS["ink"], mfc="white", label="start")
            axis.plot(*way[-1], "o", ms=7, color=COLOURS["ink"], label="end")
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="upper right", ncols=2)
    return grid[0][0]


def _heads(axis: Axes, way: np.ndarray, reach: float) -> None:
    """Arrowheads on the steps that pass each quarter of a way; one on a short way."""
    lengths = np.linalg.norm(np.diff(way, axis=0), axis=1).cumsum()
    for share in (0.25, 0.5, 0.75) if lengths[-1] > 2 * reach else (0.5,):
        step = int((lengths >= share * lengths[-1]).argmax())
        head = {"arrowstyle": "-|>", "color": COLOURS["ink"], "mutation_scale": 12}
        axis.annotate("", way[step + 1], way[step], arrowprops=head)


def numbered(panels: Mapping[str, np.ndarray], *, full: np.ndarray) -> Axes:
    """A way in few points, numbered in their order; a cross is their centre.

    Args:
        panels: title -> points (T, 2). They are not joined: we would see only jumps.
        full: the same way in more points (P, 2), as a thin line behind.
    """
    _, axes = panels_of(len(panels), 3.9)
    for axis, (title, points) in zip(axes, panels.items(), strict=True):
        axis.plot(*full.T, lw=1, color=_FULL)
        axis.plot(*points.mean(axis=0), "+", ms=12, mew=2, color=COLOURS["ink"])
        for number, (x, y) in enumerate(points, start=1):
            axis.plot(x, y, "o", ms=14, color=OTHERS[0], mfc="white", mew=1.4)
            axis.text(x, y, str(number), ha="center", va="center_baseline", zorder=9)
        axis.set(title=title, aspect="equal", xlabel="across")
        axis.margins(0.1)
    label_rows(axes, "up (share of the frame)")
    return axes[0]
