"""The contract of a system that reads frames: clips (B, T, C, H, W) in, a vector per clip out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn


class System(nn.Module):
    """A base class: widths and options. `classifier.build` puts a linear layer on it.

    A subclass enters its hyper-parameters into `options`, from which an equal one can be made, and
    keeps to the contract of the aggregators with frames or feature maps for essences: each clip on
    its own, repeatable in eval mode, gradients to every frame that it looks at.

    Args:
        in_features: C, the channels of a frame (3) or of a feature map.
        out_features: F, the width of the vector that it makes of a clip.
        options: what an equal one is made from, beside in_features.

    Attributes:
        source: the paper.
        view: how the paper takes frames: settings of a `frames.view.ViewSpec`.
        small: options of a variant that learns in a minute on `data.motions`, frames of 32 pixels.
        on_maps: options of a variant that reads feature maps of 4 x 4 positions; None: it cannot.
    """

    source: ClassVar[str]
    view: ClassVar[Mapping]
    small: ClassVar[Mapping] = {}
    on_maps: ClassVar[Mapping | None] = None

    def __init__(self, in_features: int, out_features: int, **options) -> None:
        super().__init__()
        self.in_features, self.out_features, self.options = in_features, out_features, options

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> (B, out_features)."""
        raise NotImplementedError(f"{type(self).__name__} must say what it makes of a clip")


def require_frames(clips: Tensor, num_frames: int, name: str) -> Tensor:
    """The same clips.

    Raises:
        ValueError: if they have another number of frames than the network was made for.
    """
    if clips.shape[1] != num_frames:
        raise ValueError(
            f"clips have {clips.shape[1]} frames, but this {name} was made for {num_frames} "
            "(num_frames): sample as many, or make another"
        )
    return clips
