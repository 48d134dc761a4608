"""Read, probe, check and write video files: the only room that knows decord and PyAV.

decord reads the few frames that were asked for, by seeking. It counts packets, and where packets
and pictures do not match one to one it returns another frame without a word. So PyAV looks over
the packets first (a few milliseconds, one picture is decoded), and decord is asked only where it
was found right in every one of the combinations that were tried (see `_seekable`), and where the
frames lie far enough apart for seeking to save time. In short clips without B-frames PyAV jumps
from keyframe to keyframe; all others it decodes from their beginning.
"""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import decord
import numpy as np
import torch
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from torch import Tensor

# A start code (4 bytes) and a picture type: MPEG packets below this size hold no picture.
_SMALLEST_PICTURE = 5
# H.264 lets a decoder hold back at most 16 pictures, to bring B-frames into order.
_MOST_HELD_BACK = 16
# Without B-frames these decode from any keyframe on, whatever came before. (H.264 need not: its
# keyframes may be mere points of recovery.)
_JUMPABLE = ("mpeg4", "mjpeg")
# Seeking pays where more than about so many frames lie between two that are wanted (measured on
# UCF101's clips: decord is ahead from 18 to 32 frames on, PyAV below).
_WORTH_SEEKING = 24
# x264 cuts each picture into as many slices as there are processors, and other slices are another
# file: with their number fixed, the same frames give the same file on every machine.
_X264 = {"preset": "veryfast", "threads": "2"}

PathLike = str | os.PathLike


class VideoError(ValueError):
    """A video file cannot be used; the text names the file, what is wrong and what to do."""


class MissingFrame(VideoError):
    """A frame was asked for that the file does not hold, or that damage has made unreadable."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds, counted rather than promised.

    Attributes:
        num_frames: pictures that can be read, at least 1.
        width: in pixels.
        height: in pixels.
        fps: frames per second; 0 where the file does not say.
    """

    num_frames: int
    width: int
    height: int
    fps: float


@dataclass(frozen=True)
class Inspection:
    """What one complete reading of a file found (see `inspect`).

    Attributes:
        promised: frames that the file's header names; 0 where it names none.
        decoded: pictures that came out.
        corrupt: pictures among them that the decoder had to patch up.
        problem: one sentence, empty for a sound file.
    """

    promised: int
    decoded: int
    corrupt: int
    problem: str


def probe(path: PathLike) -> VideoInfo:
    """Count the frames of a video and read its size and rate, without decoding a sound file.

    Raises:
        VideoError: if the file is missing, empty, no video, or holds no picture.
    """
    packets = _look_over(path)
    num_frames = packets.number if packets.sound else count_frames(path)
    width, height = packets.size[:: -1 if packets.rotation % 180 else 1]
    return VideoInfo(num_frames, width, height, packets.fps)


def count_frames(path: PathLike) -> int:
    """Count the pictures by decoding all of them: true even where damage has cost some.

    Raises:
        VideoError: if the file cannot be read at all, or holds no picture.
    """
    num_frames = sum(1 for _ in _decode(path))
    if num_frames == 0:
        raise VideoError(f"{path}: holds no picture that can be decoded; remove or re-encode it")
    return num_frames


def read_frames(path: PathLike, indices: Sequence[int] | Tensor) -> Tensor:
    """Read some frames of a video, in the order asked for; repeated indices are allowed.

    Args:
        path: the video file.
        indices: T frame numbers, each in [0, num_frames) of `probe`.

    Returns:
        uint8 tensor of shape (T, 3, H, W), RGB; in memory the colours of a pixel lie together.

    Raises:
        VideoError: if the file cannot be read, or (`MissingFrame`) an index lies outside it.
        ValueError: if there are no indices.
    """
    wanted = [int(index) for index in indices]
    if not wanted:
        raise ValueError("indices is empty: ask for at least one frame")
    packets = _look_over(path)
    if packets.sound:
        _require_inside(path, wanted, packets.number)
    far_apart = _WORTH_SEEKING * len(wanted) <= max(wanted)
    try:
        if far_apart and max(wanted) < packets.seekable:
            frames = _read_with_decord(path, wanted)
        elif not far_apart and packets.jumpable:
            frames = _read_from_keyframes(path, wanted)
        else:
            frames = _read_from_beginning(path, wanted)
    except (decord.DECORDError, RuntimeError, _Unexpected):
        # Damage inside the file: both give up, and PyAV reads what there is.
        frames = _read_from_beginning(path, wanted)
    return torch.from_numpy(frames).permute(0, 3, 1, 2)  # (T, H, W, 3) -> (T, 3, H, W)


