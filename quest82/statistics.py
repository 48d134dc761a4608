"""How sure we are: intervals for an accuracy, and a paired test between two models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest


def wilson_interval(
    num_correct: int, num_clips: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """The interval of accuracies that fit a count (Wilson 1927); stays inside [0, 1].

    It takes clips for independent. Where they come in groups, see `group_bootstrap`.

    Args:
        num_correct: clips got right, 0 to num_clips.
        num_clips: clips asked, at least 1.
        confidence: 0 to 1.

    Returns:
        Lower and upper end, in [0, 1].
    """
    interval = binomtest(int(num_correct), int(num_clips)).proportion_ci(confidence, "wilson")
    return interval.low, interval.high


def group_bootstrap(
    values: ArrayLike,
    groups: Sequence[str],
    *,
    confidence: float = 0.95,
    num_resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """The percentile interval of a mean over clips when whole groups are drawn again (Efron 1979).

    Clips of one group succeed and fail together; drawing groups instead of clips keeps that.
    With few groups (nine, say) the interval is still too narrow, and where all clips are right
    it has no width at all.

    Args:
        values: (N,) numbers: booleans (right or wrong) for the interval of an accuracy; one
            model's minus another's, on the same clips, for that of the difference.
        groups: N group names, at least two different ones.
        confidence: 0 to 1.
        num_resamples: how often to draw.
        seed: of the draws.

    Returns:
        Lower and upper end, between the smallest value and the largest.

    Raises:
        ValueError: if lengths differ or there is one group only.
    """
    values = np.asarray(values, dtype=float)
    if len(values) != len(groups):
        raise ValueError(f"values ({len(values)}) and groups ({len(groups)}) differ in length")
    names, member_of = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"groups ({len(names)}) must be at least two to draw from")
    sums, sizes = np.bincount(member_of, weights=values), np.bincount(member_of)
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(names), size=(num_resamples, len(names)))
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def mcnemar(
    correct_a: ArrayLike, correct_b: ArrayLike, groups: Sequence[str] | None = None
) -> float:
    """Exact two-sided p-value that two models are equally good on the same clips (McNemar 1947).

    Only the clips on which they differ count: if the models were equally good, each of them
    would win such a clip with probability one half. That takes clips for independent. Where
    they come in groups, give the groups: each counts once, for the model that got more of its
    clips right (a sign test).

    Args:
        correct_a: (N,) booleans of one model.
        correct_b: (N,) booleans of the other, on the same clips in the same order.
        groups: N group names; None takes each clip for a group of its own.

    Returns:
        p in [0, 1]; 1.0 where they never differ.

    Raises:
        ValueError: if the lengths differ.
    """
    a, b = np.asarray(correct_a, dtype=int), np.asarray(correct_b, dtype=int)
    names = np.arange(len(a)) if groups is None else np.asarray(groups)
    if not a.shape == b.shape == names.shape:
        raise ValueError(f"correct_a {a.shape}, correct_b {b.shape}, groups: not of one length")
    _, member_of = np.unique(names, return_inverse=True)
    ahead = np.sign(np.bincount(member_of, weights=a - b))
    wins_a, wins_b = int((ahead > 0).sum()), int((ahead < 0).sum())
    return float(binomtest(wins_a, wins_a + wins_b).pvalue) if wins_a + wins_b else 1.0
