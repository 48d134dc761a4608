"""The frames of a clip within its file: all of them, or those of a part."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .. import video
from ..data.clips import Clip

# Labels are written in whole seconds, and the last one of a video is seldom whole.
_SPARE_SECONDS = 1


class Span(NamedTuple):
    """Neighbouring frames of a file.

    Attributes:
        first: number of the first one.
        num_frames: n, how many there are, at least 1.
        times: (n + 1,) seconds: when each is first shown, and when the last one ends; None where
            that is not known.
    """

    first: int
    num_frames: int
    times: Tensor | None


def span_of(clip: Clip) -> Span:
    """Which frames of its file a clip consists of.

    A frame belongs to the part in which it is first shown, so that parts that meet share none. A
    part in which none is first shown has the one that is shown when it begins.

    Raises:
        VideoError: if the file cannot be read, the part ends after it by more than a second, or it
            is one of a folder of frames, which has no seconds.
    """
    if not clip.is_part and video.is_frame_folder(clip.path):
        return Span(0, video.count_frames(clip.path), None)
    return span_in(video.frame_times(clip.path), clip)


def span_in(times: Tensor, clip: Clip) -> Span:
    """The same, where the times of the file's frames (n + 1,) are known.

    Raises:
        VideoError: if the part ends after the file by more than a second.
    """
    if not clip.is_part:
        return Span(0, len(times) - 1, times)
    start, end = _limits(clip, float(times[-1]))
    begins = times[:-1].contiguous()
    first, stop = torch.searchsorted(begins, torch.tensor([start, end], dtype=times.dtype)).tolist()
    if first == stop:
        first, stop = max(first - 1, 0), max(first, 1)
    return Span(first, stop - first, times[first : stop + 1])


def _limits(clip: Clip, length: float) -> tuple[float, float]:
    """Where a part begins and ends within a file of so many seconds."""
    start, end = clip.start or 0.0, length if clip.end is None else clip.end
    if not 0 <= start < end:
        raise video.VideoError(
            f"{clip.path}: a part of it begins at {start:g} s and ends at {end:g} s; it must begin "
            "at 0 or later, and end after that"
        )
    if start >= length or end > length + _SPARE_SECONDS:
        raise video.VideoError(
            f"{clip.path}: is {length:.2f} s long, but a part of it is to last from {start:g} to "
            f"{end:g} s; correct start and end (in seconds) in the annotations"
        )
    return start, end