def inspect(path: PathLike) -> Inspection:
    """Decode a whole file once with PyAV and say what is wrong with it, if anything.

    Finds what reading hides: decoders patch damaged pictures, or repeat the last good one,
    without a word. Never raises for a bad file; the finding is in `problem`.
    """
    times, corrupt, damage = [], [], []
    try:
        with _open(path) as (container, stream):
            promised = stream.frames
            cut = sum(packet.is_discard for packet in container.demux(stream))  # by an edit list
            lasts = _duration_seconds(container)
        for frame in _decode(path, damage):
            corrupt.append(frame.is_corrupt)
            times.append(frame.time or 0)
    except VideoError as error:
        return Inspection(0, 0, 0, str(error).removeprefix(f"{path}: "))
    decoded, patched = len(corrupt), sum(corrupt)
    findings = []
    if decoded == 0:
        findings.append("holds no picture that can be decoded")
    elif promised and promised - cut != decoded:
        findings.append(f"promises {promised - cut} frames, holds {decoded}")
    elif lasts - (span := max(times) - min(times)) > max(0.5, 0.1 * lasts):
        findings.append(f"lasts {lasts:.1f} s by its header, its pictures cover {span:.1f} s")
    if patched:
        findings.append(f"{patched} of {decoded} frames are damaged")
    if damage:
        findings.append(f"{len(damage)} packets cannot be decoded")
    return Inspection(promised, decoded, patched, "; ".join(findings))


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
        for picture in frames.permute(0, 2, 3, 1).contiguous().numpy():  # (H, W, 3) each
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(buffer.getvalue())
    partial.replace(path)


