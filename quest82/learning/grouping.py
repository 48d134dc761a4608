"""From what a model says window by window to segments: start, end, class and score.

A video is N cells of time, each around the middle of a window, with the class probabilities of that
window. Spans of cells are proposed, scored, and what says the same twice is let go. Nothing here
looks at a video or a network; any windows with probabilities will do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..data.segments import Segment
from .suppression import nms

Span = tuple[int, int]  # first cell, and the first one after it
_STEPS = tuple(k / 20 for k in range(1, 20))  # 0.05, 0.10, ..., 0.95, as in the paper
_MARGIN = 4  # around a span, a quarter of its length on either side is looked at


def cell_borders(windows: Sequence[tuple[float, float]]) -> np.ndarray:
    """Where the cells of N windows begin and end, in seconds (N + 1,).

    Each instant belongs to the window whose middle is nearest. Worked numbers: windows (0, 2),
    (1, 3), (2, 4) -> [0, 1.5, 2.5, 4].

    Args:
        windows: start and end of each in seconds, in order, at least one.
    """
    edges = np.asarray(windows, dtype=float)
    middles = edges.mean(axis=1)
    return np.concatenate([edges[:1, 0], (middles[1:] + middles[:-1]) / 2, edges[-1:, 1]])


def smoothed(probabilities: np.ndarray, width: int) -> np.ndarray:
    """The mean of each cell and its neighbours, as many on either side.

    Args:
        probabilities: (N, K), of each cell.
        width: cells that count, an odd number; at both ends of the video those that there are.

    Returns:
        float64 (N, K).

    Raises:
        ValueError: if the width is no odd number above 0.
    """
    if width < 1 or width % 2 == 0:
        raise ValueError(f"width ({width}) must be odd: a cell, and as many on either side")
    N, around = len(probabilities), width // 2
    spans = [(max(0, n - around), min(N, n + around + 1)) for n in range(N)]
    return mean_inside(spans, probabilities)


def sliding_spans(num_cells: int, lengths: Iterable[int]) -> list[Span]:
    """Spans of several lengths, each moved on by a quarter of its length (at least one cell)."""
    return [
        (start, start + length)
        for length in lengths
        for start in range(0, num_cells - length + 1, max(1, length // 4))
    ]


def runs(wanted: Sequence[bool] | np.ndarray) -> list[Span]:
    """The longest spans in which every cell is wanted."""
    steps = np.diff(np.concatenate([[0], np.asarray(wanted, dtype=int), [0]]))
    starts, ends = np.flatnonzero(steps > 0), np.flatnonzero(steps < 0)
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def watershed(
    actionness: np.ndarray,
    *,
    shortest: int = 1,
    levels: Sequence[float] = _STEPS,
    shares: Sequence[float] = _STEPS,
) -> list[Span]:
    """Temporal actionness grouping (TAG, Zhao et al. 2017).

    Turned upside down, the actionness is a landscape that is flooded to some level: the runs of
    cells at or above it are basins. From each basin on, the next ones are taken in as long as
    basins are at least a given share of all cells from the first one's start to the last one's end.

    Args:
        actionness: (N,), how likely it is that something happens, from 0 to 1.
        shortest: cells of the shortest span that is of interest.
        levels: at which basins are looked for.
        shares: of the basins in a span.

    Returns:
        The spans of all levels and shares, each once, in order.
    """
    found: set[Span] = set()
    for level in levels:
        basins = runs(actionness >= level)
        for share in shares:
            found |= {_grown(basins[number:], share) for number in range(len(basins))}
    return sorted(span for span in found if span[1] - span[0] >= shortest)


def _grown(basins: Sequence[Span], share: float) -> Span:
    """From the start of the first basin, as far as basins fill enough."""
    (start, end), filled = basins[0], 0
    for first, last in basins:
        filled += last - first
        if filled < share * (last - start):
            break
        end = last
    return start, end


def mean_inside(spans: Sequence[Span], probabilities: np.ndarray) -> np.ndarray:
    """The mean of each class's probability inside each span.

    Args:
        spans: F of them.
        probabilities: (N, K), of each cell.

    Returns:
        float64 (F, K).
    """
    sums = np.concatenate([np.zeros((1, probabilities.shape[1])), probabilities.cumsum(axis=0)])
    starts, ends = np.array(spans, dtype=int).reshape(-1, 2).T
    return (sums[ends] - sums[starts]) / (ends - starts)[:, None]


def inside_less_around(spans: Sequence[Span], probabilities: np.ndarray) -> np.ndarray:
    """`mean_inside`, less the mean around the span: an action that goes on outside is not whole.

    This is the outer-inner contrast of AutoLoc (Shou et al. 2018), which trains with it. Around a
    span is a quarter of its length on either side, at least a cell, as far as the video goes; where
    there is nothing around it, nothing is taken away.

    Args:
        spans: F of them.
        probabilities: (N, K), of each cell.

    Returns:
        float64 (F, K), from -1 to 1.
    """
    N, inside = len(probabilities), mean_inside(spans, probabilities)
    margins = [max(1, (end - start) // _MARGIN) for start, end in spans]
    wide = [
        (max(0, start - m), min(N, end + m)) for (start, end), m in zip(spans, margins, strict=True)
    ]
    lengths = _lengths(spans)
    more = _lengths(wide) - lengths
    outside = mean_inside(wide, probabilities) * (lengths + more) - inside * lengths
    return inside - outside / np.maximum(more, 1)


def _lengths(spans: Sequence[Span]) -> np.ndarray:
    return np.array([[end - start] for start, end in spans], dtype=float).reshape(-1, 1)


def segments_of(
    spans: Sequence[Span], scores: np.ndarray, borders: np.ndarray, *, background: int | None = None
) -> list[Segment]:
    """Each span as a segment of each class that has a score above 0 there.

    Args:
        spans: F of them.
        scores: (F, K).
        borders: (N + 1,), of the cells in seconds (see `cell_borders`).
        background: the class that stands for nothing, which gets no segments.
    """
    return [
        Segment(float(borders[start]), float(borders[end]), label, float(score))
        for (start, end), of_span in zip(spans, scores, strict=True)
        for label, score in enumerate(of_span)
        if score > 0 and label != background
    ]


def localise(
    windows: Sequence[tuple[float, float]],
    probabilities: np.ndarray,
    *,
    background: int | None = None,
    shortest: int = 1,
    most: float = 0.3,
) -> list[Segment]:
    """Segments of all classes, each grouped by the probability of its own class.

    Spans by `watershed`, scores by `inside_less_around`, and `nms` among each class.

    Args:
        windows: start and end of N windows in seconds, in order.
        probabilities: (N, K), of each class in each window.
        background: the class that stands for nothing, if there is one.
        shortest: windows of the shortest segment.
        most: tIoU of two segments of a class that both stay.

    Returns:
        The segments, the surest first.

    Raises:
        ValueError: if there are not as many windows as rows of probabilities, or none.
    """
    if not len(windows) or len(windows) != len(probabilities):
        raise ValueError(
            f"windows ({len(windows)}) must be one or more, and as many as the rows of "
            f"probabilities ({len(probabilities)})"
        )
    borders, found = cell_borders(windows), []
    for label, chances in enumerate(probabilities.T):
        if label != background:
            spans = watershed(chances, shortest=shortest)
            scores = inside_less_around(spans, chances[:, None])
            own = segments_of(spans, scores, borders)
            found += [segment._replace(label=label) for segment in own]
    return nms(found, most)
