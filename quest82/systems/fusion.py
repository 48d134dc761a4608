"""When do frames meet? One frame alone, all at once in the first layer, or in between."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .parts.blocks import Stages2d
from .parts.system import System, require_frames

_KARPATHY = "Karpathy et al. 2014, Large-scale Video Classification with CNNs"


class SingleFrame(System):
    """The middle frame alone: what a video classifier must be better than.

    Args:
        in_features: C.
        widths: channels of the stages of the image network.
    """

    source = _KARPATHY
    view = {"num_frames": 1, "size": 224, "sampler": "segments"}
    small = {"widths": [32, 64, 128]}
    on_maps = {"widths": [64, 64]}

    def __init__(self, in_features: int, *, widths: Sequence[int] = (32, 64, 128)) -> None:
        super().__init__(in_features, widths[-1], widths=list(widths))
        self.images = Stages2d(in_features, widths)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the most of each feature anywhere in the frame (B, F)."""
        return self.images(clips[:, clips.shape[1] // 2]).amax(dim=(2, 3))


class EarlyFusion(System):
    """All frames in the first layer: C T channels, and from there on an image network.

    Args:
        in_features: C.
        num_frames: T.
        widths: channels of the stages.

    Raises:
        ValueError: if (in `forward`) clips have another number of frames.
    """

    source = _KARPATHY
    view = {"num_frames": 10, "size": 224, "sampler": "strided", "stride": 1}
    small = {"num_frames": 8, "widths": [32, 64, 128]}
    on_maps = {"num_frames": 8, "widths": [64, 64]}

    def __init__(
        self, in_features: int, *, num_frames: int = 10, widths: Sequence[int] = (32, 64, 128)
    ) -> None:
        super().__init__(in_features, widths[-1], num_frames=num_frames, widths=list(widths))
        self.images = Stages2d(in_features * num_frames, widths)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the most of each feature anywhere in the clip (B, F)."""
        require_frames(clips, self.options["num_frames"], "EarlyFusion")
        return self.images(clips.flatten(1, 2)).amax(dim=(2, 3))  # (B, C T, H, W) -> (B, F)
