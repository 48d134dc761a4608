"""Frames in, essences out: MobileNetV2 (Sandler et al. 2018) with its classifier cut off."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import mobilenet_v2

from .initial import Undrawn
from .parts.imagenet import IMAGENET_MEAN, IMAGENET_STD
from .state_dicts import fingerprint_of, load_into
from .weights import ensure_checkpoint


class MobileNetV2Extractor(nn.Module):
    """Turns each frame of each clip into an essence, a vector of 1280 numbers.

    The recipe: fold the frames of all clips into one batch, run the convolutional part of
    MobileNetV2, average each of its 1280 maps over space, unfold into clips again. Every frame
    is described alone: whatever joins frames is the aggregator's work.

    The network is frozen (no parameter asks for a gradient) and stays in eval mode even after
    `.train()`, so that batch norm never sees the clips. Gradients with respect to the *frames*
    flow when the frames ask for them.

    With `trainable_from` the last of its 19 blocks are fine-tuned: their weights ask for
    gradients, and the activations of the frozen blocks before them need not be kept. The means
    and variances of batch norm stay those of ImageNet even there, since a few clips are too few
    to estimate them (partial batch norm of Wang et al. 2016, here for every layer).

    Args:
        weights: "imagenet" (fetched and verified on first use), None for random ones, or the
            path of a torchvision mobilenet_v2 state dict (.safetensors, or .pth read without
            running any code in it).
        trainable_from: number of the first block that is trained, 0 (all of them) to 18 (the
            last convolution alone); None: frozen.
        train_batch_norm: let the trained blocks estimate means and variances from the clips.

    Attributes:
        name: "mobilenet_v2", what stores call it.
        num_features: 1280, the width D of an essence.
        num_blocks: 19, the parts of `features`.

    Raises:
        WeightsError: if the ImageNet weights cannot be had.
        ValueError: if the file at `weights` does not hold such a network, there is no block
            `trainable_from`, or batch norm is to be trained in a frozen network.
    """

    name = "mobilenet_v2"
    num_features = 1280
    num_blocks = 19
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        weights: str | Path | None = "imagenet",
        *,
        trainable_from: int | None = None,
        train_batch_norm: bool = False,
    ) -> None:
        super().__init__()
        _require_blocks(trainable_from, train_batch_norm, self.num_blocks)
        with Undrawn() if weights is not None else nullcontext():
            network = mobilenet_v2()
        if weights is not None:
            path = ensure_checkpoint() if weights == "imagenet" else Path(weights)
            load_into(network, path, name=self.name)
        # Channels last is how CPUs like their convolutions: faster, and equal up to rounding.
        self.features = network.features.to(memory_format=torch.channels_last)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1), persistent=False)
        self._num_frozen = self.num_blocks if trainable_from is None else trainable_from
        self._train_batch_norm = train_batch_norm
        self.requires_grad_(False)
        self.features[self._num_frozen :].requires_grad_(True)
        self.eval()

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.mean.device

    def train(self, mode: bool = True) -> MobileNetV2Extractor:
        """Stay in eval mode, except for the trained blocks where batch norm is to be trained."""
        super().train(False)
        self.features[self._num_frozen :].train(mode and self._train_batch_norm)
        return self

    def forward(self, clips: Tensor) -> Tensor:
        """Describe every frame of a batch of clips.

        Args:
            clips: float tensor (B, T, 3, H, W) in [0, 1]; H and W usually 224.

        Returns:
            Essences (B, T, 1280), each number at least 0.

        Raises:
            ValueError: if clips have another shape or are not floating point.
        """
        B, T = require_clips(clips).shape[:2]
        return self.pool(self._maps(clips)).view(B, T, self.num_features)

    def maps(self, clips: Tensor) -> Tensor:
        """The last feature map of every frame, whose mean over the positions is the essence.

        Args:
            clips: as above.

        Returns:
            (B, T, 1280, H/32, W/32), each number at least 0.

        Raises:
            ValueError: as above.
        """
        return self._maps(clips).unflatten(0, require_clips(clips).shape[:2])

    def pool(self, maps: Tensor) -> Tensor:
        """Maps (N, 1280, h, w) -> essences (N, 1280)."""
        return maps.mean(dim=(2, 3))

    def _maps(self, clips: Tensor) -> Tensor:
        frames = require_clips(clips).flatten(0, 1)  # (B*T, 3, H, W)
        frames = (frames - self.mean) / self.std
        # (B*T, 1280, H/32, W/32)
        return self.features(frames.contiguous(memory_format=torch.channels_last))

    def fingerprint(self) -> str:
        """Digest of the weights: names the network an essence came from."""
        return fingerprint_of(self.features)


def require_clips(clips: Tensor) -> Tensor:
    """The same tensor.

    Raises:
        ValueError: if it is not floating point of shape (B, T, 3, H, W).
    """
    if clips.ndim != 5 or clips.shape[2] != 3 or not clips.is_floating_point():
        raise ValueError(
            f"clips ({clips.dtype}, {tuple(clips.shape)}) must be floating point of shape "
            "(B, T, 3, H, W); one clip alone is clip[None]"
        )
    return clips


def _require_blocks(trainable_from: int | None, train_batch_norm: bool, num_blocks: int) -> None:
    if trainable_from is None and train_batch_norm:
        raise ValueError(
            "train_batch_norm (True) needs blocks that are trained: give trainable_from"
        )
    if trainable_from is not None and not 0 <= trainable_from < num_blocks:
        raise ValueError(
            f"trainable_from ({trainable_from}) must be a block, 0 to {num_blocks - 1}, or None"
        )
