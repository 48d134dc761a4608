"""Read frames: those that a complete decode gives, whatever the container and the codec do.

Where the index of a file can be trusted (see `packets`), each frame is decoded from the entry
before it, and the frames that come out are counted off against the index; at the first that does
not fit, the file is decoded from its beginning instead. A fast reader that seeks without such
checks returns a wrong frame without a word: the chapter on sampling measures it with decord.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import av
import torch
from torch import Tensor

from .container import decode, open_video
from .cursor import Cursor, Unexpected
from .errors import NO_FRAME, MissingFrame, PathLike, VideoError
from .folders import is_frame_folder, read_images, size_of
from .keeper import Keeper, Transform, Upright
from .packets import PacketIndex, look_over

DECODERS = ("pyav", "decord")


@dataclass(frozen=True)
class VideoInfo:
    """What a video file or a folder of frames holds, counted rather than promised.

    Attributes:
        num_frames: frames that can be read, at least 1.
        width: of a frame as it is read, in pixels.
        height: of a frame as it is read, in pixels.
        fps: frames per second; 0 where the file does not say.
    """

    num_frames: int
    width: int
    height: int
    fps: float


def probe(path: PathLike) -> VideoInfo:
    """Count the frames of a video and read its size and rate, without decoding a sound file.

    Raises:
        VideoError: if the file is missing, empty, no video, or holds no frame.
    """
    if is_frame_folder(path):
        return VideoInfo(*size_of(path), fps=0.0)
    index = look_over(path)
    return VideoInfo(index.num_frames, index.width, index.height, index.fps)


def frame_times(path: PathLike) -> Tensor:
    """When each frame is shown: float64 (n + 1,), seconds since the first, then the clip's end.

    Frames that share a time are shown for no time at all. Where the file gives no times, the frames
    follow each other at its average rate.

    Raises:
        VideoError: as for `probe`; and of a folder of frames, which says nothing of times.
    """
    if is_frame_folder(path):
        raise VideoError(
            f"{path}: is a folder of frames, which have no times, so that nothing can be cut from "
            "it by seconds; make a video of them, or leave out what is given in seconds"
        )
    return torch.from_numpy(look_over(path).times.copy())


def count_frames(path: PathLike) -> int:
    """Count the frames by decoding all of them: true even where damage has cost some.

    Raises:
        VideoError: if the file cannot be read at all, or holds no frame.
    """
    if is_frame_folder(path):
        return size_of(path)[0]
    num_frames = sum(1 for _ in decode(path))
    if num_frames == 0:
        raise VideoError(f"{path}: {NO_FRAME}; remove or re-encode it")
    return num_frames


def read_frames(
    path: PathLike,
    indices: Sequence[int] | Tensor,
    *,
    transform: Transform | None = None,
    decoder: str = "pyav",
) -> Tensor:
    """Read some frames of a video, in the order asked for; repeated indices are allowed.

    Frames are upright and, where pixels are not square, stretched sideways, as a player shows them.

    Args:
        path: the video file, or a folder of frames (see `folders`).
        indices: T frame numbers, each in [0, num_frames) of `probe`.
        transform: maps some frames, uint8 (n, 3, H, W), to what is kept of them, uint8
            (n, 3, H', W'), soon after they are decoded; large ones one by one. With a crop, memory
            does not grow with T times the frames' size.
        decoder: "pyav", or "decord" for comparison: it seeks by itself, and returns wrong frames,
            without a word, from files with B-frames, open GOPs, repeated timestamps and the like.

    Returns:
        uint8 tensor of shape (T, 3, H, W), RGB.

    Raises:
        VideoError: if the file cannot be read, or (`MissingFrame`) an index lies outside it.
        ValueError: if there are no indices, or no such decoder.
    """
    wanted = [int(index) for index in indices]
    if not wanted:
        raise ValueError("indices is empty: ask for at least one frame")
    if decoder not in DECODERS:
        raise ValueError(f"decoder ({decoder!r}) must be one of {', '.join(DECODERS)}")
    if is_frame_folder(path):
        return read_images(path, wanted, transform=transform)
    index = look_over(path)
    _require_inside(path, wanted, index.num_frames)
    if decoder == "decord":
        return _read_with_decord(path, wanted, transform)
    if index.position_of is not None:
        try:
            return _read_from_entries(path, wanted, index, transform)
        except Unexpected:  # damage, or timestamps that lie: only a complete decode can tell
            pass
    return _read_from_beginning(path, wanted, index.frames or decode(path), transform)


def _read_from_entries(
    path: PathLike, wanted: list[int], index: PacketIndex, transform: Transform | None
) -> Tensor:
    """Decode for each frame only what lies between it and the entry before it."""
    with open_video(path) as (container, stream):
        cursor, upright = Cursor(container, stream, index), Upright(path, stream)
        keep = Keeper(path, transform)
        for frame in sorted(set(wanted)):
            keep(frame, upright(cursor.read(frame)))
    return keep.stacked(wanted)


def _read_from_beginning(
    path: PathLike, wanted: list[int], frames: Iterable[av.VideoFrame], transform: Transform | None
) -> Tensor:
    with open_video(path) as (_, stream):
        upright, keep = Upright(path, stream), Keeper(path, transform)
    needed, num_frames = set(wanted), 0
    for number, frame in enumerate(islice(frames, max(wanted) + 1)):
        if number in needed:
            keep(number, upright(frame))
        num_frames = number + 1
    _require_inside(path, wanted, num_frames)
    return keep.stacked(wanted)


def _read_with_decord(path: PathLike, wanted: list[int], transform: Transform | None) -> Tensor:
    import decord  # slow to import, and seldom asked for

    decord.logging.set_level(decord.logging.QUIET)
    try:
        # One thread: with several, decord is known to hang on damaged files, and is no faster.
        reader = decord.VideoReader(os.path.abspath(path), num_threads=1)
        frames = torch.from_numpy(reader.get_batch(wanted).asnumpy())  # (T, H, W, 3)
    except (decord.DECORDError, RuntimeError) as error:
        raise VideoError(f"{path}: decord cannot read it; leave it to PyAV") from error
    frames = frames.permute(0, 3, 1, 2).contiguous()
    return transform(frames) if transform else frames


def _require_inside(path: PathLike, wanted: list[int], num_frames: int) -> None:
    if min(wanted) < 0 or max(wanted) >= num_frames:
        outside = next(index for index in wanted if not 0 <= index < num_frames)
        raise MissingFrame(
            f"{path}: frame {outside} was asked for, but {num_frames} can be read; "
            "take indices below that, or look at the file with `quest82 check`"
        )
