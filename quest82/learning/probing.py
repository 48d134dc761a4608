"""What frozen features know: a linear classifier on them, and nothing else that is learned."""

from __future__ import annotations

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from ..data.clip_set import ClipSet
from .evaluation import Evaluation, inputs_of, judge


@torch.no_grad()
def features_of(network: nn.Module, data: ClipSet) -> Tensor:
    """What a network, put into eval mode, makes of each clip (N, F)."""
    network.eval()
    batches = torch.arange(len(data)).split(data.clips_at_once)
    return torch.cat(
        [network(x).cpu() for x in inputs_of(network, data, batches, [None] * len(batches))]
    )


def fit_probe(features: Tensor, labels: Tensor, *, strength: float = 1.0) -> Pipeline:
    """A logistic regression on features of mean 0 and variance 1, by scikit-learn.

    Args:
        features: (N, F).
        labels: (N,), numbers of the classes 0 to K - 1, each of which occurs.
        strength: C of scikit-learn: how little the weights are held back.
    """
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))
    return probe.fit(features.double().numpy(), labels.numpy())


def evaluate_probe(probe: Pipeline, features: Tensor, labels: Tensor) -> Evaluation:
    """How a probe does on clips that it has not seen.

    Args:
        probe: of `fit_probe`, for at least three classes.
        features: (N, F).
        labels: (N,).
    """
    logits = torch.from_numpy(probe.decision_function(features.double().numpy()))
    return judge(logits, labels)
