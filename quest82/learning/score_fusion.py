"""Late fusion: class scores of several networks that were trained apart become one verdict.

Both ways are those of Simonyan & Zisserman 2014, section 4: the average, and a linear SVM on the
scores of both streams.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .svm import fit_svm, margins_of


def average_scores(logits: Sequence[Tensor]) -> Tensor:
    """The mean of the networks' class probabilities.

    Args:
        logits: of each network (N, K), of the same clips and classes.

    Returns:
        Scores (N, K), which add up to 1.

    Raises:
        ValueError: if there are none, or their shapes differ.
    """
    return torch.stack([of_one.softmax(dim=1) for of_one in _matching(logits)]).mean(dim=0)


class ScoreSVM:
    """A linear SVM for each class, on the L2-normalised class probabilities of all networks.

    Fit it to scores of clips that the networks have not learned from (see `cross_validate`): of
    the others they are sure, and which network is to be trusted cannot be seen.

    Args:
        C: what an error costs against a wide margin; scikit-learn's default.
    """

    def __init__(self, C: float = 1.0) -> None:
        self.cost = C

    def fit(self, logits: Sequence[Tensor], labels: Tensor) -> ScoreSVM:
        """Learn which network to believe about which class.

        Args:
            logits: of each network (N, K).
            labels: (N,), every class among them.

        Raises:
            ValueError: if the shapes of the logits differ, or a class has no clip.
        """
        K = _matching(logits)[0].shape[1]
        if missing := set(range(K)) - set(labels.tolist()):
            raise ValueError(f"labels must have clips of all {K} classes, {min(missing)} has none")
        self.svm = fit_svm(_vectors(logits), labels, cost=self.cost)
        return self

    def __call__(self, logits: Sequence[Tensor]) -> Tensor:
        """Scores (N, K): the distance from each class's plane, positive on its side."""
        return margins_of(self.svm, _vectors(logits))


def _vectors(logits: Sequence[Tensor]) -> Tensor:
    """What the SVM reads: (N, networks * K)."""
    unit = [F.normalize(of_one.double().softmax(dim=1), dim=1) for of_one in _matching(logits)]
    return torch.cat(unit, dim=1)


def _matching(logits: Sequence[Tensor]) -> Sequence[Tensor]:
    if len({of_one.shape for of_one in logits}) != 1:
        raise ValueError(
            f"logits {[tuple(of_one.shape) for of_one in logits]} must be one or more of a shape "
            "(N, K): the same clips and classes for each network"
        )
    return logits
