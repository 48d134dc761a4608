"""The figure of what happens when: a row of bars for the truth, and one for each way to find it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from .style import PALETTE, name_rows, single

Bar = tuple[float, float, int, float]  # start and end in seconds, number of the class, score
_COLOURS = PALETTE[1:]  # grey is for controls
_ROW_INCHES, _AXIS_INCHES, _KEY_INCHES = 0.34, 0.55, 0.25
_KEY_COLUMNS = 3
_FAINTEST = 0.25


def segment_rows(
    rows: Mapping[str, Sequence[Bar]], classes: Sequence[str], *, seconds: float
) -> Axes:
    """Bars over time, a row for each way, a colour for each class; the less sure, the fainter.

    Args:
        rows: name of a row -> its segments; scores from 0 to 1.
        classes: names of the classes; from the seventh on, colours come again, hatched.
        seconds: length of the video.
    """
    key_rows = -(-len(classes) // _KEY_COLUMNS)
    height = _ROW_INCHES * len(rows) + _AXIS_INCHES + _KEY_INCHES * key_rows
    _, axes = single(height)
    for row, bars in enumerate(rows.values()):
        for start, end, label, score in sorted(bars, key=lambda bar: bar[3]):
            alpha = _FAINTEST + (1 - _FAINTEST) * min(max(score, 0), 1)
            extent = [(start, end - start)]
            axes.broken_barh(extent, (row - 0.36, 0.72), alpha=alpha, **_look(label))
    name_rows(axes, list(rows))
    axes.set(xlim=(0, seconds), ylim=(len(rows) - 0.4, -0.6), xlabel="time (s)")
    handles = [Patch(label=name, **_look(label)) for label, name in enumerate(classes)]
    axes.legend(
        handles=handles,
        ncols=_KEY_COLUMNS,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderpad=0,
    )
    return axes


def _look(label: int) -> dict:
    hatch = "" if label < len(_COLOURS) else "////"
    return {
        "facecolor": _COLOURS[label % len(_COLOURS)],
        "edgecolor": "white",
        "linewidth": 0.5,
        "hatch": hatch,
    }
