"""What packets tell before anything is decoded: how many frames, in which order, and when.

A video file is a row of packets in the order of decoding. To give frame k without decoding all
before it, three things must be known for certain: that each packet holds one frame, which packet
holds frame k (B-frames are stored after the frame that follows them), and a packet before it from
which decoding may begin, an *entry* (see `entries`). Files are trusted with this where it can be
proven from their packets; `reading` checks it again, frame by frame, and decodes all others from
the beginning.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from .container import decode, frames_of, open_video, pixel_aspect
from .entries import is_entry, knows
from .errors import NO_FRAME, PathLike, VideoError

# Packets below this many bytes may hold no frame. MPEG-4 has a header of 7 or more for "nothing has
# changed", the new codecs a byte or two for "show that frame now"; the others need a start code (4
# bytes) and a type.
_SMALLEST = {"mpeg4": 16, "vp9": 1, "libdav1d": 1, "av1": 1}
_SMALLEST_OF_OTHERS = 5
# H.264 and HEVC let a decoder hold back at most 16 frames, to bring B-frames into order.
_MOST_HELD_BACK = 16
# Decoded frames up to this size are kept from counting for reading: some ten seconds of 320x240.
_MOST_KEPT_BYTES = 64e6


@dataclass(frozen=True)
class PacketIndex:
    """Where the frames of a file are.

    Attributes:
        num_frames: n, the frames that decoding the whole file gives.
        times: (n + 1,) seconds: when each frame is first shown, and when the last one ends.
        width: of a frame as a player shows it, in pixels.
        height: of a frame as a player shows it, in pixels.
        fps: frames per second on average; 0 where the file does not say.
        position_of: (n,) for each frame, in the order of display, the number of its packet; None
            where only decoding from the beginning can tell.
        entries: numbers of the packets from which decoding may begin, rising.
        frames: all n, decoded, where that had to be done to count them and they are not large.
    """

    num_frames: int
    times: np.ndarray
    width: int
    height: int
    fps: float
    position_of: np.ndarray | None = None
    entries: tuple[int, ...] = ()
    frames: tuple[av.VideoFrame, ...] = ()

    @cached_property
    def frame_of(self) -> np.ndarray:
        """(n,) for each packet the number of its frame, in the order of display."""
        order = np.arange(self.num_frames) if self.position_of is None else self.position_of
        return np.argsort(order)

    def entry_before(self, frame: int) -> int:
        """The packet at which to begin decoding in order to see a frame."""
        return self.entries[bisect_right(self.entries, frame, key=self.frame_of.__getitem__) - 1]


def look_over(path: PathLike) -> PacketIndex:
    """Index a file; asked again about the same file, it is not read again.

    Raises:
        VideoError: if the file cannot be read, or holds no frame.
    """
    try:
        state = os.stat(path)
    except OSError:
        return _index(os.fspath(path), None)  # says better what is wrong
    return _index(os.fspath(path), (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=1)
def _index(path: PathLike, version: tuple[int, int] | None) -> PacketIndex:
    with open_video(path) as (container, stream):
        packets, first = _read_packets(container, stream)
        size = _size_as_shown(stream, first)
        fps = float(stream.average_rate or 0)
        if _one_frame_each(stream, packets, first):
            order = _display_order(packets)
            if order is not None:
                entries = tuple(i for i, packet in enumerate(packets) if packet.is_entry)
                times = _times_of_packets(packets, order, stream)
                index = PacketIndex(len(packets), times, *size, fps, order, entries)
                if "mpeg" not in container.format.name or _ends_whole(path, index):
                    return index
    return _count(path, size, fps)


def _ends_whole(path: PathLike, index: PacketIndex) -> bool:
    """Whether all frames from the last entry on can be decoded.

    MPEG's transport and program streams do not say how long a packet is: where such a file was cut
    short, the last one is cut, too.
    """
    entry, decoded = index.entries[-1], 0
    with open_video(path) as (container, stream):
        for number, packet in enumerate(container.demux(stream)):
            decoded += sum(1 for _ in frames_of(packet)) if number >= entry else 0
    return decoded == index.num_frames - index.frame_of[entry]


class _Packet(NamedTuple):  # an hour of video has a hundred thousand of them
    pts: int | None
    dts: int | None
    duration: int
    is_entry: bool
    is_trusted: bool


def _read_packets(
    container: InputContainer, stream: VideoStream
) -> tuple[list[_Packet], av.VideoFrame | None]:
    """What is to be known of each packet, and the first frame."""
    packets, first = [], None
    smallest = _SMALLEST.get(stream.codec_context.name, _SMALLEST_OF_OTHERS)
    for packet in container.demux(stream):
        if first is None:
            first = next(frames_of(packet), None)
        if size := packet.size:
            entry = packet.is_keyframe and is_entry(stream, packet)
            whole = size >= smallest and not (packet.is_discard or packet.is_corrupt)
            packets.append(_Packet(packet.pts, packet.dts, packet.duration or 0, entry, whole))
    return packets, first


def _one_frame_each(
    stream: VideoStream, packets: Sequence[_Packet], first: av.VideoFrame | None
) -> bool:
    """Whether each packet holds one frame, as far as the packets can tell."""
    return (
        first is not None
        and knows(stream.codec_context.name)
        and not first.interlaced_frame  # its two fields may be two packets
        and stream.frames in (0, len(packets))
        and packets[0].is_entry
        and all(packet.is_trusted for packet in packets)
    )


def _display_order(packets: Sequence[_Packet]) -> np.ndarray | None:
    """For each frame in the order of display the number of its packet; None if it is in doubt."""
    pts, dts = [p.pts for p in packets], [p.dts for p in packets if p.dts is not None]
    if None in pts or len(set(pts)) < len(pts) or any(np.diff(dts) <= 0):
        return None
    position_of = np.argsort(np.array(pts), kind="stable")
    moved = np.abs(position_of - np.arange(len(pts)))
    return position_of if position_of[0] == 0 and moved.max() <= _MOST_HELD_BACK else None


def _times_of_packets(
    packets: Sequence[_Packet], position_of: np.ndarray, stream: VideoStream
) -> np.ndarray:
    shown = np.array([packet.pts for packet in packets])[position_of]
    tick = float(stream.time_base or 0)
    return _with_end((shown - shown[0]) * tick, packets[position_of[-1]].duration * tick)


def _with_end(times: np.ndarray, last_duration: float) -> np.ndarray:
    """The end of the clip after the times of its frames: by the mean where it is not known."""
    mean = times[-1] / (len(times) - 1) if len(times) > 1 else 1.0
    return np.append(times, times[-1] + (last_duration if last_duration > 0 else mean))


def _count(path: PathLike, size: tuple[int, int], fps: float) -> PacketIndex:
    """The index of a file whose packets cannot be trusted: decoded as a whole, and counted."""
    times: list[float | None] = []
    frames: list[av.VideoFrame] = []
    num_bytes, last_duration = 0, 0.0
    for frame in decode(path):
        times.append(frame.time)
        last_duration = float((frame.duration or 0) * (frame.time_base or 0))
        num_bytes += sum(plane.buffer_size for plane in frame.planes)
        frames.append(frame)
        if num_bytes > _MOST_KEPT_BYTES:
            frames.clear()
    if not times:
        raise VideoError(f"{path}: {NO_FRAME}; remove or re-encode it")
    shown = np.array(times, dtype=float)  # where there is none, not a number
    if np.isnan(shown).any() or any(np.diff(shown) < 0):  # some run backwards
        shown, last_duration = np.arange(len(times)) / (fps or 1.0), 0.0
    edges = _with_end(shown - shown[0], last_duration)
    return PacketIndex(len(times), edges, *size, fps, frames=tuple(frames))


def _size_as_shown(stream: VideoStream, first: av.VideoFrame | None) -> tuple[int, int]:
    width, height = stream.codec_context.width, stream.codec_context.height
    width = max(1, round(width * pixel_aspect(stream)))
    return (height, width) if first and first.rotation % 180 else (width, height)
