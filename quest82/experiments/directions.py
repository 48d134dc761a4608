"""Which way was it played? Answers about classes that are each other's reverse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ..learning import uncertainty
from .differences import average
from .records import Record

Figure = Mapping[str, float | list[float]]


def direction_hits(logits: Tensor, labels: Tensor) -> Tensor:
    """Whether the right direction got more than its reverse, whatever the other classes got.

    Args:
        logits: (N, K); classes 2 k and 2 k + 1 are each other's reverse, as
            `ClipSet.reversed_pairs` numbers them.
        labels: (N,) true classes.

    Returns:
        (N,) float64: 1 where it did, 1/2 where both got the same, else 0.
    """
    right = logits.gather(1, labels[:, None])[:, 0]
    reverse = logits.gather(1, labels[:, None] ^ 1)[:, 0]
    return (right > reverse).double() + (right == reverse).double() / 2


def by_kind(record: Record, *, answers: str = "forwards") -> dict[str, dict[str, Figure]]:
    """How often each model of a record tells the direction, kind by kind; chance is 1/2.

    Args:
        record: of an experiment on pairs of classes (`ClipSet.reversed_pairs`), of one part.
        answers: "forwards"; or "backwards" or "shuffled", where clips were played so.

    Returns:
        Name of the model -> forward class of a kind -> its `average` over clips and seeds, and the
        95 % `interval` for other groups.
    """
    test = record.tested()
    groups, kinds = np.asarray(test.groups), test.labels // 2
    found: dict[str, dict[str, Figure]] = {}
    for model, runs in record.runs().items():
        hits = _mean_hits([run.answers[answers].logits for run in runs.values()], test.labels)
        found[model] = {
            test.classes[2 * k]: average(
                hits[(kinds == k).numpy()],
                groups[(kinds == k).numpy()],
                uncertainty.accuracy_interval,
            )
            for k in kinds.unique().tolist()
        }
    return found


def _mean_hits(logits: Sequence[Tensor], labels: Tensor) -> np.ndarray:
    """For each clip the share of the seeds that told its direction (N,)."""
    return torch.stack([direction_hits(own, labels) for own in logits]).mean(dim=0).numpy()
