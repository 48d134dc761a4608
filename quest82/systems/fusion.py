"""When do frames meet? Not at all, all at once in the first layer, or only after the last."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from .parts.blocks import Stages2d, each_frame
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


class LateFusion(System):
    """A few frames far apart through one image network, joined by fully connected layers.

    No layer below sees more than one frame, so motion can only be read off from where each feature
    was found in one frame and in another. With a grid of 1 even that is gone: what is left is what
    was found, frame by frame.

    Args:
        in_features: C.
        frames: which frames are looked at; negative numbers count from the end.
        grid: side of the grid of places, of each the most of each feature is kept.
        hidden_size: F, width of the two fully connected layers.
        widths: channels of the stages of the image network.

    Raises:
        ValueError: if (in `forward`) a frame lies outside of the clips, or the feature maps are
            smaller than the grid.
    """

    source = _KARPATHY
    view = {"num_frames": 2, "size": 224, "sampler": "strided", "stride": 15}
    # Three frames apart, things go by less than half the frame, so that it can be seen which way;
    # and it is narrow, since each pair of places is learned by itself, from few clips.
    small = {"frames": [2, 5], "grid": 4, "hidden_size": 64, "widths": [16, 32, 32]}
    on_maps = {"frames": [0, -1], "grid": 2, "hidden_size": 64, "widths": [64]}

    def __init__(
        self,
        in_features: int,
        *,
        frames: Sequence[int] = (0, -1),
        grid: int = 7,
        hidden_size: int = 4096,
        widths: Sequence[int] = (32, 64, 128),
    ) -> None:
        options = {"frames": list(frames), "grid": grid, "hidden_size": hidden_size}
        super().__init__(in_features, hidden_size, **options, widths=list(widths))
        self.images = Stages2d(in_features, widths)
        self.joined = nn.Sequential(
            nn.Linear(len(frames) * widths[-1] * grid**2, hidden_size),
            nn.ReLU(),
            nn.Linear(hidden_size, hidden_size),
            nn.ReLU(),
        )

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> what the fully connected layers make of the frames (B, F)."""
        taken = clips[:, _numbers(self.options["frames"], clips.shape[1])]  # (B, frames, C, H, W)
        maps = each_frame(self.images, taken)
        grid = self.options["grid"]
        if min(maps.shape[-2:]) < grid:
            raise ValueError(
                f"grid ({grid}) must be at most the side of the feature maps, which are "
                f"{maps.shape[-2]} x {maps.shape[-1]}: take a smaller grid or larger frames"
            )
        places = F.adaptive_max_pool2d(maps.flatten(0, 1), grid)  # (B frames, F, grid, grid)
        return self.joined(places.reshape(len(clips), -1))


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


def _numbers(frames: Sequence[int], num_frames: int) -> list[int]:
    """The frames counted from the beginning."""
    for frame in frames:
        if not -num_frames <= frame < num_frames:
            raise ValueError(
                f"frames ({frame}) must be from {-num_frames} to {num_frames - 1} where clips have "
                f"{num_frames} frames: take others, or sample more"
            )
    return [frame % num_frames for frame in frames]
