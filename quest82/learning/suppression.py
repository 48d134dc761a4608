"""Of many segments that mean the same, one stays: non-maximum suppression, hard and soft."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..data.segments import Segment
from .localisation import overlaps


def nms(segments: Iterable[Segment], most: float) -> list[Segment]:
    """Non-maximum suppression: of segments of a class that overlap by more, the surest stays.

    Args:
        segments: of any classes; each class is for itself.
        most: tIoU of two segments that both stay.

    Returns:
        Those that stay, the surest first.
    """
    kept = []
    for own in _by_class(segments):
        near, left = overlaps(own, own), np.arange(len(own))
        while len(left):
            best, left = left[0], left[1:]
            kept.append(own[best])
            left = left[near[best, left] <= most]
    return _surest_first(kept)


def soft_nms(
    segments: Iterable[Segment], *, sigma: float = 0.5, lowest: float = 1e-3
) -> list[Segment]:
    """Soft-NMS (Bodla et al. 2017): a segment is not let go but believed the less.

    The surest one stays; the scores of the others of its class become ``exp(-tIoU^2 / sigma)``
    times what they were; and so on with what is left.

    Args:
        segments: of any classes, with scores of at least 0; each class is for itself.
        sigma: the smaller, the harder segments are judged that overlap.
        lowest: what falls below this score is let go.

    Returns:
        Those that stay with their new scores, the surest first.
    """
    kept = []
    for own in _by_class(segments):
        near, scores = overlaps(own, own), np.array([s.score for s in own], dtype=float)
        while scores.max() >= lowest:
            best = int(scores.argmax())
            kept.append(own[best]._replace(score=float(scores[best])))
            scores *= np.exp(-(near[best] ** 2) / sigma)
            scores[best] = -np.inf
    return _surest_first(kept)


def _by_class(segments: Iterable[Segment]) -> list[list[Segment]]:
    """The segments of each class, the surest first."""
    classes: dict[int, list[Segment]] = {}
    for segment in _surest_first(segments):
        classes.setdefault(segment.label, []).append(segment)
    return list(classes.values())


def _surest_first(segments: Iterable[Segment]) -> list[Segment]:
    return sorted(segments, key=lambda segment: -segment.score)
