"""Read on in a file: frames of rising numbers, piece by piece, each decoded once.

A long video is too large to be read at once, and to read it part by part with `read_frames` would
decode again, for each part, what lies before it: back to the entry, or where no index can be
trusted to the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import av
from torch import Tensor

from .container import decode, open_video
from .cursor import Cursor, Unexpected
from .errors import MissingFrame, PathLike
from .keeper import Keeper, Transform, Upright
from .packets import look_over
from .reading import read_frames


def read_on(
    path: PathLike, pieces: Iterable[Sequence[int]], *, transform: Transform | None = None
) -> Iterator[Tensor]:
    """Frames piece by piece; what each piece holds is what `read_frames` would give.

    A piece in which damage is met is read by `read_frames` itself, which costs a decode from the
    beginning.

    Args:
        path: the video file.
        pieces: numbers of frames, rising within a piece and from piece to piece; the next piece is
            asked for when the one before has been taken.
        transform: as for `read_frames`.

    Yields:
        For each piece of n numbers uint8 (n, 3, H, W), RGB.

    Raises:
        VideoError: if the file cannot be read, or (`MissingFrame`) a number lies outside it.
    """
    index, pieces = look_over(path), iter(pieces)
    damaged: Sequence[int] | None = ()
    while damaged is not None:
        if damaged:
            yield read_frames(path, damaged, transform=transform)
        damaged = None
        with open_video(path) as (container, stream):
            upright = Upright(path, stream)
            source: _Source = _InOrder(path, index.frames or decode(path))
            if index.position_of is not None:
                source = Cursor(container, stream, index)
            for numbers in pieces:
                try:
                    keep = Keeper(path, transform)
                    for number in numbers:
                        keep(number, upright(source.read(number)))
                    yield keep.stacked(list(numbers))
                except Unexpected:
                    damaged = numbers
                    break


class _Source(Protocol):
    def read(self, number: int) -> av.VideoFrame:
        """Frame `number`, which must not lie before one that was read."""


class _InOrder:
    """Gives single frames in rising order from a decode of the whole file."""

    def __init__(self, path: PathLike, frames: Iterable[av.VideoFrame]) -> None:
        self.path, self.frames = path, enumerate(frames)

    def read(self, number: int) -> av.VideoFrame:
        for found, frame in self.frames:
            if found == number:
                return frame
        raise MissingFrame(
            f"{self.path}: frame {number} was asked for, but it cannot be read; look at the file "
            "with `quest82 check`"
        )
