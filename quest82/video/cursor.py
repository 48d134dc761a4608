"""Single frames of a file whose index can be trusted, each decoded from the entry before it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from .container import frames_of
from .packets import PacketIndex


class Unexpected(Exception):
    """A frame came out of the decoder that the index did not announce, or none did."""


class Cursor:
    """Gives single frames of a file in rising order, jumping to entries on the way.

    Each packet gets its own number as timestamp, which the decoder hands on to the frame: so it is
    known from which packet a frame came, whatever the container says of times.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, index: PacketIndex) -> None:
        self.codec, self.index = stream.codec_context, index
        self.packets = (packet for packet in container.demux(stream) if packet.size)
        self.position = 0  # number of the packet that comes next

    def read(self, number: int) -> av.VideoFrame:
        """Frame `number`, which must not lie before one that was read.

        Raises:
            Unexpected: if what comes out of the decoder is not what the index announced.
        """
        entry = self.index.entry_before(number)
        if entry >= self.position:
            self._jump(entry)
        for expected, frame in self.frames:
            if expected == number:
                return frame
        raise Unexpected

    def _jump(self, entry: int) -> None:
        if self.codec.is_open:
            self.codec.flush_buffers()
        skipped = entry - self.position
        next(islice(self.packets, skipped, skipped), None)
        self.position = entry
        self.frames = self._checked(entry)

    def _checked(self, entry: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """Frames from an entry on, with their numbers, as long as all comes as announced."""
        number = self.index.frame_of[entry]
        for frame in self._decoded():
            if frame.pts is None or frame.is_corrupt:
                raise Unexpected
            found = self.index.frame_of[frame.pts]
            if found < self.index.frame_of[entry]:
                continue  # shown before the entry: not to be decoded without what lies before it
            if found != number or (frame.pts == entry and not frame.key_frame):
                raise Unexpected
            yield number, frame
            number += 1

    def _decoded(self) -> Iterator[av.VideoFrame]:
        for packet in self.packets:
            packet.pts, self.position = self.position, self.position + 1
            yield from frames_of(packet)
        try:
            yield from self.codec.decode(None)  # those that it has held back
        except av.error.FFmpegError as error:
            raise Unexpected from error
