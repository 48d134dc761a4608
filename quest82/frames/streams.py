"""A place in a long video at which reading goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import Tensor

from ..video import read_on
from .transforms import ClipTransform
from .view import ViewSpec


class OneStream:
    """Reads frames of one file at a time, each decoded once as long as the numbers rise.

    Asked about another file, or about frames that lie behind, it begins anew: whoever asks need
    not know where it is.
    """

    def __init__(self) -> None:
        self._about: tuple[Path, ViewSpec] | None = None
        self._position = 0
        self._asked: deque[Sequence[int]] = deque()
        self._frames: Iterator[Tensor] = iter(())

    def read(self, path: Path, frames: Sequence[int], spec: ViewSpec) -> Tensor:
        """Frames of rising numbers through the centre crop.

        Returns:
            uint8 (n, 3, S, S).

        Raises:
            VideoError: if the file cannot be read, or a number lies outside it.
        """
        if (path, spec) != self._about or frames[0] < self._position:
            self._asked = deque()
            pieces = iter(self._asked.popleft, None)
            crop = ClipTransform(spec.size).cropper()
            self._frames = read_on(path, pieces, transform=crop)
        self._about = None  # if it fails, the next one begins anew
        self._asked.append(frames)
        pixels = next(self._frames).contiguous()
        self._about, self._position = (path, spec), frames[-1] + 1
        return pixels
