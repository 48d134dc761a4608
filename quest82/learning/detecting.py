"""Training a detector of tubes, and what it finds in clips that it has not seen."""

from __future__ import annotations

import torch

from ..data.box_set import BoxSet
from ..systems.moving_points import MovingPoints, Tubes, detection_loss, tubes_of
from .tubes import Tube


def fit_detector(
    model: MovingPoints,
    train: BoxSet,
    *,
    epochs: int = 12,
    learning_rate: float = 5e-3,
    batch_size: int = 16,
    seed: int = 0,
) -> list[float]:
    """Train in place, by Adam with a rate that falls along half a cosine.

    Args:
        model: ends in eval mode.
        train: clips with their boxes.
        epochs: how often each clip is seen.
        learning_rate: at the beginning.
        batch_size: clips in a step.
        seed: of the order of clips.

    Returns:
        The mean loss of each epoch.
    """
    weight = next(model.parameters())
    steps = epochs * -(-len(train) // batch_size)
    optimiser = torch.optim.Adam(model.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(train), generator=generator).split(batch_size):
            guesses = model(train.batch(rows).to(weight.dtype))
            boxes = train.boxes[rows].to(weight.dtype)
            loss = detection_loss(guesses, boxes, train.labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += len(rows) * loss.item()
        losses.append(total / len(train))
    model.eval()
    return losses


@torch.inference_mode()
def find_tubes(model: MovingPoints, data: BoxSet, *, most: int = 2) -> list[Tubes]:
    """The best tubes of each clip, in the order of the set.

    Args:
        model: in eval mode.
        data: clips; their boxes are not looked at.
        most: tubes for each clip.
    """
    dtype = next(model.parameters()).dtype
    batches = torch.arange(len(data)).split(data.clips_at_once)
    return [
        found
        for rows in batches
        for found in tubes_of(model(data.batch(rows).to(dtype)), most=most)
    ]


def detections(found: list[Tubes]) -> list[Tube]:
    """Every tube once for each class, with the product of its score and the class's probability."""
    return [
        Tube(clip, label, boxes, float(score * share))
        for clip, tubes in enumerate(found)
        for boxes, score, shares in zip(*tubes, strict=True)
        for label, share in enumerate(shares)
    ]


def truths(data: BoxSet) -> list[Tube]:
    """The one true tube of each clip."""
    labels = data.labels.tolist()
    return [Tube(clip, label, data.boxes[clip]) for clip, label in enumerate(labels)]
