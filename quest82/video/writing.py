"""Write frames as a video file that plays everywhere."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import torch
from torch import Tensor

from ..outputs import write_whole
from .errors import PathLike

# x264 cuts each frame into as many slices as there are processors, and other slices are another
# file: with their number fixed, the same frames give the same file on every machine.
_X264 = {"preset": "veryfast", "threads": "2"}
_TICKS_PER_SECOND = 90_000


def write_video(
    path: PathLike,
    frames: Tensor,
    *,
    fps: float,
    times: Sequence[float] | Tensor | None = None,
    options: Mapping[str, str] | None = None,
) -> None:
    """Write frames as an H.264 file that every browser plays (yuv420p, visually lossless).

    The file appears under its name only when it is complete.

    Args:
        path: where to; ends in .mp4, .mkv or .mov.
        frames: uint8 tensor (T, 3, H, W), RGB; T at least 1, H and W even.
        fps: frames per second, above 0.
        times: (T,) seconds at which each frame is first shown, rising; None:
            1 / fps apart.
        options: of the encoder, x264, beside or in place of its defaults here.

    Raises:
        ValueError: if the frames have another shape or type, fps is not above 0, or times do not
            rise.
    """
    _require_writable(frames, fps, times)
    path = Path(path)
    _, _, height, width = frames.shape
    buffer = io.BytesIO()
    container_format = {".mkv": "matroska"}.get(path.suffix, path.suffix.lstrip("."))
    with av.open(buffer, "w", format=container_format) as container:
        rate = Fraction(fps).limit_denominator(1001)
        options = {**_X264, **(options or {})}
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        if times is not None:
            stream.codec_context.time_base = Fraction(1, _TICKS_PER_SECOND)
        for number, pixels in enumerate(frames.permute(0, 2, 3, 1).contiguous().numpy()):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")  # (H, W, 3)
            if times is not None:
                frame.time_base = stream.codec_context.time_base
                frame.pts = round(float(times[number]) * _TICKS_PER_SECOND)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    write_whole(path, buffer.getvalue())


def _require_writable(frames: Tensor, fps: float, times: Sequence[float] | Tensor | None) -> None:
    if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[1] != 3 or not len(frames):
        raise ValueError(
            f"frames ({frames.dtype}, {tuple(frames.shape)}) must be uint8 of shape (T, 3, H, W) "
            "with T at least 1"
        )
    if frames.shape[2] % 2 or frames.shape[3] % 2:
        raise ValueError(
            f"frames of {frames.shape[3]}x{frames.shape[2]} pixels: H.264 needs an even width "
            "and height; crop or pad by one pixel"
        )
    if not fps > 0:
        raise ValueError(f"fps ({fps}) must be above 0")
    if times is None:
        return
    if len(times) != len(frames) or any(b <= a for a, b in pairwise(times)):
        raise ValueError(f"times ({len(times)}) must be {len(frames)} numbers, one a frame, rising")
