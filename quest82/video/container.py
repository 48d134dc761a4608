"""Open a video file with PyAV: the stream that a player would show, and its frames in order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from .errors import PathLike, VideoError, reason

# What FFmpeg calls the formats of single images: "jpeg_pipe", "png_pipe", ..., and "image2".
_IMAGE_FORMATS = ("_pipe", "image2")


@contextmanager
def open_video(
    path: PathLike, *, containers: str = ""
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and the video stream that players choose: the default one, else the best.

    Args:
        path: the video file.
        containers: FFmpeg's names of those that may be opened, with commas between; else any.

    Raises:
        VideoError: whatever fails, now or while packets are read.
    """
    _require_content(Path(path))
    try:
        # An absolute path cannot be taken for the address of a stream ("12:30.mp4").
        options = {"format_whitelist": containers} if containers else {}
        with av.open(os.path.abspath(path), options=options) as container:
            stream = choose_stream(path, container)
            # Decoding must not depend on the number of processors: damaged files would differ.
            stream.thread_type = "SLICE"
            yield container, stream
    except (av.error.FFmpegError, OSError, UnicodeError) as error:
        raise VideoError(
            f"{path}: cannot be read as a video ({reason(error)}); "
            "copy or download it again, or re-encode it"
        ) from error


def decode(path: PathLike, damage: list | None = None) -> Iterator[av.VideoFrame]:
    """All frames of a file from its beginning; `damage` receives what could not be decoded."""
    with open_video(path) as (container, stream):
        for packet in container.demux(stream):
            yield from frames_of(packet, damage)


def frames_of(packet: av.Packet, damage: list | None = None) -> Iterator[av.VideoFrame]:
    """What a decoder makes of one packet: nothing, where it is damaged."""
    try:
        yield from packet.decode()
    except av.error.EOFError:
        return
    except av.error.FFmpegError as error:
        if damage is not None:
            damage.append(error)


def pixel_aspect(stream: VideoStream) -> Fraction:
    """Width of a pixel over its height; 1 where the file does not say."""
    return stream.sample_aspect_ratio or Fraction(1)


def _require_content(path: Path) -> None:
    if not path.exists():
        raise VideoError(f"{path}: there is no such file; check the name")
    if not path.is_file():
        raise VideoError(f"{path}: is a folder or a device, not a file; remove it from the clips")
    if path.stat().st_size == 0:
        raise VideoError(f"{path}: the file is empty; copy or download it again")


def choose_stream(path: PathLike, container: InputContainer) -> VideoStream:
    """The video stream that players choose: no cover art, no single image.

    Raises:
        VideoError: if there is none, or no decoder for it.
    """
    if container.format.name.endswith(_IMAGE_FORMATS):
        kind = container.format.name.removesuffix("_pipe")
        raise VideoError(f"{path}: is a single image ({kind}), not a video; remove it")
    streams = list(container.streams.video)
    moving = [s for s in streams if not s.disposition & Disposition.attached_pic]
    if streams and not moving:
        raise VideoError(f"{path}: holds cover art and no video; remove it from the clips")
    if not moving:
        raise VideoError(f"{path}: holds no video stream; remove it from the clips")
    best = container.streams.best("video")
    stream = best if best in moving else moving[0]
    if stream.codec_context is None:
        raise VideoError(f"{path}: its codec is one that no decoder here knows; re-encode it")
    return stream
