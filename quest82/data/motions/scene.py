"""What one clip shows: a shape with a texture, a ground behind it, and what the shape does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .kinds import Path


@dataclass(frozen=True)
class Texture:
    """Waves of colour.

    Attributes:
        colour: (3,), their mean.
        waves: (3, W, 2), for each colour W waves, in radians per unit of place.
        phases: (3, W).
        depth: how far they go from the mean.
    """

    colour: np.ndarray
    waves: np.ndarray
    phases: np.ndarray
    depth: float


@dataclass(frozen=True)
class Scene:
    """All that is needed to draw one clip, of any size.

    Attributes:
        kind: a name in `KINDS`; what the clip shows is its forward class.
        number: of the object, by which clips are grouped.
        path: what the shape does.
        inside: texture of the shape, which moves with it.
        ground: texture behind it.
        noise: standard deviation of the noise of each pixel and frame, of a range of 1.
        noise_seed: of that noise.
    """

    kind: str
    number: int
    path: Path
    inside: Texture
    ground: Texture
    noise: float
    noise_seed: int

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.path.size)

    @property
    def group(self) -> str:
        """Such as "object 0007": all clips of one object."""
        return f"object {self.number:04d}"

    @property
    def clip_id(self) -> str:
        """Such as "across-0007"."""
        return f"{self.kind}-{self.number:04d}"

    @property
    def backwards(self) -> Scene:
        """The same scene played backwards; all but the noise of `render` is what one expects."""
        return replace(self, path=self.path.backwards)
