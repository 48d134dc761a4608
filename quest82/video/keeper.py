"""What is kept of decoded frames: upright RGB, as a player shows them, and transformed."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import torch
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from torch import Tensor

from .container import pixel_aspect
from .errors import PathLike, VideoError, reason

_MOST_WAITING_BYTES = 8e6  # of decoded frames that wait for their transform: two of 1080p
Transform = Callable[[Tensor], Tensor]


class Upright:
    """Makes decoded frames what a player shows."""

    def __init__(self, path: PathLike, stream: VideoStream) -> None:
        self.path = path
        self.aspect: Fraction = pixel_aspect(stream)
        self.reformatter = VideoReformatter()  # one for all: each would start threads of its own

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """A frame as uint8 (H, W, 3), RGB.

        Raises:
            VideoError: if it cannot be turned into RGB.
        """
        width = max(1, round(frame.width * self.aspect))
        try:
            rgb = self.reformatter.reformat(frame, width, frame.height, "rgb24").to_ndarray()
        except (av.error.FFmpegError, ValueError) as error:
            raise VideoError(
                f"{self.path}: its frames cannot be turned into RGB ({reason(error)}); re-encode it"
            ) from error
        return np.ascontiguousarray(np.rot90(rgb, frame.rotation // 90))


class Keeper:
    """Keeps of some frames what is to be kept.

    Small frames wait until there are enough of them: transforming them together is faster.
    """

    def __init__(self, path: PathLike, transform: Transform | None) -> None:
        self.path, self.transform = path, transform
        self.waiting: dict[int, np.ndarray] = {}
        self.kept: dict[int, np.ndarray] = {}
        self.shape: tuple[int, ...] = ()

    def __call__(self, number: int, pixels: np.ndarray) -> None:
        """Keep a frame, uint8 (H, W, 3), under its number.

        Raises:
            VideoError: if it has another size than those before.
        """
        self.shape = self.shape or pixels.shape
        if pixels.shape != self.shape:
            raise VideoError(
                f"{self.path}: the size of the frames changes inside the file; re-encode it"
            )
        self.waiting[number] = pixels
        if self.transform and len(self.waiting) * pixels.nbytes >= _MOST_WAITING_BYTES:
            self._transform()

    def stacked(self, wanted: list[int]) -> Tensor:
        """(T, 3, H, W), in the order asked for."""
        self._transform()
        return torch.from_numpy(np.stack([self.kept[number] for number in wanted]))

    def _transform(self) -> None:
        if not self.waiting:
            return
        each = list(self.waiting.values())
        pixels = np.stack(each) if len(each) > 1 else each[0][None]  # no copy of a large one
        frames = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        frames = self.transform(frames) if self.transform else frames  # (n, 3, H, W)
        self.kept |= dict(zip(self.waiting, frames.numpy(), strict=True))
        self.waiting.clear()
