"""Which way was it played? Answers about classes that are each other's reverse."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..data.clip_set import ClipSet
from ..learning import uncertainty
from .differences import average
from .records import Record
from .training import Run

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


def hits_of(runs: Mapping[int, Run], test: ClipSet, *, answers: str = "forwards") -> np.ndarray:
    """For each test clip the share of the seeds that are right about its direction (N,).

    Args:
        runs: seed -> what one model answered, as `Record.runs` gives it for each model.
        test: the clips, of pairs of classes.
        answers: "forwards"; or "backwards" or "shuffled", where clips were played so.
    """
    logits = [run.answers[answers].logits for run in runs.values()]
    return torch.stack([direction_hits(own, test.labels) for own in logits]).mean(dim=0).numpy()


def overall(record: Record, *, of: str = "") -> dict[str, tuple[float, float, float]]:
    """How often each model of a record is right about the direction, all kinds together.

    Args:
        record: of an experiment on pairs of classes (`ClipSet.reversed_pairs`), of one part.
        of: only the models whose names begin so; it is taken off their names.

    Returns:
        Name of the model -> average over clips and seeds, lower and upper end of the 95 % interval
        for other groups; chance is 1/2.
    """
    test, found = record.tested(), {}
    for model, runs in record.runs().items():
        if model.startswith(of):
            figure = average(hits_of(runs, test), test.groups, uncertainty.accuracy_interval)
            found[model.removeprefix(of)] = (figure["average"], *figure["interval"])
    return found


def by_kind(record: Record, *, answers: str = "forwards") -> dict[str, dict[str, Figure]]:
    """How often each model of a record is right about the direction, kind by kind; chance is 1/2.

    Args:
        record: of an experiment on pairs of classes (`ClipSet.reversed_pairs`), of one part.
        answers: as for `hits_of`.

    Returns:
        Name of the model -> forward class of a kind -> its `average` over clips and seeds, and the
        95 % `interval` for other groups.
    """
    test = record.tested()
    found: dict[str, dict[str, Figure]] = {}
    for model, runs in record.runs().items():
        hits = hits_of(runs, test, answers=answers)
        found[model] = {test.classes[2 * k]: _of_kind(hits, test, k) for k in _kinds_in(test)}
    return found


def _kinds_in(test: ClipSet) -> list[int]:
    return (test.labels // 2).unique().tolist()


def _of_kind(hits: np.ndarray, test: ClipSet, kind: int) -> Figure:
    rows = (test.labels // 2 == kind).numpy()
    groups = np.asarray(test.groups)[rows]
    return average(hits[rows], groups, uncertainty.accuracy_interval)
