"""A linear support vector machine on features of clips, as papers put one on frozen networks."""

from __future__ import annotations

import torch
from sklearn.svm import LinearSVC
from torch import Tensor

from .evaluation import Evaluation, judge


def fit_svm(features: Tensor, labels: Tensor, *, cost: float = 1.0) -> LinearSVC:
    """One class against the rest, by scikit-learn.

    Args:
        features: (N, F); of length 1 where the paper has them so (`systems.volumes.c3d_features`).
        labels: (N,), numbers of K classes; at least two occur.
        cost: C of scikit-learn: what a clip within the margin costs.

    Raises:
        ValueError: if all clips are of one class.
    """
    svm = LinearSVC(C=cost, max_iter=10_000, random_state=0)  # the default stops some too early
    return svm.fit(features.numpy(), labels.numpy())


def evaluate_svm(svm: LinearSVC, features: Tensor, labels: Tensor) -> Evaluation:
    """How it does on clips that it has not seen; its margins stand for logits.

    They are no logarithms of probabilities, so `loss` compares with nothing.

    Args:
        svm: of `fit_svm`, which has seen all of the classes 0 to K - 1.
        features: (N, F).
        labels: (N,).
    """
    return judge(margins_of(svm, features), labels)


def margins_of(svm: LinearSVC, features: Tensor) -> Tensor:
    """Margins (N, K): the distance from each class's plane, positive on its side.

    Args:
        svm: of `fit_svm`.
        features: (N, F).
    """
    margins = torch.from_numpy(svm.decision_function(features.numpy()))
    # Of two classes there is one plane.
    return margins if margins.ndim == 2 else torch.stack([-margins, margins], dim=1)
