"""Entries: the packets from which decoding may begin, told by what they hold.

A container marks its keyframes, but not all of these are entries, and some containers mark every
packet. So the first bytes are read as the codecs' standards have them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import av
from av.video.stream import VideoStream


def knows(codec: str) -> bool:
    """Whether entries can be told in this codec; each of its packets then holds one frame."""
    return codec in _IS_ENTRY


def is_entry(stream: VideoStream, packet: av.Packet) -> bool:
    """Whether no packet from this keyframe on refers to anything before it.

    B-frames that follow it and are shown before it are the exception: they need what lies before.
    """
    test = _IS_ENTRY.get(stream.codec_context.name)
    return test is not None and test(bytes(packet), stream.codec_context.extradata or b"")


def _h264(data: bytes, header: bytes) -> bool:
    """An IDR (7.4.1.2.4 of the standard); other keyframes may be mere points of recovery."""
    units = _unit_headers(data, header, where=4)
    return any(unit & 31 == 5 for unit in units)


def _hevc(data: bytes, header: bytes) -> bool:
    """BLA, IDR or CRA (7.4.2.2)."""
    units = _unit_headers(data, header, where=21)
    return any(16 <= unit >> 1 & 63 <= 21 for unit in units)


def _unit_headers(data: bytes, header: bytes, *, where: int) -> Iterator[int]:
    """The first byte of each unit (NAL unit), behind its length or behind a start code.

    A file with lengths says in its header how many bytes they take, at byte `where`.
    """
    position = 0
    if len(header) > where and header[0] == 1:
        num_bytes = (header[where] & 3) + 1
        while (start := position + num_bytes) < len(data):
            yield data[start]
            position = start + int.from_bytes(data[position:start], "big")
        return
    while (position := data.find(b"\0\0\1", position) + 3) > 2 and position < len(data):
        yield data[position]


def _mpeg4(data: bytes, header: bytes) -> bool:
    """A coded I-VOP: its type is 0 (6.2.5)."""
    start = data.find(b"\0\0\1\xb6") + 4
    return 4 <= start < len(data) and data[start] >> 6 == 0


def _mpeg2(data: bytes, header: bytes) -> bool:
    """An I-picture: its type is 1, behind ten bits of order (6.2.3)."""
    start = data.find(b"\0\0\1\0") + 4
    return 4 <= start < len(data) - 1 and data[start + 1] >> 3 & 7 == 1


def _vp9(data: bytes, header: bytes) -> bool:
    """A key frame of profiles 0 to 2: marker 10, two bits of profile, two zeros (6.2)."""
    return data[0] & 0b1100_1100 == 0b1000_0000 and data[0] & 0b0011_0000 != 0b0011_0000


def _av1(data: bytes, header: bytes) -> bool:
    """Begins with a sequence header (5.3.2), perhaps behind a temporal delimiter."""
    data = data.removeprefix(b"\x12\0")
    return len(data) > 0 and data[0] >> 3 & 15 == 1


def _always(data: bytes, header: bytes) -> bool:
    return True


_IS_ENTRY: dict[str, Callable[[bytes, bytes], bool]] = {
    "av1": _av1,
    "dnxhd": _always,
    "h264": _h264,
    "hevc": _hevc,
    "libdav1d": _av1,
    "mjpeg": _always,
    "mpeg1video": _mpeg2,
    "mpeg2video": _mpeg2,
    "mpeg4": _mpeg4,
    "prores": _always,
    "vp9": _vp9,
}
