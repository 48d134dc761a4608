"""When something happens in a long video: a start, an end, what it is, and how sure one is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor


class Segment(NamedTuple):
    """A stretch of a video in which something happens, as it is known or as it was found.

    Attributes:
        start: in seconds from the first frame.
        end: in the same seconds, above start.
        label: number of the class.
        score: the higher, the surer; 1 of what is known.
    """

    start: float
    end: float
    label: int
    score: float = 1.0


def frame_labels(
    segments: Iterable[Segment], num_frames: int, *, frames_per_second: float, background: int
) -> Tensor:
    """What happens in each frame: the class of the segment that the middle of the frame is in.

    Args:
        segments: what happens when; where two overlap, the later one in the list counts.
        num_frames: T.
        frames_per_second: frame t lasts from t to t + 1 of these.
        background: the class of a frame in which nothing happens.

    Returns:
        long tensor (T,).
    """
    middles = (torch.arange(num_frames, dtype=torch.float64) + 0.5) / frames_per_second
    labels = torch.full((num_frames,), background)
    for segment in segments:
        labels[(middles >= segment.start) & (middles < segment.end)] = segment.label
    return labels
