"""Boxes: how much two overlap, which one is around a region, and how boxes are strung together."""

from __future__ import annotations

import torch
from torch import Tensor


def box_iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union: the area that two boxes share, of all that they cover.

    Args:
        first: (..., 4): left, top, right, bottom, right of left and below top.
        second: (..., 4); the leading shapes are broadcast.

    Returns:
        (...) in [0, 1]; NaN where a box is NaN.

    Examples:
        >>> box_iou(torch.tensor([0.0, 0, 2, 1]), torch.tensor([1.0, 0, 3, 1])).item()
        0.3333333432674408
    """
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(dim=-1) for box in (first, second)]
    return shared / (areas[0] + areas[1] - shared)


def box_around(region: Tensor) -> Tensor:
    """The smallest box around all pixels of a region.

    Args:
        region: boolean (..., H, W).

    Returns:
        float32 (..., 4): left, top, right, bottom; NaN where the region is empty.
    """
    edges = []
    for axis in (-2, -1):  # pixels over columns: left and right; over rows: top and bottom
        line = region.any(dim=axis).float()  # (..., side)
        first = line.argmax(dim=-1)
        last = line.shape[-1] - line.flip(-1).argmax(dim=-1)
        edges.append(torch.stack([first, last], dim=-1).float())
    found = torch.stack(edges, dim=-1).flatten(-2)  # (..., 2, 2) -> left, top, right, bottom
    empty = ~region.flatten(-2).any(dim=-1)
    return found.masked_fill(empty[..., None], torch.nan)


def link(boxes: Tensor, scores: Tensor, *, overlap: float = 1.0) -> Tensor:
    """One candidate in each frame, so that scores and overlaps of neighbours add up to the most.

    What is best up to a candidate is what is best up to one before it and the step between them:
    dynamic programming, as in Gkioxari & Malik 2015.

    Args:
        boxes: (T, M, 4), M candidates in each frame.
        scores: (T, M), finite, or -inf for a candidate that must not be taken.
        overlap: what an IoU of 1 between neighbours is worth.

    Returns:
        long (T,), the number of the candidate in each frame.
    """
    T = len(boxes)
    best, came_from = scores[0], []  # (M,)
    for t in range(1, T):
        step = overlap * box_iou(boxes[t - 1, :, None], boxes[t])  # (M before, M)
        value, before = (best[:, None] + step).max(dim=0)
        came_from.append(before)
        best = value + scores[t]
    way = [int(best.argmax())]
    for before in reversed(came_from):
        way.append(int(before[way[-1]]))
    return torch.tensor(way[::-1])
