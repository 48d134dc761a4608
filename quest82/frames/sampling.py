"""Which frames of a clip to look at: pure functions from lengths to frame indices.

The idea of segments is from Temporal Segment Networks (Wang et al., ECCV 2016,
arXiv:1608.00859): a few frames spread over the whole clip say more than many neighbours.
"""

from __future__ import annotations

from typing import SupportsIndex

import torch
from torch import Tensor


def segment_indices(
    num_frames: int,
    num_segments: int,
    *,
    times: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """One frame from each of T equal segments of a clip.

    The clip is the interval [0, n) of time, frame k filling [k, k + 1). Segment i is
    [i n/T, (i + 1) n/T); the frame is the one at the segment's middle, or at a random
    instant of it. A clip with fewer frames than segments shows some frames more than once.

    With `times` frame k fills the time for which it is really shown. Where the frame rate is
    constant that is the same; where it varies, segments of equal time hold unequal numbers of
    frames. Timestamps that are off a regular grid by less than half a frame count as regular:
    containers round them.

    Args:
        num_frames: length n of the clip in frames, at least 1.
        num_segments: how many frames T to take, at least 1.
        times: (n + 1,) when each frame is first shown and when the last one ends, in any unit, as
            `video.frame_times` gives them; None: all frames are shown equally long.
        generator: None takes the centre of each segment (evaluation); a generator draws
            a uniformly random instant of each segment (training).

    Returns:
        Long tensor of shape (T,), in [0, n), never decreasing.

    Raises:
        ValueError: if a length is not a whole number of at least 1, or times are not n + 1
            numbers that never fall.

    Examples:
        >>> segment_indices(8, 4).tolist()
        [1, 3, 5, 7]
        >>> segment_indices(2, 4).tolist()
        [0, 0, 1, 1]
        >>> segment_indices(4, 4, times=torch.tensor([0.0, 1, 2, 3, 8])).tolist()
        [1, 3, 3, 3]
    """
    num_frames = _whole("num_frames", num_frames, minimum=1)
    num_segments = _whole("num_segments", num_segments, minimum=1)
    if generator is None:
        within = torch.full((num_segments,), 0.5, dtype=torch.float64)
    else:
        within = torch.rand(num_segments, dtype=torch.float64, generator=generator)
    segments = torch.arange(num_segments, dtype=torch.float64)
    instants = (segments + within) * num_frames / num_segments
    if times is not None:
        return _shown_at(instants, _in_frames(times, num_frames))
    return instants.floor().long().clamp(max=num_frames - 1)


def _in_frames(times: Tensor, num_frames: int) -> Tensor:
    """Times in units of the mean duration of a frame; whole numbers where they are regular."""
    times, regular = times.double(), torch.arange(num_frames + 1, dtype=torch.float64)
    if times.shape != regular.shape or not (times.diff() >= 0).all():
        raise ValueError(
            f"times {tuple(times.shape)} must be num_frames + 1 ({num_frames + 1}) numbers that "
            "never fall: when each frame begins, and when the last one ends"
        )
    if times[-1] == times[0]:  # all frames at one instant: nothing is known of their times
        return regular
    scaled = (times - times[0]) * num_frames / (times[-1] - times[0])
    return regular if (scaled - regular).abs().max() < 0.5 else scaled


def _shown_at(instants: Tensor, begins: Tensor) -> Tensor:
    """The frame that is shown at each instant, by the instants at which frames begin."""
    return torch.searchsorted(begins[:-1].contiguous(), instants, right=True) - 1


def strided_indices(num_frames: int, clip_length: int, *, stride: int, start: int = 0) -> Tensor:
    """T frames at a fixed step tau: a window of the clip, as many 3D networks take it.

    Where the step runs past the end of the clip, the last frame is held.

    Args:
        num_frames: length n of the clip in frames, at least 1.
        clip_length: how many frames T to take, at least 1.
        stride: step tau between them in frames, at least 1.
        start: index of the first frame, in [0, n).

    Returns:
        Long tensor of shape (T,), in [0, n), never decreasing.

    Raises:
        ValueError: if a length is below 1 or start lies outside the clip.

    Examples:
        >>> strided_indices(100, 4, stride=8, start=10).tolist()
        [10, 18, 26, 34]
        >>> strided_indices(20, 4, stride=8).tolist()
        [0, 8, 16, 19]
    """
    num_frames = _whole("num_frames", num_frames, minimum=1)
    clip_length = _whole("clip_length", clip_length, minimum=1)
    stride = _whole("stride", stride, minimum=1)
    start = _whole("start", start, minimum=0)
    if start >= num_frames:
        raise ValueError(
            f"start ({start}) must lie before the end of the clip: give a frame index "
            f"from 0 to {num_frames - 1}"
        )
    return (start + stride * torch.arange(clip_length)).clamp(max=num_frames - 1)


def window_indices(
    num_frames: int,
    clip_length: int,
    *,
    stride: int,
    times: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """T frames at a fixed step from the middle of a clip, or from a random place of it.

    The same as `strided_indices`, with the start chosen: the window's middle lies on the clip's
    middle, or anywhere as long as the window fits. A clip that is too short for the window is
    shown from its first frame, and the last one is held.

    Args:
        num_frames: length n of the clip in frames, at least 1.
        clip_length: how many frames T to take, at least 1.
        stride: step tau between them, at least 1, in frames of mean duration.
        times: as for `segment_indices`; the steps are then of equal time.
        generator: None takes the middle of the clip (evaluation); a generator draws the start
            (training).

    Returns:
        Long tensor of shape (T,), in [0, n), never decreasing.

    Raises:
        ValueError: if a length is below 1, or times are not n + 1 numbers that never fall.

    Examples:
        >>> window_indices(100, 4, stride=8).tolist()
        [37, 45, 53, 61]
        >>> window_indices(20, 4, stride=8).tolist()
        [0, 8, 16, 19]
    """
    num_frames = _whole("num_frames", num_frames, minimum=1)
    span = stride * (_whole("clip_length", clip_length, minimum=1) - 1) + 1
    free = max(num_frames - span, 0)  # starts from 0 to this
    start = free // 2
    if generator is not None:
        start = int(torch.randint(free + 1, (), generator=generator))
    indices = strided_indices(num_frames, clip_length, stride=stride, start=start)
    if times is None:
        return indices
    instants = start + 0.5 + stride * torch.arange(clip_length, dtype=torch.float64)
    return _shown_at(instants.clamp(max=num_frames - 0.5), _in_frames(times, num_frames))


def indices_at_rate(
    num_frames: int, clip_length: int, *, fps: float, times: Tensor | None
) -> Tensor:
    """T frames, so many per second, from the middle of a clip of any frame rate.

    Networks on pixels know motion at the rate of the clips from which they learned. The step is
    the clip's own mean rate divided by `fps`, in frames; it need not be whole, and below 1 frames
    are shown more than once. A whole step gives what `window_indices` gives. A clip that is too
    short for the window is shown from its first frame, and the last one is held.

    Args:
        num_frames: length n of the clip in frames, at least 1.
        clip_length: how many frames T to take, at least 1.
        fps: frames per second to take, above 0.
        times: (n + 1,) seconds, as for `segment_indices`; None, or all the same: nothing is known
            of the clip's rate, and its frames are taken one after the other.

    Returns:
        Long tensor of shape (T,), in [0, n), never decreasing.

    Raises:
        ValueError: if a length is below 1, fps is not above 0, or times are not n + 1 numbers that
            never fall.

    Examples:
        >>> at_30_fps = torch.arange(91) / 30
        >>> indices_at_rate(90, 4, fps=15, times=at_30_fps).tolist()
        [41, 43, 45, 47]
        >>> indices_at_rate(90, 4, fps=45, times=at_30_fps).tolist()
        [43, 44, 44, 45]
    """
    num_frames = _whole("num_frames", num_frames, minimum=1)
    clip_length = _whole("clip_length", clip_length, minimum=1)
    if not fps > 0:
        raise ValueError(f"fps ({fps:g}) must be above 0 frames per second")
    begins = torch.arange(num_frames + 1.0) if times is None else _in_frames(times, num_frames)
    seconds = 0.0 if times is None else float(times[-1] - times[0])
    step = num_frames / seconds / fps if seconds else 1.0
    start = max(num_frames - 1 - round(step * (clip_length - 1)), 0) // 2
    instants = start + 0.5 + step * torch.arange(clip_length, dtype=torch.float64)
    return _shown_at(instants.clamp(max=num_frames - 0.5), begins.double())


def _whole(name: str, value: SupportsIndex, *, minimum: int) -> int:
    if isinstance(value, SupportsIndex) and not isinstance(value, bool) and int(value) >= minimum:
        return int(value)
    raise ValueError(f"{name} ({value!r}) must be a whole number of at least {minimum}")
