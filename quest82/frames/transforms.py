"""From decoded frames to the square images that the network sees.

Whatever is random is drawn once per clip and applied to all its frames: were every frame
cropped on its own, the crop would add a motion of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .resizing import centre, resized, scaled

# ImageNet's habit: the short side at 256 where the crop is 224.
_RESIZE_RATIO = 256 / 224


class ClipTransform:
    """Resize and crop a clip to a square, the same way for each of its frames.

    Evaluation: the short side to 256/224 of `size`, then the centre. Training: a random
    window of a random size and shape, and a flip with probability one half (random resized crop,
    Szegedy et al. 2015), drawn once per clip from the generator that is passed.

    Args:
        size: side S of the result in pixels, at least 1.
        train: draw a random crop rather than take the centre.
        flip: mirror half of the training clips left to right. Switch it off where the label
            depends on the side ("wave with the left hand", "move to the right").
        scale: smallest and largest share of the frame's area that a random crop covers.

    Raises:
        ValueError: if size is below 1.
    """

    def __init__(
        self,
        size: int = 224,
        *,
        train: bool = False,
        flip: bool = True,
        scale: tuple[float, float] = (0.5, 1.0),
    ) -> None:
        if size < 1:
            raise ValueError(f"size ({size}) must be at least 1 pixel")
        self.size, self.train, self.flip, self.scale = size, train, flip, scale

    def __call__(self, frames: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Transform one clip.

        Args:
            frames: uint8 tensor (T, 3, H, W).
            generator: where the random crop is drawn from; needed when train is set.

        Returns:
            float32 tensor (T, 3, S, S) in [0, 1].

        Raises:
            ValueError: if frames have another shape or type, or train is set without generator.
        """
        return scaled(self.crop(frames, generator))

    def crop(self, frames: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The same in whole numbers: uint8 (T, 3, H, W) -> uint8 (T, 3, S, S)."""
        require_frames(frames)
        return self.cropper(generator)(frames)

    def cropper(self, generator: torch.Generator | None = None) -> Callable[[Tensor], Tensor]:
        """A function that crops the frames of one clip, all at once or one after the other.

        Whatever is random is drawn when it sees the first frames, and kept for the others.
        """
        if not self.train:
            return self._centre
        if generator is None:
            raise ValueError("train=True draws a random crop: pass a torch.Generator")
        drawn: list[tuple[tuple[int, int, int, int], bool]] = []

        def crop(frames: Tensor) -> Tensor:
            if not drawn:
                H, W = frames.shape[-2:]
                window = _random_window(H, W, self.scale, generator)
                drawn.append((window, uniform(0, 1, generator) < 0.5))
            return self._crop_window(frames, *drawn[0])

        return crop

    def _centre(self, frames: Tensor) -> Tensor:
        H, W = frames.shape[-2:]
        longest = 3 * min(H, W)  # of a very long frame the ends would only cost memory
        frames = centre(frames, min(H, longest), min(W, longest))
        frames = resized(frames, [round(self.size * _RESIZE_RATIO)])
        return centre(frames, self.size, self.size)  # (T, 3, S, S)

    def _crop_window(
        self, frames: Tensor, window: tuple[int, int, int, int], mirrored: bool
    ) -> Tensor:
        top, left, height, width = window
        frames = frames[..., top : top + height, left : left + width]
        frames = resized(frames, [self.size, self.size])
        return frames.flip(-1) if self.flip and mirrored else frames


def require_frames(frames: Tensor) -> None:
    """Refuse what are no frames.

    Raises:
        ValueError: if they are not uint8 (T, 3, H, W).
    """
    if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[1] != 3:
        raise ValueError(
            f"frames ({frames.dtype}, {tuple(frames.shape)}) must be uint8 of shape "
            "(T, 3, H, W), as video.read_frames gives them"
        )


def _random_window(
    height: int, width: int, scale: tuple[float, float], generator: torch.Generator
) -> tuple[int, int, int, int]:
    """Top, left, height, width of a window with a random share of the area, 3:4 to 4:3."""
    area = height * width * uniform(*scale, generator)
    aspect = math.exp(uniform(math.log(3 / 4), math.log(4 / 3), generator))
    w = max(1, min(width, round(math.sqrt(area * aspect))))
    h = max(1, min(height, round(math.sqrt(area / aspect))))
    top = int(uniform(0, height - h + 1, generator))
    left = int(uniform(0, width - w + 1, generator))
    return top, left, h, w


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    """A number from low to below high, drawn from the generator."""
    return low + (high - low) * torch.rand((), dtype=torch.float64, generator=generator).item()
