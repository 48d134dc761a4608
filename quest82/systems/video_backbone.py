"""A video network as a backbone: an essence of each moment of a few frames, in sight of all."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from .mobilenet import require_clips
from .state_dicts import fingerprint_of
from .video_mae_files import load_encoder


class VideoMAEBackbone(nn.Module):
    """A published VideoMAE, frozen, in eval mode: one essence per moment.

    A moment is a tubelet's t frames, two in all published ones: of 16 frames come 8 essences. Each
    is the mean of its moment's tokens, which have attended to the whole clip; so an essence is not
    of its frames alone, and shuffled essences are not those of shuffled frames.

    Args:
        weights: path of `model.safetensors`; `config.json` lies beside it.

    Attributes:
        name: "video_mae".
        num_features: D.
        frames_per_essence: t.
        num_frames: T of the clips that it was trained on, and takes.
        size: S of their frames.

    Raises:
        ValueError: if a file is missing or is not of a VideoMAE.
    """

    name = "video_mae"

    def __init__(self, weights: str | Path) -> None:
        super().__init__()
        self.encoder, config = load_encoder(weights)
        self.num_features = self.encoder.out_features
        self.frames_per_essence = self.encoder.tubelet_size
        self.num_frames, self.size = config.get("num_frames", 16), config.get("image_size", 224)
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> VideoMAEBackbone:
        """Stay in eval mode."""
        return super().train(False)

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.encoder.norm.weight.device

    def forward(self, clips: Tensor) -> Tensor:
        """Describe every moment of a batch of clips.

        Args:
            clips: float tensor (B, T, 3, S, S) in [0, 1].

        Returns:
            Essences (B, T / t, D).

        Raises:
            ValueError: if clips have another shape or are not floating point, or as `moments_in`.
        """
        T, _, H, W = require_clips(clips).shape[1:]
        self.moments_in(T, H, W)
        return self.encoder.moments(clips)

    def moments_in(self, num_frames: int, *sides: int) -> int:
        """How many essences it makes of a clip of so many frames of this size.

        Raises:
            ValueError: if it was trained on others: a token's place is its number, which would
                mean another place in clips of another length or size.
        """
        if num_frames != self.num_frames or {*sides} != {self.size}:
            raise ValueError(
                f"clips of {num_frames} frames of {' x '.join(map(str, sides))} pixels must be of "
                f"{self.num_frames} frames (--num-frames) of {self.size} pixels (--size), as those "
                f"that this {self.name} was trained on"
            )
        return num_frames // self.frames_per_essence

    def fingerprint(self) -> str:
        """Digest of the weights: names the network an essence came from."""
        return fingerprint_of(self.encoder)
