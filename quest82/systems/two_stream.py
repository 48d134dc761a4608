"""What it looks like, and how it moves: one network for a frame, another for the motion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .parts.blocks import Stages2d
from .parts.system import System, require_frames


class Streams(NamedTuple):
    """What the two networks read.

    Attributes:
        frames: (B, T, C, H, W).
        motion: (B, T - 1, M, H, W), from each frame to the next.
    """

    frames: Tensor
    motion: Tensor


def streams_of(clips: Tensor, flow_channels: int) -> Streams:
    """Take clips apart into appearance and motion.

    One tensor carries both, so that a set, a model file and a test need to know of one alone. With
    flow, it is in the last channels of each frame and leads to the next one; what the last frame
    has there leads nowhere and is not read. Without, the motion is the difference of neighbouring
    frames ("RGB difference", Wang et al. 2016), and any clip will do.

    Args:
        clips: (B, T, C + flow_channels, H, W), T of 2 or more.
        flow_channels: 2; or 0 for differences, with M = C.
    """
    if not flow_channels:
        return Streams(clips, clips[:, 1:] - clips[:, :-1])
    return Streams(clips[:, :, :-flow_channels], clips[:, :-1, -flow_channels:])


class TwoStream(System):
    """An image network on the middle frame, another on the motion of the whole clip, side by side.

    The second reads the motion of all T - 1 steps as channels on one another: 2 (T - 1) of flow.
    A linear layer on both features is the sum of a linear layer on each; so with this system a
    `Classifier` adds the class scores of the two streams. It trains them together. The paper
    trains them apart: the spatial network is a `SingleFrame` on frames, the temporal one an
    `EarlyFusion` on flow, `trained_apart.joined` makes one classifier of both, and
    `learning.score_fusion` has the paper's two ways to join their scores.

    Args:
        in_features: channels of a frame together with its flow: 5 of a video in colour with flow,
            or 3 without.
        num_frames: T, at least 2; the paper has flow over 10 steps, 11 frames.
        flow_channels: 2 where the last two channels are flow; 0 where motion is to be taken as the
            difference of neighbouring frames (see `streams_of`).
        widths: channels of the stages of each network.

    Raises:
        ValueError: if num_frames is below 2, there are no channels beside flow, or (in `forward`)
            clips have another number of frames.
    """

    source = "Simonyan & Zisserman 2014, Two-Stream Convolutional Networks"
    view = {"num_frames": 11, "size": 224, "sampler": "strided", "stride": 1}
    small = {"num_frames": 8, "flow_channels": 0, "widths": [32, 64, 128]}
    on_maps = {"num_frames": 8, "flow_channels": 0, "widths": [64, 64]}

    def __init__(
        self,
        in_features: int,
        *,
        num_frames: int = 11,
        flow_channels: int = 2,
        widths: Sequence[int] = (32, 64, 128),
    ) -> None:
        super().__init__(
            in_features,
            2 * widths[-1],
            num_frames=num_frames,
            flow_channels=flow_channels,
            widths=list(widths),
        )
        frame, motion = channels_of(in_features, num_frames, flow_channels)
        self.images = Stages2d(frame, widths)
        self.motion = Stages2d(motion * (num_frames - 1), widths)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the most of each feature, of both networks (B, 2 F)."""
        require_frames(clips, self.options["num_frames"], "TwoStream")
        frames, motion = streams_of(clips, self.options["flow_channels"])
        maps = self.images(frames[:, frames.shape[1] // 2]), self.motion(motion.flatten(1, 2))
        return torch.cat([of_stream.amax(dim=(2, 3)) for of_stream in maps], dim=1)


def channels_of(in_features: int, num_frames: int, flow_channels: int) -> tuple[int, int]:
    """Channels of a frame, and of one step of motion.

    Raises:
        ValueError: if there is no motion, or nothing beside it.
    """
    if num_frames < 2:
        raise ValueError(f"num_frames ({num_frames}) must be at least 2: one frame does not move")
    frame = in_features - flow_channels
    if frame < 1:
        raise ValueError(
            f"in_features ({in_features}) must be above flow_channels ({flow_channels}): the frame "
            "comes first; without flow take flow_channels=0"
        )
    return frame, flow_channels or frame
