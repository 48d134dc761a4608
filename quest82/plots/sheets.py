"""Images in rows: where each of them stands on the page."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from .style import WIDTH_INCHES, empty

_MOST_ABREAST = 8  # images in a line, on a phone
_WIDEST, _GAP, _TEXT = 1.5, 0.03, 0.2  # inches


def sheet(
    names: Sequence[str],
    columns: int,
    *,
    ratio: float = 1.0,
    titles: Sequence[str] = (),
    top: float = 0.0,
    right: float = 0.0,
    bottom: float = 0.0,
) -> tuple[plt.Figure, list[list[Axes]]]:
    """Places for images: a row for each name, which stands above it; long rows in several lines.

    Args:
        names: of the rows; all may be empty.
        columns: images in a row.
        ratio: height of an image, in widths.
        titles: a text below each column, if the rows are of one line.
        top: inches to leave free above.
        right: the same on the right.
        bottom: the same below.

    Returns:
        The figure, and for each row its panels, without ticks.
    """
    lines = -(-columns // _MOST_ABREAST)
    abreast = -(-columns // lines)
    width = min((WIDTH_INCHES - right) / abreast, _WIDEST)
    head = _TEXT if any(names) else 0.0
    row_height = head + lines * width * ratio + _GAP
    bottom += _TEXT if titles else 0.0
    height = top + len(names) * row_height + bottom
    figure = empty(height)
    rows: list[list[Axes]] = []
    for row, name in enumerate(names):
        upper = height - top - row * row_height - head
        rows.append([])
        for k in range(columns):
            line, column = divmod(k, abreast)
            left, low = column * width, upper - (line + 1) * width * ratio
            size = width - _GAP, width * ratio - _GAP
            axis = figure.add_axes(
                (left / WIDTH_INCHES, low / height, size[0] / WIDTH_INCHES, size[1] / height)
            )
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            rows[-1].append(axis)
        rows[-1][0].set_title(name, pad=3)
    for axis, title in zip(rows[-1], titles, strict=False):
        axis.set_xlabel(title, labelpad=3)
    return figure, rows
