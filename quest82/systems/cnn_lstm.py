"""An image network on every frame and an LSTM on its features: with the place, or without."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .parts.blocks import Stages2d, each_frame
from .parts.system import System


class CNNLSTM(System):
    """A long-term recurrent convolutional network (LRCN, Donahue et al. 2015).

    The features of a frame are the maxima of the last map in the cells of a grid, one after the
    other. In a grid of 1 x 1 the place is lost before the frames meet, as after the pooling of most
    image networks; in one of 4 x 4 the LSTM gets sixteen positions, each with weights of its own.
    (LRCN reads fc6 of an AlexNet, which keeps places too, and averages predictions over frames; the
    last hidden state is taken here.)

    Args:
        in_features: C.
        widths: channels of the stages of the image network, each of which halves the map; none:
            the frames are feature maps already.
        grid: cells along each side of the map.
        hidden_size: F, of the hidden state.
    """

    source = "Donahue et al. 2015, Long-term Recurrent Convolutional Networks"
    view = {"num_frames": 16, "size": 224, "sampler": "strided", "stride": 1}
    small = {"widths": [16, 32, 64], "grid": 4, "hidden_size": 128}
    on_maps = {"widths": [], "grid": 4, "hidden_size": 128}

    def __init__(
        self,
        in_features: int,
        *,
        widths: Sequence[int] = (32, 64, 128),
        grid: int = 4,
        hidden_size: int = 256,
    ) -> None:
        super().__init__(
            in_features, hidden_size, widths=list(widths), grid=grid, hidden_size=hidden_size
        )
        stages = Stages2d(in_features, widths) if widths else nn.Identity()
        self.images = nn.Sequential(stages, nn.AdaptiveMaxPool2d(grid), nn.Flatten())
        channels = widths[-1] if widths else in_features
        self.recurrence = nn.LSTM(grid * grid * channels, hidden_size, batch_first=True)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> last hidden state (B, F)."""
        _, (hidden, _) = self.recurrence(each_frame(self.images, clips))
        return hidden[-1]
