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
    kept: list[Segment] = []
    for left in _by_class(segments):
        while left:
            best, *left = _surest_first(left)
            kept.append(best)
            near = overlaps(left, [best])[:, 0]
            left = [other for other, much in zip(left, near, strict=True) if much <= most]
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
    kept: list[Segment] = []
    for left in _by_class(segments):
        while left := [segment for segment in left if segment.score >= lowest]:
            best, *left = _surest_first(left)
            kept.append(best)
            factors = np.exp(-(overlaps(left, [best])[:, 0] ** 2) / sigma).tolist()
            left = [s._replace(score=s.score * f) for s, f in zip(left, factors, strict=True)]
    return _surest_first(kept)


def _by_class(segments: Iterable[Segment]) -> list[list[Segment]]:
    classes: dict[int, list[Segment]] = {}
    for segment in segments:
        classes.setdefault(segment.label, []).append(segment)
    return list(classes.values())


def _surest_first(segments: Iterable[Segment]) -> list[Segment]:
    return sorted(segments, key=lambda segment: -segment.score)
