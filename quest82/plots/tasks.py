"""The figure of what can be asked of a video, and what an answer looks like, over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from .style import COLOURS, OTHERS, name_rows, single

_GREEN, _PURPLE, _ORANGE, _SKY = OTHERS
_ROW_INCHES, _AXIS_INCHES = 0.5, 0.3


def _label(axes: Axes, row: int) -> None:
    axes.broken_barh([(0, 10)], (row - 0.28, 0.56), color=_SKY)
    axes.text(5, row, "“opens a door”", ha="center", va="center")


def _segments(axes: Axes, row: int) -> None:
    for start, end, colour, name in ((1, 3.4, _GREEN, "opens"), (5.6, 8.6, _ORANGE, "closes")):
        axes.broken_barh([(start, end - start)], (row - 0.28, 0.56), color=colour)
        axes.text((start + end) / 2, row, name, ha="center", va="center")


def _points(axes: Axes, row: int) -> None:
    axes.plot([1.6, 6.3], [row, row], "v", ms=9, color=_PURPLE)
    for at, name in ((1.6, "latch"), (6.3, "latch")):
        axes.text(at + 0.25, row, name, va="center")


def _early(axes: Axes, row: int) -> None:
    seen, sure = np.linspace(0, 5, 60), 1 / (1 + np.exp(-2 * (np.linspace(0, 5, 60) - 2.4)))
    axes.fill_between(seen, row + 0.28, row + 0.28 - 0.56 * sure, color=_ORANGE, lw=0)
    axes.axvspan(5, 10, *_share(axes, row), color=COLOURS["control"], alpha=0.25, lw=0)
    axes.text(7.5, row, "not seen yet", ha="center", va="center")


def _sentence(axes: Axes, row: int) -> None:
    for at, word in enumerate(("a", "purple", "door", "is", "opened", "slowly")):
        axes.text(0.3 + 1.75 * at, row, word, va="center", bbox=_BOX)


def _boxes(axes: Axes, row: int) -> None:
    for at in range(10):
        axes.add_patch(Rectangle((at + 0.08, row - 0.3), 0.84, 0.6, fc="white", ec="#BBBBBB"))
        left, top = at + 0.15 + 0.05 * at, row - 0.22 + 0.02 * at
        axes.add_patch(Rectangle((left, top), 0.28, 0.3, fill=False, ec=_GREEN, lw=1.8))


_BOX = {"facecolor": "white", "edgecolor": _PURPLE, "boxstyle": "round,pad=0.25"}
_KINDS: dict[str, Callable[[Axes, int], None]] = {
    "label": _label,
    "segments": _segments,
    "points": _points,
    "early": _early,
    "sentence": _sentence,
    "boxes": _boxes,
}


def task_rows(questions: Mapping[str, str]) -> Axes:
    """A row for each question: its answer to one video of ten seconds.

    Args:
        questions: the question -> the kind of its answer: "label", "segments", "points", "early",
            "sentence" or "boxes".

    Raises:
        KeyError: if there is no such kind of answer.
    """
    _, axes = single(_ROW_INCHES * len(questions) + _AXIS_INCHES)
    axes.set(xlim=(0, 10), ylim=(len(questions) - 0.5, -0.5))
    for row, kind in enumerate(questions.values()):
        _KINDS[kind](axes, row)
    name_rows(axes, list(questions))
    axes.spines["left"].set_visible(False)
    axes.set_xticks(range(0, 11, 2))
    axes.set_xlabel("time (s)")
    return axes


def _share(axes: Axes, row: int) -> tuple[float, float]:
    """The lower and upper end of a row, as shares of the height of the axes."""
    bottom, top = axes.get_ylim()
    return (row + 0.28 - bottom) / (top - bottom), (row - 0.28 - bottom) / (top - bottom)
