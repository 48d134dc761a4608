"""Two streams that meet in a feature map: where, and how, and over how much time."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .parts.blocks import Stages2d
from .parts.stream_fusions import FUSIONS
from .parts.system import System, require_frames
from .two_stream import Streams, channels_of, streams_of


class FusedStreams(System):
    """Appearance and motion, each through some stages of its own, and then through common ones.

    Args:
        in_features: as for `TwoStream`.
        num_frames: T, at least 2.
        flow_channels: as for `TwoStream`.
        widths: channels of the stages.
        fusion: how maps are fused, a name in `parts.stream_fusions.FUSIONS`. After "bilinear" no
            position is left, and no common stage follows.
        after: behind which stage they are fused, from 1 to as many as there are.
        over_time: fuse each frame with its own step of motion, and take the most of each feature
            over space and time (3D pooling); otherwise the middle frame with the motion of all
            steps, and the most over space.

    Raises:
        ValueError: if there is no such fusion or stage, or as `TwoStream` does.
    """

    source = "Feichtenhofer et al. 2016, Convolutional Two-Stream Network Fusion"
    view = {"num_frames": 11, "size": 224, "sampler": "strided", "stride": 1}
    small = {"num_frames": 8, "flow_channels": 0, "widths": [32, 64, 128]}
    on_maps = {"num_frames": 8, "flow_channels": 0, "widths": [64, 64], "after": 1}

    def __init__(
        self,
        in_features: int,
        *,
        num_frames: int = 11,
        flow_channels: int = 2,
        widths: Sequence[int] = (32, 64, 128),
        fusion: str = "convolution",
        after: int = 2,
        over_time: bool = False,
    ) -> None:
        if fusion not in FUSIONS:
            raise ValueError(f"fusion ({fusion!r}) must be one of {', '.join(FUSIONS)}")
        if not 1 <= after <= len(widths):
            raise ValueError(f"after ({after}) must be a stage, from 1 to {len(widths)}")
        apart, together = widths[:after], widths[after:] if fusion != "bilinear" else ()
        fuse = FUSIONS[fusion](apart[-1])
        super().__init__(
            in_features,
            together[-1] if together else fuse.out_channels,
            num_frames=num_frames,
            flow_channels=flow_channels,
            widths=list(widths),
            fusion=fusion,
            after=after,
            over_time=over_time,
        )
        frame, motion = channels_of(in_features, num_frames, flow_channels)
        self.images = Stages2d(frame, apart)
        self.motion = Stages2d(motion if over_time else motion * (num_frames - 1), apart)
        self.fuse = fuse
        self.together = Stages2d(fuse.out_channels, together) if together else nn.Identity()

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the most of each feature (B, F)."""
        require_frames(clips, self.options["num_frames"], "FusedStreams")
        frames, motion = self._met(streams_of(clips, self.options["flow_channels"]))
        maps = self.together(self.fuse(self.images(frames), self.motion(motion)))
        of_clips = maps.unflatten(0, (len(clips), -1))  # (B steps, F, h, w) -> (B, steps, F, h, w)
        return of_clips.amax(dim=(1, 3, 4))

    def _met(self, streams: Streams) -> tuple[Tensor, Tensor]:
        """Images of both streams that meet, (B steps, channels, H, W) each."""
        frames, motion = streams
        if not self.options["over_time"]:
            return frames[:, frames.shape[1] // 2], motion.flatten(1, 2)  # one step a clip
        return frames[:, :-1].flatten(0, 1), motion.flatten(0, 1)
