"""How good found tubes are: the overlap of two tubes, and their mean average precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..systems.boxes import box_iou
from .precision import average_precision, taken


class Tube(NamedTuple):
    """A thing in a clip, found or true.

    Attributes:
        clip: which clip.
        label: which class.
        boxes: (T, 4), left, top, right, bottom in pixels; NaN in frames without it.
        score: how sure it is; of no meaning where it is true.
    """

    clip: int
    label: int
    boxes: Tensor
    score: float = 1.0


def tube_iou(first: Tensor, second: Tensor) -> Tensor:
    """How much two tubes overlap in space and time.

    The mean IoU of their boxes over the frames in which both are, times the share of those among
    the frames in which either is (as in the evaluation of Saha et al. 2016 and later).

    Args:
        first: (..., T, 4); NaN in frames without a box.
        second: (..., T, 4); the leading shapes are broadcast.

    Returns:
        (...) in [0, 1]; 0 where they share no frame.
    """
    here, there = (~tube.isnan().any(dim=-1) for tube in (first, second))  # (..., T)
    both, either = (here & there).sum(dim=-1), (here | there).sum(dim=-1)
    # The mean over frames with both, times both / either: the sum, divided by either.
    total = box_iou(first, second).nan_to_num(0.0).sum(dim=-1)
    return torch.where(both > 0, total / either.clamp(min=1), torch.zeros_like(total))


def hits_at(found: Sequence[Tube], true: Sequence[Tube], threshold: float) -> np.ndarray:
    """Which of the found tubes are right, all of one class.

    From the surest on, each takes the true tube of its clip that it overlaps most, of those that
    are left; it is right if they overlap by the threshold or more.

    Args:
        found: M tubes.
        true: what is to be found.
        threshold: of `tube_iou`, above 0.

    Returns:
        Booleans (M,), in the order of `found`.
    """
    hits = np.zeros(len(found), dtype=bool)
    for clip in {tube.clip for tube in found}:
        rows = [i for i, tube in enumerate(found) if tube.clip == clip]
        rows.sort(key=lambda i: -found[i].score)
        if wanted := [tube.boxes for tube in true if tube.clip == clip]:
            own = torch.stack([found[i].boxes for i in rows])
            overlaps = tube_iou(own[:, None], torch.stack(wanted))  # (F, G)
            hits[rows] = taken(overlaps.double().numpy(), threshold)
    return hits


def mean_average_precision(
    found: Sequence[Tube], true: Sequence[Tube], *, threshold: float = 0.5
) -> float:
    """The mean over classes of the average precision of tubes ("video mAP").

    Args:
        found: any number of tubes, each with a class and a score.
        true: what is to be found; classes are those that occur here.
        threshold: of `tube_iou`, above 0.

    Returns:
        From 0 to 1.

    Raises:
        ValueError: if there are no true tubes.
    """
    labels = sorted({tube.label for tube in true})
    if not labels:
        raise ValueError(f"true ({len(true)}) must be one tube or more")
    shares = []
    for label in labels:
        own, wanted = ([t for t in tubes if t.label == label] for tubes in (found, true))
        hits = hits_at(own, wanted, threshold)
        shares.append(average_precision([tube.score for tube in own], hits, len(wanted)))
    return sum(shares) / len(shares)
