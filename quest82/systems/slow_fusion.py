"""Slow fusion: from layer to layer, more frames have met."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .parts.blocks import Stages2d, each_frame
from .parts.system import System, require_frames


class SlowFusion(System):
    """Early fusion of short windows, and of what the windows gave, until one moment is left.

    Layer l reads windows of extents[l] moments of the layer below, each window by the same
    weights: a 3D convolution without padding in time. In the paper, windows of 4, 2 and 2 moments,
    every second one, make 4, 2 and 1 moments of 10 frames. What follows is an image network.

    Args:
        in_features: C.
        extents: moments in a window, for each of the first layers.
        strides: moments from a window to the next, for each of them.
        widths: channels of the stages, those of the image network on top included.

    Attributes:
        num_frames: T, as many as the layers cover; 10 with those of the paper.

    Raises:
        ValueError: if extents, strides and widths do not fit together, or (in `forward`) clips
            have another number of frames.
    """

    source = "Karpathy et al. 2014, Large-scale Video Classification with CNNs"
    view = {"num_frames": 10, "size": 224, "sampler": "strided", "stride": 1}
    # Of 8 frames windows of 4, 2 and 2 make 3, 2 and 1.
    small = {"extents": [4, 2, 2], "strides": [2, 1, 1], "widths": [32, 64, 128]}
    on_maps = {"extents": [4, 3], "strides": [2, 1], "widths": [64, 64]}

    def __init__(
        self,
        in_features: int,
        *,
        extents: Sequence[int] = (4, 2, 2),
        strides: Sequence[int] = (2, 2, 2),
        widths: Sequence[int] = (32, 64, 128),
    ) -> None:
        if len(extents) != len(strides) or not 1 <= len(extents) <= len(widths):
            raise ValueError(
                f"extents ({list(extents)}) and strides ({list(strides)}) must be equally many, "
                f"from one to as many as there are widths ({list(widths)}): leave some out"
            )
        options = {"extents": list(extents), "strides": list(strides)}
        super().__init__(in_features, widths[-1], **options, widths=list(widths))
        self.num_frames = frames_covered(extents, strides)
        ins = (in_features, *widths)
        self.fusing = nn.ModuleList(
            Stages2d(moments * ins[layer], widths[layer : layer + 1])
            for layer, moments in enumerate(extents)
        )
        self.images = Stages2d(ins[len(extents)], widths[len(extents) :])

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the most of each feature anywhere in the clip (B, F)."""
        x = require_frames(clips, self.num_frames, "SlowFusion")
        steps = zip(self.fusing, self.options["extents"], self.options["strides"], strict=True)
        for stage, extent, stride in steps:
            x = each_frame(stage, windows(x, extent, stride))  # (B, fewer moments, width, H/2, W/2)
        return self.images(x[:, 0]).amax(dim=(2, 3))


def windows(x: Tensor, extent: int, stride: int) -> Tensor:
    """Windows in time, their moments stacked as channels.

    Args:
        x: (B, T, C, H, W).
        extent: moments in a window, at most T.
        stride: moments from a window to the next.

    Returns:
        (B, (T - extent) // stride + 1, extent * C, H, W).
    """
    return x.unfold(1, extent, stride).movedim(-1, 2).flatten(2, 3)


def frames_covered(extents: Sequence[int], strides: Sequence[int]) -> int:
    """How many frames one moment of the last layer sees.

    Examples:
        >>> frames_covered([4, 2, 2], [2, 2, 2]), frames_covered([4, 2, 2], [2, 1, 1])
        (10, 8)
    """
    frames = 1
    for extent, stride in zip(reversed(extents), reversed(strides), strict=True):
        frames = (frames - 1) * stride + extent
    return frames
