"""How good found tubes are: the overlap of two tubes, and average precision over a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..systems.boxes import box_iou


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


def average_precision(scores: ArrayLike, hits: ArrayLike, num_true: int) -> float:
    """The area under precision over recall, going down the list of what was found.

    Precision at a recall is the highest one at this recall or a higher one, as PASCAL VOC has had
    it since 2010.

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
    left, hits = list(true), np.zeros(len(found), dtype=bool)
    for i in np.argsort([-tube.score for tube in found], kind="stable"):
        own = [tube for tube in left if tube.clip == found[i].clip]
        overlaps = [float(tube_iou(found[i].boxes, tube.boxes)) for tube in own]
        if overlaps and max(overlaps) >= threshold:
            hits[i] = True
            best = own[int(np.argmax(overlaps))]
            left = [tube for tube in left if tube is not best]
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