@contextmanager
def _open(path: PathLike) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its first video stream; every failure leaves as a VideoError."""
    if not Path(path).exists():
        raise VideoError(f"{path}: there is no such file; check the name")
    if not Path(path).is_file():
        raise VideoError(f"{path}: is a folder or a device, not a file; remove it from the clips")
    if Path(path).stat().st_size == 0:
        raise VideoError(f"{path}: the file is empty; copy or download it again")
    try:
        # An absolute path cannot be taken for the address of a stream ("12:30.mp4").
        with av.open(os.path.abspath(path)) as container:
            if not container.streams.video:
                raise VideoError(f"{path}: holds no pictures; remove it from the clips")
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise VideoError(
                    f"{path}: its pictures are in a format that no decoder here knows; re-encode it"
                )
            # Decoding must not depend on the number of processors: damaged files would differ.
            stream.thread_type = "SLICE"
            yield container, stream
    except (av.error.FFmpegError, OSError, UnicodeError) as error:
        raise VideoError(
            f"{path}: cannot be read as a video ({_reason(error)}); "
            "copy or download it again, or re-encode it"
        ) from error


@dataclass(frozen=True)
class _Packets:
    number: int
    sound: bool  # each packet can be trusted to hold one picture
    seekable: int  # decord can be trusted with frames below this
    jumpable: bool  # nothing before a keyframe is needed to decode what follows it
    rotation: int  # degrees by which a player turns the pictures
    size: tuple[int, int]  # width and height before that
    fps: float


def _look_over(path: PathLike) -> _Packets:
    """What the packets of a file tell; asked twice about one file, it is read once."""
    try:
        state = os.stat(path)
    except OSError:
        return _packets(path, None)  # says better what is wrong
    return _packets(path, (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=1)
def _packets(path: PathLike, version: tuple[int, int] | None) -> _Packets:
    with _open(path) as (container, stream):
        return _read_packets(container, stream)


def _read_packets(container: InputContainer, stream: VideoStream) -> _Packets:
    packets, first = [], None
    for packet in container.demux(stream):
        first = first or next(_pictures_of(packet), None)
        packets += [packet] if packet.size else []
    sound = (
        stream.frames in (0, len(packets))
        and min((packet.size for packet in packets), default=0) >= _SMALLEST_PICTURE
        and packets[0].is_keyframe
        and not any(packet.is_discard or packet.is_corrupt for packet in packets)
    )
    held_back = _MOST_HELD_BACK if stream.codec_context.has_b_frames else 0
    rotation = first.rotation if first else 0
    trusted = sound and _seekable(container, stream) and not rotation
    return _Packets(
        number=len(packets),
        sound=sound,
        seekable=len(packets) - held_back if trusted else 0,
        jumpable=trusted and not held_back and stream.codec_context.name in _JUMPABLE,
        rotation=rotation,
        size=(stream.codec_context.width, stream.codec_context.height),
        fps=float(stream.average_rate or 0),
    )


def _seekable(container: InputContainer, stream: VideoStream) -> bool:
    """Whether decord finds the frames of such a stream: H.264 in mp4 or mkv, and the like."""
    box, codec = container.format.name, stream.codec_context.name
    if "mov" in box or "matroska" in box:
        return codec == "h264" or not stream.codec_context.has_b_frames
    return box == "avi" and codec in ("mpeg4", "mjpeg") and not stream.codec_context.has_b_frames


def _duration_seconds(container: InputContainer) -> float:
    """How long the pictures last by the header; 0 where it does not say, or sound may be longer."""
    if container.streams.audio or not container.duration:
        return 0.0
    return container.duration / av.time_base


def _decode(path: PathLike, damage: list | None = None) -> Iterator[av.VideoFrame]:
    """All pictures of a file from its beginning; `damage` receives what could not be decoded."""
    with _open(path) as (container, stream):
        for packet in container.demux(stream):
            yield from _pictures_of(packet, damage)


def _pictures_of(packet: av.Packet, damage: list | None = None) -> Iterator[av.VideoFrame]:
    """What a decoder makes of one packet: nothing, where it is damaged."""
    try:
        yield from packet.decode()
    except av.error.EOFError:
        return
    except av.error.FFmpegError as error:
        if damage is not None:
            damage.append(error)


def _read_with_decord(path: PathLike, wanted: list[int]) -> np.ndarray:
    # One thread: with several, decord is known to hang on damaged files, and is no faster.
    reader = decord.VideoReader(os.path.abspath(path), num_threads=1)
    return reader.get_batch(wanted).asnumpy()  # (T, H, W, 3)


def _read_from_beginning(path: PathLike, wanted: list[int]) -> np.ndarray:
    needed, pictures, num_frames = set(wanted), {}, 0
    reformatter = VideoReformatter()  # one for all frames: each would start threads of its own
    for frame in _decode(path):
        if num_frames in needed:
            pictures[num_frames] = _upright(path, frame, reformatter)
        num_frames += 1
    _require_inside(path, wanted, num_frames)
    return _stacked(path, pictures, wanted)


class _Unexpected(Exception):
    """A packet did not hold one picture."""


def _read_from_keyframes(path: PathLike, wanted: list[int]) -> np.ndarray:
    """Decode for each frame only what lies between it and the keyframe before it."""
    pictures, position = {}, 0
    reformatter = VideoReformatter()
    with _open(path) as (container, stream):
        packets = [packet for packet in container.demux(stream) if packet.size]
        keyframes = [i for i, packet in enumerate(packets) if packet.is_keyframe]
        for index in sorted(set(wanted)):
            keyframe = keyframes[bisect_right(keyframes, index) - 1]
            if keyframe > position:
                stream.codec_context.flush_buffers()
                position = keyframe
            decoded = [list(_pictures_of(packet)) for packet in packets[position : index + 1]]
            position = index + 1
            if [len(frames) for frames in decoded] != [1] * len(decoded):
                raise _Unexpected
            pictures[index] = _upright(path, decoded[-1][0], reformatter)
    return _stacked(path, pictures, wanted)


def _stacked(path: PathLike, pictures: Mapping[int, np.ndarray], wanted: list[int]) -> np.ndarray:
    if len({picture.shape for picture in pictures.values()}) > 1:
        raise VideoError(f"{path}: the size of the pictures changes inside the file; re-encode it")
    return np.stack([pictures[index] for index in wanted])  # (T, H, W, 3)


def _upright(path: PathLike, frame: av.VideoFrame, reformatter: VideoReformatter) -> np.ndarray:
    """The picture (H, W, 3) as a player shows it."""
    try:
        picture = reformatter.reformat(frame, format="rgb24").to_ndarray()
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(
            f"{path}: its pictures cannot be turned into RGB ({_reason(error)}); re-encode it"
        ) from error
    return np.ascontiguousarray(np.rot90(picture, frame.rotation // 90))


def _require_inside(path: PathLike, wanted: list[int], num_frames: int) -> None:
    if min(wanted) < 0 or max(wanted) >= num_frames:
        outside = next(index for index in wanted if not 0 <= index < num_frames)
        raise MissingFrame(
            f"{path}: frame {outside} was asked for, but {num_frames} can be read; "
            "take indices below that, or look at the file with `quest82 check`"
        )


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


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
