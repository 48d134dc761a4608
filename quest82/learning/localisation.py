"""How well is it found when something happens? Average precision, by overlap or by distance.

The protocol is that of ActivityNet (Caba Heilbron et al. 2015): of each class all finds are sorted
by their scores; a find is right if it overlaps enough with a true segment of its class that no
earlier find has taken. Where several do, it takes the one with the largest overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..data.segments import Segment
from . import precision

Found = Mapping[str, Sequence[Segment]]  # name of a video -> its segments
Nearness = Callable[[Sequence[Segment], Sequence[Segment]], np.ndarray]


def overlaps(found: Sequence[Segment], truth: Sequence[Segment]) -> np.ndarray:
    """Temporal intersection over union (tIoU) of each of F segments with each of G, (F, G)."""
    starts, ends = _edges(found)
    true_starts, true_ends = _edges(truth)
    shared = np.minimum(ends[:, None], true_ends) - np.maximum(starts[:, None], true_starts)
    shared = shared.clip(min=0)
    lengths, true_lengths = ends - starts, true_ends - true_starts
    return shared / (lengths[:, None] + true_lengths - shared)


def closeness(found: Sequence[Segment], truth: Sequence[Segment]) -> np.ndarray:
    """The distance of the starts, in seconds and negative, of each of F and of G segments, (F, G).

    In action spotting (Giancola et al. 2018) an action is a point in time; here, its start.
    """
    return -abs(_edges(found)[0][:, None] - _edges(truth)[0])


def mean_average_precision(
    found: Found, truth: Found, thresholds: Sequence[float], *, nearness: Nearness = overlaps
) -> dict[float, float]:
    """The mean over classes of `average_precision`, for each of several thresholds.

    Classes without a true segment do not count. For spotting, ``nearness=closeness`` and negative
    thresholds: -0.5 lets a find be half a second early or late.

    Args:
        found: of each video what was found; videos that are missing have none.
        truth: of each video what happens.
        thresholds: how near a find must be at least.
        nearness: of finds and true segments, a matrix (F, G).

    Returns:
        Threshold -> mean average precision (mAP) in [0, 1].

    Raises:
        ValueError: if nothing happens in any video, or something was found in a video that the
            truth does not know.
    """
    labels = sorted({segment.label for known in truth.values() for segment in known})
    if not labels:
        raise ValueError("truth must have a segment: without any there is nothing to be found")
    return {
        least: float(
            np.mean([average_precision(found, truth, k, least, nearness=nearness) for k in labels])
        )
        for least in thresholds
    }


def average_precision(
    found: Found, truth: Found, label: int, least: float, *, nearness: Nearness = overlaps
) -> float:
    """The area below precision over recall for one class, from 0 to 1 (see `precision`).

    Args:
        found: as for `mean_average_precision`, as is truth.
        truth: what happens.
        label: the class.
        least: how near a find must be at least.
        nearness: of finds and true segments, a matrix (F, G).

    Raises:
        ValueError: if something was found in a video that the truth does not know.
    """
    if unknown := sorted(set(found) - set(truth)):
        raise ValueError(f"found has a video ({unknown[0]!r}) that truth lacks; give both of it")
    scores, right, total = [], [], 0
    for video, known in truth.items():
        of_class = _of_class(found.get(video, ()), label)
        wanted = [segment for segment in known if segment.label == label]
        scores += [segment.score for segment in of_class]
        right += precision.taken(nearness(of_class, wanted), least)
        total += len(wanted)
    return precision.average_precision(scores, right, total) if total else 0.0


def _of_class(segments: Sequence[Segment], label: int) -> list[Segment]:
    """The segments of a class, the surest first."""
    mine = [segment for segment in segments if segment.label == label]
    return sorted(mine, key=lambda segment: -segment.score)


def _edges(segments: Sequence[Segment]) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends, float64 (N,) each."""
    edges = np.array([segment[:2] for segment in segments], dtype=float).reshape(-1, 2)
    return edges[:, 0], edges[:, 1]
