"""A long video as windows that overlap, each of which is looked at as a clip."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from ..data.clips import Clip
from .spans import span_in
from .view import ViewSpec

_MICROSECONDS = 6  # digits: what is written in a table is what was cut


class Window(NamedTuple):
    """A stretch of a video.

    Attributes:
        start: in seconds from the first frame.
        end: in the same seconds.
        frames: numbers of the T frames that stand for it.
    """

    start: float
    end: float
    frames: tuple[int, ...]


def windows_of(
    times: Tensor, spec: ViewSpec, *, window_seconds: float, stride_seconds: float
) -> list[Window]:
    """Cut a video into windows of equal length, one every stride.

    Window k is [k stride, k stride + window), and has the frames that a clip of that part has
    (`spans.span_of`). All windows lie wholly inside the video: what is left at its end, less than a
    stride, is in none. A video that is shorter than a window is one window, and a clip of its own.

    Args:
        times: (n + 1,) seconds: when each frame is first shown, and when the last one ends.
        spec: how frames are taken; view 0.
        window_seconds: length of a window, above 0.
        stride_seconds: from the start of one to that of the next, above 0.

    Raises:
        ValueError: if a length is not above 0.
    """
    for name, value in (("window", window_seconds), ("stride", stride_seconds)):
        if not value > 0:
            raise ValueError(f"{name} ({value:g}) must be above 0 seconds")
    length = float(times[-1])
    if length < window_seconds:
        return [_window(times, Clip("", "", "", Path()), spec, 0.0, length)]
    # The end of a video is a sum of many durations, and seldom exact to the last digit.
    last = int((length - window_seconds) / stride_seconds + 1e-6)
    starts = [round(k * stride_seconds, _MICROSECONDS) for k in range(last + 1)]
    ends = [round(start + window_seconds, _MICROSECONDS) for start in starts]
    return [
        _window(times, Clip("", "", "", Path(), start=start, end=end), spec, start, end)
        for start, end in zip(starts, ends, strict=True)
    ]


def _window(times: Tensor, clip: Clip, spec: ViewSpec, start: float, end: float) -> Window:
    span = span_in(times, clip)
    inside = span.times if spec.by == "time" else None
    indices = span.first + spec.indices(span.num_frames, inside, None)
    return Window(start, end, tuple(indices.tolist()))
