"""Lateral connections of SlowFast: many thin frames in the shape of few frames.

Each makes of volumes (B, C, alpha T, H, W) some of T frames; `out_channels` says how wide.
"""

from __future__ import annotations

from torch import Tensor, nn

from .factors import Time
from .pathway import with_norm


class StridedConvolution(nn.Sequential):
    """A convolution over time with a step of alpha, batch norm and ReLU: 2 C channels.

    Args:
        channels: C.
        alpha: the step.
        kernel: odd frames that it sees.
    """

    def __init__(self, channels: int, alpha: int, kernel: int) -> None:
        super().__init__(*with_norm(Time(channels, 2 * channels, t=kernel, stride=alpha)))
        self.out_channels = 2 * channels


class TimeToChannel(nn.Module):
    """alpha frames become the channels of one: alpha C channels.

    Args:
        channels: C.
        alpha: frames packed into one.
        kernel: unused, as in the others.

    Raises:
        ValueError: if the frames are no multiple of alpha.
    """

    def __init__(self, channels: int, alpha: int, kernel: int) -> None:
        super().__init__()
        self.alpha, self.out_channels = alpha, alpha * channels

    def forward(self, volumes: Tensor) -> Tensor:
        """Volumes (B, C, alpha T, H, W) -> (B, alpha C, T, H, W)."""
        if volumes.shape[2] % self.alpha:
            raise ValueError(
                f"clips have {volumes.shape[2]} frames, but time_to_channel packs {self.alpha} "
                "(alpha) into one: sample a multiple, or take another lateral connection"
            )
        packed = volumes.unflatten(2, (-1, self.alpha))  # (B, C, T, alpha, H, W)
        return packed.transpose(2, 3).flatten(1, 2)


class Sampling(nn.Module):
    """Every alpha-th frame as it is: C channels.

    Args:
        channels: C.
        alpha: the step.
        kernel: unused, as in the others.
    """

    def __init__(self, channels: int, alpha: int, kernel: int) -> None:
        super().__init__()
        self.alpha, self.out_channels = alpha, channels

    def forward(self, volumes: Tensor) -> Tensor:
        """Volumes (B, C, alpha T, H, W) -> (B, C, T, H, W)."""
        return volumes[:, :, :: self.alpha]


LATERALS: dict[str, type[StridedConvolution | TimeToChannel | Sampling]] = {
    "strided_convolution": StridedConvolution,
    "time_to_channel": TimeToChannel,
    "sampling": Sampling,
}
