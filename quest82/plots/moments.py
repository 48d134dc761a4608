"""The figure of a long video: its frames in a row, and below them what a model says when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from .style import COLOURS, OTHERS, WIDTH_INCHES, empty

_LEFT, _LINES, _BAND, _BOTTOM = 0.6, 2.0, 0.16, 0.45  # inches, as the next two
_KEY_ROW, _LARGEST = 0.2, 1.0
_KEY_COLUMNS = 3
_DASHES = ("-", "--")
_MOST_NAMED = len(OTHERS) * len(_DASHES)
_FAINT = "#CFCFCF"


def over_time(
    windows: Sequence[tuple[float, float]],
    probabilities: np.ndarray,
    classes: Sequence[str],
    thumbnails: Mapping[float, Tensor],
    *,
    unlike: Sequence[bool],
) -> Axes:
    """The probability of each class over time, below frames, above a band of the answers.

    The eight classes that are ever most probable have a name and a colour or dash of their own, the
    others are grey.

    Args:
        windows: N pairs of start and end, in seconds.
        probabilities: (N, K), of each class in each window; drawn at the windows' middles.
        classes: the K names.
        thumbnails: seconds -> uint8 frame (3, H, W).
        unlike: for each window whether the answer is rather none of the classes; white in the band.

    Returns:
        The panel of the lines; the band is the next one of its figure.
    """
    end, inches = windows[-1][1], WIDTH_INCHES - _LEFT
    middles_of = {inches * min(seconds / end, 1): thumbnails[seconds] for seconds in thumbnails}
    gaps = np.diff(sorted(middles_of))
    side = min(_LARGEST, *gaps) if len(gaps) else _LARGEST
    key = _KEY_ROW * -(-min(len(classes), _MOST_NAMED) // _KEY_COLUMNS)
    height = side + key + _LINES + _BAND + _BOTTOM + 0.2
    figure = empty(height)
    for middle, frame in middles_of.items():
        _show(figure, frame, middle, side)
    lines = _panel(figure, _BOTTOM + _BAND + 0.1, _LINES)
    band = _panel(figure, _BOTTOM, _BAND)
    styles = _styles(probabilities)
    middles = [(start + stop) / 2 for start, stop in windows]
    _draw_lines(lines, middles, probabilities, classes, styles)
    _draw_band(band, windows, probabilities.argmax(axis=1), styles, unlike)
    lines.set(xlim=(0, end), ylim=(0, 1.02), ylabel="probability", xticklabels=[])
    time = "time (s); white: none of these" if any(unlike) else "time (s)"
    band.set(xlim=(0, end), ylim=(0, 1), yticks=[], xlabel=time)
    return lines


def _panel(figure: Figure, bottom: float, height: float) -> Axes:
    """A panel as wide as the page, so many inches above the lower edge."""
    width, whole = figure.get_size_inches()
    return figure.add_axes((_LEFT / width, bottom / whole, 1 - _LEFT / width, height / whole))


def _show(figure: Figure, frame: Tensor, middle: float, side: float) -> None:
    """A frame at the upper edge; its middle so many inches right of where time begins."""
    width, height = figure.get_size_inches()
    left = min(max(_LEFT + middle - side / 2, _LEFT), width - side)
    cell = figure.add_axes(
        (left / width, 1 - side / height, 0.96 * side / width, 0.96 * side / height)
    )
    cell.imshow(frame.permute(1, 2, 0).numpy())
    cell.set_axis_off()


def _styles(probabilities: np.ndarray) -> dict[int, tuple[str, str]]:
    """Colour and dash of the classes that are shown by name, those with the highest peak."""
    peaks = probabilities.max(axis=0)
    named = np.argsort(-peaks, kind="stable")[:_MOST_NAMED]
    pairs = [(colour, dash) for dash in _DASHES for colour in OTHERS]
    return dict(zip(sorted(named.tolist()), pairs, strict=False))


def _draw_lines(
    axes: Axes,
    middles: Sequence[float],
    probabilities: np.ndarray,
    classes: Sequence[str],
    styles: Mapping[int, tuple[str, str]],
) -> None:
    marker = "o" if len(middles) < 2 else ""
    for k, name in enumerate(classes):
        colour, dash = styles.get(k, (_FAINT, "-"))
        label = name if k in styles else "_"
        axes.plot(
            middles, probabilities[:, k], dash, color=colour, lw=1.4, marker=marker, label=label
        )
    axes.legend(
        ncols=_KEY_COLUMNS,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderpad=0,
    )


def _draw_band(
    axes: Axes,
    windows: Sequence[tuple[float, float]],
    answers: np.ndarray,
    styles: Mapping[int, tuple[str, str]],
    unlike: Sequence[bool],
) -> None:
    """Each window's answer from half-way to the one before it to half-way to the next."""
    middles = np.array([(start + end) / 2 for start, end in windows])
    borders = [windows[0][0], *((middles[1:] + middles[:-1]) / 2), windows[-1][1]]
    for k in np.unique(answers):
        colour, dash = styles.get(int(k), (COLOURS["control"], "-"))
        rows = [n for n in np.flatnonzero(answers == k).tolist() if not unlike[n]]
        spans = [(borders[n], borders[n + 1] - borders[n]) for n in rows]
        hatch = "" if dash == "-" else "////"
        edge = "white" if hatch else colour  # of the hatches, or against seams between stretches
        axes.broken_barh(
            spans,
            (0, 1),
            facecolor=colour,
            edgecolor=edge,
            hatch=hatch,
            linewidth=0 if hatch else 0.5,
        )
    axes.spines[["left"]].set_visible(False)
