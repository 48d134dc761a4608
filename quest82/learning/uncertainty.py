"""How sure we are: intervals for accuracies and their differences, and a paired test."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest, norm
from scipy.stats import t as student

FEW_GROUPS = 10  # with fewer, one group more or less moves an interval by a large part of its width


def wilson_interval(
    num_correct: float, num_clips: float, *, confidence: float = 0.95
) -> tuple[float, float]:
    """The interval of accuracies that fit a count (Wilson 1927); stays inside [0, 1].

    It takes clips for independent. Where they come in groups, see `accuracy_interval`.

    Args:
        num_correct: clips got right, 0 to num_clips.
        num_clips: clips asked, above 0. Both may be fractions, as effective numbers are.
        confidence: 0 to 1.

    Returns:
        Lower and upper end, in [0, 1].

    Raises:
        ValueError: if the counts do not fit together.
    """
    if not 0 <= num_correct <= num_clips or num_clips <= 0:
        raise ValueError(f"num_correct ({num_correct}) must be from 0 to num_clips ({num_clips})")
    n, p, z = float(num_clips), float(num_correct / num_clips), norm.ppf((1 + confidence) / 2)
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return max(0.0, min(p, float(centre - half))), min(1.0, max(p, float(centre + half)))


def accuracy_interval(
    correct: ArrayLike, groups: Sequence[str], *, confidence: float = 0.95
) -> tuple[float, float]:
    """The interval of an accuracy over clips that come in groups.

    It is Wilson's, with the number of independent clips that the groups are worth (see
    `effective_clips`) in the place of their number. So it lies between the interval that takes
    every clip for independent and the one that takes each group for a single answer. (A bootstrap
    over groups is too narrow where groups are few, and has no width where all of them are equally
    good.)

    Args:
        correct: (N,) booleans, or shares from 0 to 1, such as averages over seeds.
        groups: N group names.
        confidence: 0 to 1.

    Returns:
        Lower and upper end, in [0, 1].

    Raises:
        ValueError: if lengths differ, there are no clips, or a value is not from 0 to 1.

    Examples:
        Ten of ten, each a group:

        >>> low, high = accuracy_interval([1] * 10, "abcdefghij")
        >>> round(low, 3), round(high, 3)
        (0.722, 1.0)
    """
    correct = _checked(correct, groups, lowest=0, highest=1)
    p = float(correct.mean())
    n = effective_clips(correct, groups, spread=p * (1 - p), confidence=confidence)
    return wilson_interval(p * n, n, confidence=confidence)


def difference_interval(
    differences: ArrayLike, groups: Sequence[str], *, confidence: float = 0.95
) -> tuple[float, float]:
    """The interval of the difference of two accuracies on the same clips, which come in groups.

    The counterpart of `accuracy_interval`: the score interval of a paired difference (Tango 1998),
    for the number of independent clips that the groups are worth.

    Args:
        differences: (N,) one model's correct answers minus another's: -1, 0 or 1, or averages.
        groups: N group names.
        confidence: 0 to 1.

    Returns:
        Lower and upper end, in [-1, 1].

    Raises:
        ValueError: if lengths differ, there are no clips, or a value is not from -1 to 1.

    Examples:
        Ten groups without a difference: -0.278 to 0.278.
    """
    differences = _checked(differences, groups, lowest=-1, highest=1)
    mean, square = float(differences.mean()), float((differences**2).mean())
    n = effective_clips(differences, groups, spread=square - mean**2, confidence=confidence)
    square = max(square, abs(mean))  # so many clips of n differ, where averages are counted as such
    ahead, behind = n * (square + mean) / 2, n * (square - mean) / 2
    return _tango(ahead, behind, n, confidence)


def effective_clips(
    values: ArrayLike, groups: Sequence[str], *, spread: float, confidence: float = 0.95
) -> float:
    """How many independent clips would say as much about a mean as these clips in their groups.

    Independent clips with the variance `spread` would have a mean of the variance spread / n. The
    variance that the groups really have, estimated from how they differ, gives n; it is made
    smaller for the few groups that it was estimated from (Korn & Graubard 1998), and lies between
    the effective number of groups and the number of clips. Where no clip differs from another, as
    in ten of ten, nothing is known of how mistakes come together: then it is that of groups.

    Args:
        values: (N,) numbers.
        groups: N group names.
        spread: variance of one value, were clips independent.
        confidence: of the interval that it is for.
    """
    values = np.asarray(values, dtype=float)
    sums, _ = _by_group(values - values.mean(), groups)
    N, G, fewest = len(values), len(sums), effective_groups(groups)
    if G < 2 or spread <= 1e-12:
        return fewest
    variance = G / (G - 1) * float((sums**2).sum()) / N**2
    n = spread / variance if variance * N > spread else N
    half = (1 + confidence) / 2
    return max(fewest, n * float(norm.ppf(half) / student.ppf(half, G - 1)) ** 2)


def effective_groups(groups: Sequence[str]) -> float:
    """How many groups of equal size would say as much as these (Kish 1965).

    Examples:
        >>> round(effective_groups("aabb"), 3), round(effective_groups("aaaaaaaabc"), 3)
        (2.0, 1.515)
    """
    sizes = np.unique(list(groups), return_counts=True)[1]
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def few_groups(groups: Sequence[str]) -> str:
    """A remark for people where the groups are few, such as "only 7 groups"; else nothing."""
    number, effective = len(set(groups)), effective_groups(groups)
    if effective >= FEW_GROUPS:
        return ""
    counting = f", which count as {effective:.1f}" if effective < 0.9 * number else ""
    return f"only {number} group{'s' if number > 1 else ''}{counting}"


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


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for how many they are (Holm 1979), in the same order.

    Of several true null hypotheses, the chance that any corrected p falls below a level is at
    most that level.

    Examples:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    order = p.argsort(kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1)
    return corrected.tolist()


def _checked(
    values: ArrayLike, groups: Sequence[str], *, lowest: float = -np.inf, highest: float = np.inf
) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if len(values) != len(groups):
        raise ValueError(f"values ({len(values)}) and groups ({len(groups)}) differ in length")
    if len(values) == 0 or not (values.min() >= lowest and values.max() <= highest):
        raise ValueError(f"values must be at least one number from {lowest:g} to {highest:g}")
    return values


def _by_group(values: np.ndarray, groups: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The sum and the number of the values of each group."""
    member_of = np.unique(list(groups), return_inverse=True)[1]
    return np.bincount(member_of, weights=values), np.bincount(member_of)


def _tango(ahead: float, behind: float, n: float, confidence: float) -> tuple[float, float]:
    """The score interval of (ahead - behind) / n, where n pairs were asked (Tango 1998)."""
    z, difference = norm.ppf((1 + confidence) / 2), (ahead - behind) / n

    def fits(delta: float) -> bool:
        # The most likely share of pairs that are behind, if the difference were delta.
        b = (2 * n - ahead + behind) * delta - ahead - behind
        share = (math.sqrt(b**2 + 8 * n * behind * delta * (1 - delta)) - b) / (4 * n)
        variance = n * (2 * share + delta * (1 - delta))
        return (ahead - behind - n * delta) ** 2 <= z**2 * variance

    return _farthest(fits, difference, -1.0), _farthest(fits, difference, 1.0)


def _farthest(fits: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where a condition that holds inside ends on the way outside, by halving."""
    if fits(outside):
        return outside
    for _ in range(50):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if fits(middle) else (inside, middle)
    return inside
