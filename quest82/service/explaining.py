"""Which frames an answer comes from: what each of them adds to it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..systems.aggregators import MeanPool
from ..systems.classifier import Classifier


@torch.no_grad()
def contributions(network: Classifier, essences: Tensor) -> Tensor:
    """What each frame of a video adds to the score of the answer.

    The score is the answer's logit less the mean of all K logits, since what is added to all of
    them alike says nothing. Mean pooling hands its frames to a linear layer one by one, so to
    speak: the score is a sum over the frames (and the layer's bias), and the shares are exact. Of
    other aggregators a frame's contribution is the score less that of the video without the frame;
    these need not add up to anything.

    Args:
        network: in eval mode.
        essences: (T, D).

    Returns:
        float64 (T,). A single frame that cannot be left out contributes the whole score.
    """
    T = len(essences)
    k = int(network(essences[None])[0].argmax())
    if adds_up(network):
        weight = network.head.weight.double()  # (K, D)
        return essences.double() @ (weight[k] - weight.mean(dim=0)) / T
    whole = _score(network, essences[None], k)  # (1,)
    if T == 1:
        return whole
    kept = torch.tensor([[t for t in range(T) if t != left_out] for left_out in range(T)])
    return whole - _score(network, essences[kept], k)  # (T, T - 1, D) -> (T,)


def adds_up(network: Classifier) -> bool:
    """Whether the contributions are exact shares of a sum, as they are of mean pooling."""
    return type(network.aggregator) is MeanPool


def _score(network: Classifier, essences: Tensor, k: int) -> Tensor:
    """Logit k less the mean of all: (B, T, D) -> float64 (B,)."""
    logits = network(essences).double()
    return logits[:, k] - logits.mean(dim=1)
