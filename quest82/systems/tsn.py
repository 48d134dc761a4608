"""Temporal segment networks: a few frames from all over the clip, one network, one verdict."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .consensus import CONSENSUS
from .parts.blocks import Stages2d, each_frame
from .parts.system import System, require_frames


class TSN(System):
    """The same image network on one frame of each segment; the mean of what it says.

    The sampler takes the segments: every frame that comes in is read. A linear layer on the mean of
    the features gives the mean of the class scores that it would give to each frame, so with a
    `Classifier` this is the paper's average consensus, blind to order up to rounding. The other
    kinds of consensus are no linear layer on one vector: see `SegmentScores`.

    Args:
        in_features: C.
        widths: channels of the stages of the image network.
    """

    source = "Wang et al. 2016, Temporal Segment Networks"
    view = {"num_frames": 3, "size": 224, "sampler": "segments"}
    small = {"widths": [16, 32, 64]}
    on_maps = {"widths": [64, 64]}

    def __init__(self, in_features: int, *, widths: Sequence[int] = (32, 64, 128)) -> None:
        super().__init__(in_features, widths[-1], widths=list(widths))
        self.images = Stages2d(in_features, widths)

    def each(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the most of each feature anywhere in each frame (B, T, F)."""
        return each_frame(self.images, clips).amax(dim=(3, 4))  # (B, T, F, h, w) -> (B, T, F)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the mean over the frames (B, F)."""
        return self.each(clips).mean(dim=1)


class SegmentScores(nn.Module):
    """Class scores of each frame, and any consensus of them: clips in, logits out.

    Args:
        in_features: C.
        num_classes: K.
        num_frames: T, one frame of each segment.
        consensus: a name in `consensus.CONSENSUS`.
        widths: channels of the stages of the image network.
        dropout: share of the features set to zero in training.

    Raises:
        ValueError: if there is no such consensus, or (in `forward`) clips have another number of
            frames.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        num_frames: int = 3,
        consensus: str = "average",
        widths: Sequence[int] = (32, 64, 128),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if consensus not in CONSENSUS:
            raise ValueError(f"consensus ({consensus!r}) must be one of {', '.join(CONSENSUS)}")
        self.num_frames = num_frames
        self.segments = TSN(in_features, widths=widths)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.segments.out_features, num_classes)
        self.consensus = CONSENSUS[consensus](num_frames, num_classes)

    def scores(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> class scores of each frame (B, T, K)."""
        require_frames(clips, self.num_frames, "SegmentScores")
        return self.head(self.dropout(self.segments.each(clips)))

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> logits (B, K)."""
        return self.consensus(self.scores(clips))
