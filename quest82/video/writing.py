"""Write frames as a video file that plays everywhere."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import torch
from torch import Tensor

from .errors import PathLike

# x264 cuts each frame into as many slices as there are processors, and other slices are another
# file: with their number fixed, the same frames give the same file on every machine.
_X264 = {"preset": "veryfast", "threads": "2"}


def write_video(path: PathLike, frames: Tensor, *, fps: float) -> None:
    """Write frames as an H.264 file that every browser plays (yuv420p, visually lossless).

    The file appears under its name only when it is complete.

    Args:
        path: where to; ends in .mp4, .mkv or .mov.
        frames: uint8 tensor (T, 3, H, W), RGB; T at least 1, H and W even.
        fps: frames per second, above 0.

    Raises:
        ValueError: if the frames have another shape or type, or fps is not above 0.
    """
    _require_writable(frames, fps)
    path = Path(path)
    _, _, height, width = frames.shape
    buffer = io.BytesIO()
    container_format = {".mkv": "matroska"}.get(path.suffix, path.suffix.lstrip("."))
    with av.open(buffer, "w", format=container_format) as container:
        rate = Fraction(fps).limit_denominator(1001)
        stream = container.add_stream("libx264", rate=rate, options=_X264)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for pixels in frames.permute(0, 2, 3, 1).contiguous().numpy():  # (H, W, 3) each
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(buffer.getvalue())
    partial.replace(path)


def _require_writable(frames: Tensor, fps: float) -> None:
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
