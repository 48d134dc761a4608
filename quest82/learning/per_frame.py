"""An answer for each frame of long videos: features of what is around it, and training on them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.clip_set import ClipSet
from ..systems.classifier import Classifier
from . import probing


def features_of(model: Classifier, snippets: ClipSet, num_videos: int) -> Tensor:
    """What a clip classifier makes of the snippets of long videos, before its last layer.

    Args:
        model: frozen; it is left in eval mode.
        snippets: of N videos, as many of each, video by video.
        num_videos: N.

    Returns:
        (N, M, D): M snippets of each video; ``model.head`` gives their logits (N, M, K).

    Raises:
        ValueError: if the snippets are not as many for each video.
    """
    if len(snippets) % num_videos:
        raise ValueError(
            f"snippets ({len(snippets)}) must be as many of each of {num_videos} videos"
        )
    found = probing.features_of(model.eval().aggregator, snippets)
    return found.unflatten(0, (num_videos, -1))


def fit_per_frame(
    model: nn.Module,
    features: Tensor,
    labels: Tensor,
    *,
    epochs: int = 40,
    learning_rate: float = 1e-2,
    batch_size: int = 8,
    seed: int = 0,
) -> list[float]:
    """Train a model in place by the cross-entropy of all frames; leave it in eval mode.

    The learning rate falls to 0 by a cosine. The global random state is left as it was.

    Args:
        model: features (B, T, D) -> logits (B, T, K).
        features: (N, T, D), of N long videos.
        labels: long (N, T), what happens in each frame.
        epochs: passes over the videos.
        learning_rate: of Adam, at first.
        batch_size: videos at once.
        seed: of their order.

    Returns:
        The mean loss per frame of each epoch, in nats.

    Raises:
        ValueError: if there is not one label for each frame.
    """
    if labels.shape != features.shape[:2]:
        raise ValueError(
            f"labels {tuple(labels.shape)} must be one a frame, {tuple(features.shape[:2])}"
        )
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    generator, history = torch.Generator().manual_seed(seed), []
    model.train()
    for _ in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(features), generator=generator).split(batch_size):
            logits = model(features[rows]).flatten(0, 1)  # (B, T, K) -> (B T, K)
            loss = F.cross_entropy(logits, labels[rows].flatten())
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            total += loss.item() * len(rows)
        schedule.step()
        history.append(total / len(features))
    model.eval()
    return history
