"""Decode a whole file and say what is wrong with it, if anything."""

from __future__ import annotations

from dataclasses import dataclass

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from .container import decode, open_video
from .errors import NO_FRAME, PathLike, VideoError
from .folders import images_in, is_frame_folder, other_size, read_image


@dataclass(frozen=True)
class Inspection:
    """What one complete reading of a file found (see `inspect`).

    Attributes:
        promised: frames that the file's header names; 0 where it names none.
        decoded: frames that came out.
        corrupt: frames among them that the decoder had to patch up.
        problem: one sentence, empty for a sound file.
    """

    promised: int
    decoded: int
    corrupt: int
    problem: str


def inspect(path: PathLike) -> Inspection:
    """Decode a whole file, or each image of a folder, and say what is wrong with it, if anything.

    Finds what reading hides: decoders patch damaged frames, or repeat the last good one, without a
    word. Never raises for a bad file; the finding is in `problem`.
    """
    if is_frame_folder(path):
        return _inspect_folder(path)
    times: list[float] = []
    sizes: list[tuple[int, int]] = []
    damage: list[str] = []
    corrupt = 0
    try:
        header = _read_header(path)
        for frame in decode(path, damage):
            corrupt += frame.is_corrupt
            times.append(frame.time or 0)
            if not sizes or sizes[-1] != (frame.width, frame.height):
                sizes.append((frame.width, frame.height))
    except VideoError as error:
        return Inspection(0, 0, 0, str(error).removeprefix(f"{path}: "))
    findings = [_wrong_count(header, times)] if times else [NO_FRAME]
    if len(sizes) > 1:
        text = " and then ".join(f"{width}x{height}" for width, height in sizes[:3])
        findings.append(f"the size of its frames changes, it is {text}")
    if corrupt:
        findings.append(f"{corrupt} of {len(times)} frames are damaged")
    if damage:
        findings.append(f"{len(damage)} packets cannot be decoded")
    return Inspection(header.promised, len(times), corrupt, "; ".join(filter(None, findings)))


def _inspect_folder(path: PathLike) -> Inspection:
    """The first thing that is wrong of each kind, and how often it is."""
    unreadable, odd, first = [], [], ("", 0, 0)
    try:
        images = images_in(path)
    except VideoError as error:
        return Inspection(0, 0, 0, str(error).removeprefix(f"{path}: "))
    for image in images:
        try:
            height, width, _ = read_image(image).shape
        except VideoError as error:
            unreadable.append(str(error).removeprefix(f"{path}: "))
            continue
        first = first if first[0] else (image.name, width, height)
        if first[1:] != (width, height):
            odd.append(other_size(image.name, (width, height), first))
    findings = [
        f"{what[0]} ({len(what)} such images)" if len(what) > 1 else what[0]
        for what in (unreadable, odd)
        if what
    ]
    if len(images) == 1:
        findings.append("holds a single frame")
    return Inspection(len(images), len(images) - len(unreadable), 0, "; ".join(findings))


@dataclass(frozen=True)
class _Header:
    promised: int  # frames, 0 where the file does not say
    cut: int  # of these, frames that an edit list leaves out
    packets: int  # those that hold something
    complete: bool  # the packets last as long as the stream should
    duration_seconds: float  # 0 where the file does not say, or sound may last longer


def _read_header(path: PathLike) -> _Header:
    with open_video(path) as (container, stream):
        promised, duration = stream.frames, _duration_seconds(container)
        packets = [(p.dts, p.is_discard) for p in container.demux(stream) if p.size]
        cut = sum(is_discard for _, is_discard in packets)
        return _Header(promised, cut, len(packets), _complete(stream, packets), duration)


def _complete(stream: VideoStream, packets: list[tuple[int | None, bool]]) -> bool:
    """Whether the last packet ends where the stream should.

    Then a promise of more frames is no sign of damage: AVI promises ticks, and where a frame lasts
    two of them, twice too many. Other containers promise packets, and those that were cut short
    end too early.
    """
    dts = [time for time, _ in packets if time is not None]
    steps = [after - before for before, after in zip(dts, dts[1:], strict=False)]
    return bool(steps) and dts[-1] + min(steps) == stream.duration


def _duration_seconds(container: InputContainer) -> float:
    if container.streams.audio or not container.duration:
        return 0.0
    return container.duration / av.time_base


def _wrong_count(header: _Header, times: list[float]) -> str:
    num_frames, promised = len(times), header.promised - header.cut
    if num_frames == 1:
        return "holds a single frame"
    if header.promised and promised != num_frames:
        if not (header.complete and header.packets == num_frames):
            return f"promises {promised} frames, holds {num_frames}"
        return ""
    # Matroska counts its duration from 0 even where the first frame comes later.
    span, last = max(times) - min(times), max(times)
    if header.duration_seconds - max(span, last) > max(0.5, 0.1 * header.duration_seconds):
        return f"lasts {header.duration_seconds:.1f} s by its header, its frames cover {span:.1f} s"
    return ""
