"""A network for images becomes one for video: its kernels are repeated over time (I3D)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .parts.blocks import Stages2d
from .parts.inflation import inflate
from .parts.system import System


class I3D(System):
    """Image stages, inflated: at birth it answers to a still clip as they do to the frame.

    Its kernels begin alike at all times, so that at birth a clip and its reverse are one; only
    training makes them differ. (I3D inflates an Inception network with ImageNet weights. Two of
    these, over frames of 3 channels and over flow of 2, whose scores are averaged, are a two-stream
    I3D.)

    Args:
        in_features: C.
        widths: channels of the stages of the image network.
        time_kernel: odd frames that each kernel sees.

    Raises:
        ValueError: if time_kernel is even or below 1.
    """

    source = "Carreira & Zisserman 2017, Quo Vadis, Action Recognition?"
    view = {"num_frames": 64, "size": 224, "sampler": "strided", "stride": 1}
    small = {"widths": [16, 32, 64]}
    on_maps = {"widths": [64, 64]}

    def __init__(
        self, in_features: int, *, widths: Sequence[int] = (32, 64, 128), time_kernel: int = 3
    ) -> None:
        super().__init__(in_features, widths[-1], widths=list(widths), time_kernel=time_kernel)
        self.images = inflate(Stages2d(in_features, widths), time_kernel=time_kernel)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the most of each feature anywhere in the clip (B, F)."""
        return self.images(clips.transpose(1, 2)).amax(dim=(2, 3, 4))  # (B, F, T, H', W') -> (B, F)
