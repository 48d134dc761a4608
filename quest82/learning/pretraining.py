"""What can be learned without labels: objectives of `fit` that never look at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.clip_set import ClipSet
from ..systems.parts.masks import MASKS
from ..systems.video_mae import MaskedAutoencoder
from .evaluation import inputs_of
from .objectives import Loss


@dataclass(frozen=True)
class MaskedPixels:
    """Guess the hidden part of a clip (VideoMAE, Tong et al. 2022); fits a `MaskedAutoencoder`.

    Attributes:
        mask: a name in `parts.masks.MASKS`: "tube", as in the paper, "frame" or "random".
        share: that is hidden; 90 %, as in the paper.

    Raises:
        ValueError: if there is no such mask, or share is not between 0 and 1.
    """

    mask: str = "tube"
    share: float = 0.9

    def __post_init__(self) -> None:
        if self.mask not in MASKS:
            raise ValueError(f"mask ({self.mask!r}) must be one of {', '.join(MASKS)}")
        if not 0 < self.share < 1:
            raise ValueError(f"share ({self.share}) must be above 0 and below 1")

    def hidden(
        self, model: MaskedAutoencoder, clips: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """A mask for each clip, bool (B, N)."""
        drawn = MASKS[self.mask](len(clips), *model.encoder.grid(clips), self.share, generator)
        return drawn.to(clips.device)

    def loss_for(self, train: ClipSet) -> Loss:
        """See `Objective`: the squared error of what is hidden; the labels are not read."""

        def loss(model: nn.Module, clips: Tensor, labels: Tensor) -> Tensor:
            autoencoder = cast(MaskedAutoencoder, model)
            return autoencoder.loss(clips, self.hidden(autoencoder, clips))

        return loss

    @torch.no_grad()
    def watch(self, model: nn.Module, validation: ClipSet) -> tuple[float, float]:
        """See `Objective`: the loss under masks that are always the same, and what it explains.

        The second is the share of the variance of the hidden pixels: 0 for a guess of grey, 1 for a
        perfect one. (The loss of grey is a little below 1: variances are taken as unbiased.)
        """
        autoencoder, drawn = cast(MaskedAutoencoder, model), torch.Generator().manual_seed(0)
        batches = torch.arange(len(validation)).split(validation.clips_at_once)
        total = grey = 0.0
        model.eval()
        for clips in inputs_of(model, validation, batches, [None] * len(batches)):
            hidden = self.hidden(autoencoder, clips, drawn)
            total += len(clips) * autoencoder.loss(clips, hidden).item()
            grey += len(clips) * autoencoder.targets(clips, hidden).square().mean().item()
        return total / len(validation), 1 - total / grey


@dataclass(frozen=True)
class ReversalContrast:
    """Take a clip and its reverse for the same, and all other clips for others.

    The contrastive loss of SimCLR (Chen et al. 2020) whose one augmentation is time played
    backwards, on the features themselves. What makes it small cannot tell a clip from its reverse:
    it must unlearn the arrow of time. It fits a system, clips in and features out.

    Where a set holds each clip with its reverse, both may come into one batch, and each then counts
    among the others of its own reverse. Give one of each; in large sets they rarely meet.

    Attributes:
        temperature: by which the likenesses of two clips are divided; SimCLR's for small batches.
    """

    temperature: float = 0.1

    def logits(self, model: nn.Module, clips: Tensor) -> Tensor:
        """Likeness of each clip and the reverse of each (B, B), cosines over the temperature."""
        here, there = (F.normalize(model(x), dim=1) for x in (clips, clips.flip(1)))
        return here @ there.T / self.temperature

    def loss_for(self, train: ClipSet) -> Loss:
        """See `Objective`: which of the batch is my reverse, asked of both."""

        def loss(model: nn.Module, clips: Tensor, labels: Tensor) -> Tensor:
            logits, own = self.logits(model, clips), torch.arange(len(clips), device=clips.device)
            return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2

        return loss

    @torch.no_grad()
    def watch(self, model: nn.Module, validation: ClipSet) -> tuple[float, float]:
        """See `Objective`: mean loss, and how often the reverse is found among the batch."""
        batches = torch.arange(len(validation)).split(validation.clips_at_once)
        model.eval()
        total = found = 0.0
        for clips in inputs_of(model, validation, batches, [None] * len(batches)):
            logits, own = self.logits(model, clips), torch.arange(len(clips), device=clips.device)
            total += F.cross_entropy(logits, own, reduction="sum").item()
            found += (logits.argmax(dim=1) == own).sum().item()
        return total / len(validation), found / len(validation)
