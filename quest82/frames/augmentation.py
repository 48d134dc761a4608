"""Augmentation for training: each clip is cropped, coloured and turned a little, all frames alike.

The first three are those of temporal segment networks (Wang et al. 2016, section 3.2), which were
trained on few videos.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from .transforms import require_frames, uniform


class Window(NamedTuple):
    """A part of a frame, in pixels."""

    top: int
    left: int
    height: int
    width: int


class Draw(NamedTuple):
    """What is done to all frames of a clip.

    Attributes:
        window: what is cropped; it is then resized to a square.
        mirrored: left to right.
        brightness: factor, 1 to leave it.
        contrast: likewise.
        saturation: likewise.
        degrees: turn about the middle, clockwise.
    """

    window: Window
    mirrored: bool
    brightness: float
    contrast: float
    saturation: float
    degrees: float


@dataclass(frozen=True)
class Augmentation:
    """What may be done to a clip in training; drawn once per clip, and every part has its switch.

    Attributes:
        size: side S of the result in pixels.
        corners: crop at one of the four corners or in the middle, since windows at random are
            mostly near the middle (Wang et al. 2016); off: anywhere.
        scales: sides of the window as shares of the frame's short side. Wang et al. draw from 256,
            224, 192 and 168 of 256 pixels; (1.0,) for the largest square.
        aspect: draw width and height apart; off: squares.
        jitter: brightness, contrast and saturation are multiplied by factors from 1 - jitter to
            1 + jitter; 0 leaves the colours.
        degrees: the clip is turned by at most so much either way; 0 leaves it upright.
        flip: mirror half of the clips; off where the label depends on the side.

    Raises:
        ValueError: if a number is out of range.
    """

    size: int = 224
    corners: bool = True
    scales: tuple[float, ...] = (1.0, 0.875, 0.75, 0.65625)
    aspect: bool = True
    jitter: float = 0.3
    degrees: float = 10.0
    flip: bool = True

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size ({self.size}) must be at least 1 pixel")
        if not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise ValueError(f"scales {self.scales} must be one or more, above 0 and at most 1")
        if not 0 <= self.jitter < 1 or not 0 <= self.degrees <= 180:
            raise ValueError(
                f"jitter ({self.jitter}) must be from 0 to below 1, and degrees ({self.degrees}) "
                "from 0 to 180"
            )

    def __call__(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """Draw once, and do it to all frames of a clip.

        Args:
            frames: uint8 (T, 3, H, W).
            generator: where everything random is drawn from.

        Returns:
            uint8 (T, 3, S, S).

        Raises:
            ValueError: if frames have another shape or type.
        """
        require_frames(frames)
        H, W = frames.shape[-2:]
        return self.apply(frames, self.draw(H, W, generator))

    def draw(self, height: int, width: int, generator: torch.Generator) -> Draw:
        """What to do to a clip whose frames have this size; as many draws whatever is off."""
        low, high = 1 - self.jitter, 1 + self.jitter
        return Draw(
            window=self._window(height, width, generator),
            mirrored=uniform(0, 1, generator) < 0.5 and self.flip,
            brightness=uniform(low, high, generator),
            contrast=uniform(low, high, generator),
            saturation=uniform(low, high, generator),
            degrees=uniform(-self.degrees, self.degrees, generator),
        )

    def apply(self, frames: Tensor, draw: Draw) -> Tensor:
        """Do what was drawn: uint8 (T, 3, H, W) -> uint8 (T, 3, S, S)."""
        frames = F.resized_crop(frames, *draw.window, [self.size, self.size], antialias=True)
        if draw.mirrored:
            frames = F.horizontal_flip(frames)
        if self.jitter:
            frames = F.adjust_brightness(frames, draw.brightness)
            frames = F.adjust_contrast(frames, draw.contrast)
            frames = F.adjust_saturation(frames, draw.saturation)
        return _turned(frames, draw.degrees) if self.degrees else frames

    def _window(self, height: int, width: int, generator: torch.Generator) -> Window:
        short = min(height, width)
        sides = [max(1, round(short * scale)) for scale in self.scales]
        h, w = (sides[_below(len(sides), generator)] for _ in range(2))
        if not self.aspect:
            h = w
        place = self._place(generator)
        return Window(round(place[0] * (height - h)), round(place[1] * (width - w)), h, w)

    def _place(self, generator: torch.Generator) -> tuple[float, float]:
        """Where in the room that is left, down and right, each from 0 to 1."""
        corner = CORNERS[_below(len(CORNERS), generator)]
        anywhere = uniform(0, 1, generator), uniform(0, 1, generator)
        return corner if self.corners else anywhere


CORNERS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5))


def _below(number: int, generator: torch.Generator) -> int:
    return int(torch.randint(number, (), generator=generator))


def _turned(frames: Tensor, degrees: float) -> Tensor:
    """Turned clockwise about the middle, and enlarged until no corner is empty."""
    S = frames.shape[-1]
    angle = math.radians(abs(degrees) % 90)
    larger = math.ceil(S * (math.cos(angle) + math.sin(angle)))
    frames = F.resize(frames, [larger, larger], antialias=True)
    turned = F.rotate(frames, -degrees, interpolation=InterpolationMode.BILINEAR)
    return F.center_crop(turned, [S, S])
