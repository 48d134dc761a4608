"""How good a list of finds is, whatever was to be found: segments, moments in time, or tubes.

From the surest on, each find takes the true one that it is nearest to, of those that are left; it
is right if that one is near enough. Precision over recall then says how the list does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def taken(nearness: np.ndarray, least: float) -> list[bool]:
    """Whether each find takes a true one that is free and near enough.

    Args:
        nearness: (F, G), of F finds, the surest first, and G true ones: the higher, the nearer.
        least: how near it must be at least.
    """
    free, right = np.ones(nearness.shape[1], dtype=bool), []
    for near in nearness:
        left = np.where(free, near, -np.inf)
        right.append(bool((left >= least).any()))
        if right[-1]:
            free[left.argmax()] = False
    return right


def average_precision(scores: ArrayLike, hits: ArrayLike, num_true: int) -> float:
    """The area under precision over recall, going down the list of what was found.

    Precision at a recall is the highest one at this recall or a higher one, as PASCAL VOC has had
    it since 2010, and ActivityNet.

    Args:
        scores: (M,), how sure each of the found ones is.
        hits: (M,) booleans, whether it is one of the true ones, each of which counts once.
        num_true: how many true ones there are, above 0.

    Raises:
        ValueError: if there are none, or lengths differ.

    Examples:
        Right, wrong, right, of two:

        >>> round(average_precision([0.9, 0.8, 0.7], [True, False, True], 2), 4)
        0.8333
    """
    scores, hits = np.asarray(scores, dtype=float), np.asarray(hits, dtype=bool)
    if num_true < 1 or scores.shape != hits.shape:
        raise ValueError(
            f"num_true ({num_true}) must be 1 or more, and scores {scores.shape} and hits "
            f"{hits.shape} of one length"
        )
    right = hits[np.argsort(-scores, kind="stable")]
    precision = right.cumsum() / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best[right].sum() / num_true)  # each hit makes recall greater by 1 / num_true
