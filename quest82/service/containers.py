"""What the first bytes of a file tell: is it a video file that holds its frames itself?

Decoders also read playlists, which name other files and addresses; such a file from a stranger must
never get to them. So it is not enough that a decoder understands a file.
"""

from __future__ import annotations

HEAD_BYTES = 512
_ATOMS = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")
_STARTS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"\x00\x00\x01\xba",  # MPEG
    b"\x30\x26\xb2\x75",  # WMV
    b"OggS\x00",
    b"FLV\x01",
)


def is_container(head: bytes) -> bool:
    """Whether a file begins like MP4, QuickTime, WebM, Matroska, AVI, MPEG, Ogg, FLV or WMV.

    >>> is_container(bytes([0, 0, 0, 24]) + b"ftypisom"), is_container(b"#EXTM3U")
    (True, False)
    """
    if head[4:8] in _ATOMS:
        return head[0] == 0  # the length of the box; letters would be a text in disguise
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    if head[:1] == b"\x47":
        return head[188:189] == head[376:377] == b"\x47"  # a packet of MPEG-TS has 188 bytes
    return head.startswith(_STARTS)
