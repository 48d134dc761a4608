"""Where models differ on the same clips: over all of them, by class, and in what is confused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ..data.clip_set import ClipSet
from ..learning import Evaluation, uncertainty
from .training import Run

_MOST_CONFUSIONS = 20


def differences(runs: Mapping[str, Sequence[Run]], baseline: str, test: ClipSet) -> dict:
    """Every other model against the baseline, both on the clips as they were filmed.

    Args:
        runs: name of the model -> its runs on the same clips, one for each seed.
        baseline: name of the model that the others are compared with.
        test: the clips.

    Returns:
        The part of a report (see `comparison.compare`) that begins with `baseline`.
    """
    found = {name: [run.answers["forwards"] for run in own] for name, own in runs.items()}
    shares = {name: hits(own) for name, own in found.items()}
    others = [name for name in found if name != baseline]
    p_values = {name: _p_values(found[baseline], found[name], test) for name in others}
    corrected = iter(uncertainty.holm([p for own in p_values.values() for p in own]))
    return {
        "baseline": baseline,
        "comparisons": sum(map(len, p_values.values())),
        "differences": {
            name: {
                "difference": _difference(shares[baseline], shares[name], test.groups),
                "p_values": p_values[name],
                "corrected_p_values": [next(corrected) for _ in p_values[name]],
            }
            for name in others
        },
        "per_class": _per_class(shares, baseline, test),
        "confusions": _confusions(
            {name: own[0].confusion for name, own in found.items()}, test.classes
        ),
    }


def hits(results: Sequence[Evaluation]) -> np.ndarray:
    """For each of N clips the share of the seeds that got it right."""
    return np.mean([result.correct.numpy() for result in results], axis=0)


def average(
    values: np.ndarray,
    groups: Sequence[str],
    interval: Callable[[np.ndarray, Sequence[str]], tuple[float, float]],
) -> dict:
    """The mean of N values, and the interval that such a function finds for it."""
    return {"average": float(values.mean()), "interval": list(interval(values, groups))}


def _p_values(
    first: Sequence[Evaluation], second: Sequence[Evaluation], test: ClipSet
) -> list[float]:
    return [
        uncertainty.mcnemar(a.correct, b.correct, test.groups)
        for a, b in zip(first, second, strict=True)
    ]


def _difference(first: np.ndarray, second: np.ndarray, groups: Sequence[str]) -> dict:
    return average(first - second, groups, uncertainty.difference_interval)


def _per_class(shares: Mapping[str, np.ndarray], baseline: str, test: ClipSet) -> list[dict]:
    labels, groups = test.labels.numpy(), np.asarray(test.groups)
    rows = []
    for k in np.unique(labels):
        own = {name: values[labels == k] for name, values in shares.items()}
        those = groups[labels == k]
        rows.append(
            {
                "class": test.classes[k],
                "clips": len(those),
                "groups": len(set(those)),
                "recalls": {name: float(values.mean()) for name, values in own.items()},
                "differences": {
                    name: _difference(own[baseline], values, those)
                    for name, values in own.items()
                    if name != baseline
                },
            }
        )
    return rows


def _confusions(counts: Mapping[str, Tensor], classes: Sequence[str]) -> list[dict]:
    """The most frequent wrong answers of all models together, from their (K, K) counts."""
    together = torch.stack(list(counts.values())).sum(dim=0)
    together.fill_diagonal_(0)
    flat = together.flatten()
    ranked = flat.argsort(descending=True, stable=True)[:_MOST_CONFUSIONS]
    pairs = [divmod(int(cell), len(classes)) for cell in ranked if flat[cell]]
    return [
        {
            "true": classes[true],
            "predicted": classes[predicted],
            "counts": {name: int(own[true, predicted]) for name, own in counts.items()},
        }
        for true, predicted in pairs
    ]
