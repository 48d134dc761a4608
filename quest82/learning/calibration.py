"""Calibration: how sure a model may be, measured on groups that it has not seen.

Networks are surer than they are right (Guo et al., ICML 2017, arXiv:1706.04599), and a softmax
shares out certainty among the classes it knows even for a blank screen. Both are measured here:
one temperature for the logits, and one distance beyond which a clip is like none of the classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from ..data.clip_set import ClipSet
from ..systems.calibration import Calibration, nearest
from .evaluation import Evaluation
from .splits import folds

ACCEPTANCE = 0.95  # one clip in twenty of a known class is sent away, as intervals miss one
NUM_BINS = 15  # as Guo et al. count
_WIDEST = 20.0  # no temperature outside of 1/20 to 20


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A calibration, and what it is good for.

    Attributes:
        calibration: for the model of all clips.
        error_before: expected calibration error of the held-out answers as they are, in [0, 1].
        error_after: with temperatures, each fitted on the half of the groups that it is not
            applied to, so that it is no better than it will be on others.
    """

    calibration: Calibration
    error_before: float
    error_after: float


def calibrate(
    data: ClipSet,
    held_out: Evaluation,
    *,
    num_folds: int | None = None,
    seed: int = 0,
    acceptance: float = ACCEPTANCE,
) -> Calibrated:
    """Fit temperature and distance by answers about groups that were left out.

    Args:
        data: an `EssenceSet` of at least two groups.
        held_out: the answers of `cross_validate` about these clips.
        num_folds: as there, for the distances.
        seed: likewise.
        acceptance: share of known clips that are to be known, above 0 and at most 1.

    Raises:
        ValueError: if there are too few groups, or acceptance is out of range.
    """
    if not 0 < acceptance <= 1:
        raise ValueError(f"acceptance ({acceptance}) must be above 0 and at most 1")
    features, logits, labels = mean_essences(data), held_out.logits, data.labels
    far = held_out_distances(data, features, num_folds=num_folds, seed=seed)
    crossed = torch.empty_like(logits)
    for fitted, applied in folds(data, 2, seed=seed):
        crossed[applied] = logits[applied] / fit_temperature(logits[fitted], labels[fitted])
    calibration = Calibration(
        temperature=fit_temperature(logits, labels),
        means=_means(features, labels).float(),
        farthest=float(np.quantile(far, acceptance, method="higher")) if len(far) else math.inf,
        acceptance=acceptance,
    )
    before, after = (calibration_error(x.softmax(dim=1), labels) for x in (logits, crossed))
    return Calibrated(calibration, before, after)


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature under which labels (N,) are most likely, given logits (N, K)."""
    return least_surprise([(logits, labels)], coldest=1 / _WIDEST, hottest=_WIDEST)[1]


def least_surprise(
    answers: Sequence[tuple[Tensor, Tensor]], *, coldest: float, hottest: float
) -> tuple[float, float]:
    """The surprise of labels at the temperature under which they are most likely.

    Each label counts (N + 1) / (N + 2), and all other classes together 1 / (N + 2), as if one more
    clip had been right and one wrong (after Platt 1999): else a model that got all of few clips
    right would be made certain of everything.

    Args:
        answers: logits (n, K) and labels (n,), of one model or of several with classes of their
            own; N clips together.
        coldest: no temperature is below it.
        hottest: nor above it.

    Returns:
        The mean surprise, in nats, and the temperature.
    """
    N = sum(len(labels) for _, labels in answers)
    wanted = []
    for logits, labels in answers:
        n, K = logits.shape
        targets = torch.full((n, K), 1 / (N + 2) / (K - 1), dtype=torch.float64)
        targets[torch.arange(n), labels] = (N + 1) / (N + 2)
        wanted.append((logits.double(), targets))

    def surprise(log_temperature: float) -> float:
        cooled = ((logits / math.exp(log_temperature), targets) for logits, targets in wanted)
        return -sum((t * z.log_softmax(dim=1)).sum(dim=1).sum().item() for z, t in cooled) / N

    ends = (math.log(coldest), math.log(hottest))
    found = minimize_scalar(surprise, bounds=ends, method="bounded")
    return found.fun, math.exp(found.x)


def calibration_error(probabilities: Tensor, labels: Tensor, *, num_bins: int = NUM_BINS) -> float:
    """Expected calibration error: how far certainty and accuracy are apart, on average.

    Clips are put into bins of equal width by the probability of their answer; in each, the share
    of right answers is compared with the mean probability (Naeini et al. 2015).

    Args:
        probabilities: (N, K).
        labels: (N,).
        num_bins: how many bins.

    Examples:
        Four answers, each 75 % sure, of which two are right:

        >>> sure = torch.tensor([[0.75, 0.25]] * 4)
        >>> calibration_error(sure, torch.tensor([0, 0, 1, 1]))
        0.25
    """
    sure, answers = probabilities.double().max(dim=1)
    gaps = (answers == labels).double() - sure
    bins = (sure * num_bins).ceil().long().clamp(1, num_bins) - 1
    sums = torch.zeros(num_bins, dtype=torch.float64).index_add_(0, bins, gaps)
    return sums.abs().sum().item() / len(labels)


def mean_essences(data: ClipSet) -> Tensor:
    """The mean over time of the centre view of each clip: float64 (N, D)."""
    batches = torch.arange(len(data)).split(data.clips_at_once)
    shown = data.batches((rows, None) for rows in batches)
    return torch.cat([essences.double().mean(dim=1) for essences in shown])


def held_out_distances(
    data: ClipSet, features: Tensor, *, num_folds: int | None = None, seed: int = 0
) -> np.ndarray:
    """How far clips are from the classes of the other groups: float64 (M,).

    Clips whose class no other group has are left out: to them the others really are unlike.
    """
    found = []
    for others, own in folds(data, num_folds, seed=seed):
        known = torch.isin(data.labels[own], data.labels[others])
        means = _means(features[others], data.labels[others])
        found.append(nearest(features[own][known], means))
    return torch.cat(found).numpy()


def _means(features: Tensor, labels: Tensor) -> Tensor:
    """The mean (M, D) of each of the M classes that occur."""
    return torch.stack([features[labels == k].mean(dim=0) for k in labels.unique()])
