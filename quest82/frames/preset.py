"""Frames as the published networks on pixels want them: a window at a given rate, resized, cropped.

Those networks come with a recipe of their own (torchvision's `weights.transforms()`), and are only
as good as promised where it is followed to the pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor

from .. import video
from .resizing import centre, resized
from .sampling import indices_at_rate

_LONGEST = 3  # times the short side


@dataclass(frozen=True)
class Preset:
    """How such a network takes frames: torchvision's recipe up to bytes.

    Attributes:
        num_frames: T, frames of the window.
        fps: frames per second of it; see `sampling.indices_at_rate`.
        resize: height and width in pixels, whatever the frame's shape was; or one number, for the
            short side.
        crop: height and width of the centre that is kept.
    """

    num_frames: int
    fps: float
    resize: Sequence[int]
    crop: Sequence[int]

    @property
    def settings(self) -> dict:
        """The same as JSON values, for a worker process."""
        return asdict(self)

    def __call__(self, frames: Tensor) -> Tensor:
        """Resize and crop: uint8 (n, 3, H, W) -> uint8 (n, 3, crop height, crop width).

        Bilinear and without smoothing, as these networks were trained. Of frames that are more than
        three times as long as wide the ends are cut off before, where the short side decides.
        """
        if len(self.resize) == 1:  # else a narrow strip would become millions of pixels
            H, W = frames.shape[-2:]
            longest = _LONGEST * min(H, W)
            frames = centre(frames, min(H, longest), min(W, longest))
        frames = resized(frames.contiguous(), self.resize, antialias=False)
        return centre(frames, *self.crop)  # (n, 3, *crop)


def take_preset(path: Path, preset: Preset) -> tuple[Tensor, Tensor]:
    """Which frames (T,) of a file were taken, and their pixels, uint8 (T, 3, h, w).

    Raises:
        VideoError: if the file cannot be read.
    """
    if video.is_frame_folder(path):
        return _read(path, preset, video.count_frames(path), None)
    times = video.frame_times(path)
    try:
        return _read(path, preset, len(times) - 1, times)
    except video.MissingFrame:  # damage has cost some frames: take those that are left
        left = min(video.count_frames(path), len(times) - 1)
        return _read(path, preset, left, times[: left + 1])


def _read(
    path: Path, preset: Preset, num_frames: int, times: Tensor | None
) -> tuple[Tensor, Tensor]:
    indices = indices_at_rate(num_frames, preset.num_frames, fps=preset.fps, times=times)
    return indices, video.read_frames(path, indices, transform=preset)
