"""The exact fit of a linear layer on the mean: multinomial logistic regression by L-BFGS.

Where nothing below the linear layer is trained, cross-entropy plus a penalty on the weights is
convex: it has one minimum, which needs no learning rate, no epochs, no seed and no early stopping
to be found. How strong the penalty is, groups of the training clips that are left out decide.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from tqdm import tqdm

from ..data.clip_set import ClipSet
from ..systems.classifier import Classifier
from .calibration import least_surprise
from .config import History, TrainConfig
from .evaluation import inputs_of
from .objectives import CrossEntropy
from .splits import folds

# Tried from the strongest penalty on, for features whose variance is 1 on average.
_STRENGTHS = tuple(10.0 ** (half / 2) for half in range(-10, 5))
_MOST_FOLDS = 5
# Of the gradient. With scikit-learn's 1e-4, and 101 classes, nothing moves after the first step.
_TOLERANCE, _TOLERANCE_OF_FOLDS = 1e-8, 1e-6
_CLIPS_AT_ONCE = 32  # so few stay in the processor's cache: six times as fast as 256
_COLDEST, _HOTTEST = 1e-5, 1e2  # a strong penalty makes logits a thousand times too small
_NEVER = 30.0  # nats by which a class without clips lies below all others: e**-30 is no probability


def solve(model: nn.Module, train: ClipSet, config: TrainConfig) -> History:
    """Put a classifier's linear layer at the minimum of its penalised cross-entropy, in place.

    The weights are those of scikit-learn's `LogisticRegression` with the same C on the same
    averages. Where the strength is chosen, they are also divided by a temperature (see `History`),
    which changes no answer.

    For the solver the features are centred and divided by one number, which is then folded into
    the weights: neither moves the minimum, but the way there is several times shorter. (Each
    feature by its own deviation is another penalty, no better on the book's groups.)

    Args:
        model: a `Classifier` whose aggregator has no weights, without dropout.
        train: clips to learn from.
        config: settings with ``solver="lbfgs"``; its seed deals the groups into folds.

    Returns:
        One entry of `train_loss`, the cross-entropy at the minimum without the penalty; and the
        `strength`.

    Raises:
        ValueError: if the model is not convex, the objective is not the plain or weighted
            cross-entropy, there are clips of one class alone, or groups are too few to choose by.
    """
    model = _require_convex(model, config)
    present = train.labels.unique()
    if len(present) < 2:
        raise ValueError(
            f"train has clips of one class alone ({train.classes[int(present[0])]!r}): there is "
            "nothing to tell apart; add clips of another"
        )
    features = _features(model, train)  # (V, N, F)
    middle = features.mean(dim=(0, 1))
    scale = (features - middle).square().mean().sqrt().clamp(min=1e-12).item()
    scaled, axes = _turned((features - middle) / scale)  # (V, N, R), (R, F)
    if config.strength is None:
        strength, temperature = _chosen(scaled, train, config)
    else:
        strength, temperature = config.strength * scale**2, 1.0
    solver = _solver(config, C=strength, tol=_TOLERANCE)
    _fit(solver, scaled, train.labels)
    weights, biases = _layer_of(solver, scaled, len(train.classes))
    weights, biases = weights @ axes / temperature, biases / temperature  # (K, R) -> (K, F)
    with torch.no_grad():
        model.head.weight.copy_(weights / scale)
        model.head.bias.copy_(biases - weights @ middle / scale)
    model.eval()
    loss = _loss(model.head, features, train, config)
    return History([loss], best_epoch=0, strength=strength / scale**2, temperature=temperature)


def _require_convex(model: nn.Module, config: TrainConfig) -> Classifier:
    rule = "solver='lbfgs' fits a linear layer on fixed features exactly"
    if not isinstance(model, Classifier):
        raise ValueError(
            f"model ({type(model).__name__}) is no Classifier: {rule}; extract the essences first, "
            "and fit a classifier.build('mean', ..., head_dropout=0)"
        )
    if any(True for _ in model.aggregator.parameters()):
        raise ValueError(
            f"aggregator ({type(model.aggregator).__name__}) has weights of its own, and its loss "
            f"has more than one minimum: {rule}; take 'mean', or leave the solver out"
        )
    if model.dropout.p:
        raise ValueError(
            f"dropout ({model.dropout.p}) makes the loss a matter of chance: {rule}; build the "
            "classifier with head_dropout=0, the penalty holds its weights"
        )
    objective = config.objective
    if type(objective) is not CrossEntropy or objective.label_smoothing:
        raise ValueError(
            f"objective ({objective}) must be a CrossEntropy without label_smoothing where "
            "solver='lbfgs'; leave the solver out"
        )
    return model


@torch.no_grad()
def _features(model: Classifier, data: ClipSet) -> Tensor:
    """What the aggregator makes of every view of each clip, float64 (V, N, F) on the CPU."""
    batches = torch.arange(len(data)).split(_CLIPS_AT_ONCE)
    return torch.stack(
        [
            torch.cat(
                [
                    model.aggregator(x).double().cpu()
                    for x in inputs_of(
                        model, data, batches, (torch.full_like(rows, view) for rows in batches)
                    )
                ]
            )
            for view in range(data.num_views)
        ]
    )


def _turned(scaled: Tensor) -> tuple[Tensor, Tensor]:
    """The features (V, N, F) in as many dimensions as there are clips, if F is more; and axes.

    The minimum is a sum of clips, since whatever is orthogonal to all of them only adds penalty.
    """
    V, N, width = scaled.shape
    if width <= V * N:
        return scaled, torch.eye(width, dtype=scaled.dtype)
    axes, turned = torch.linalg.qr(scaled.flatten(0, 1).T)  # (F, R), (R, V N)
    return turned.T.unflatten(0, (V, N)).contiguous(), axes.T


def _chosen(scaled: Tensor, train: ClipSet, config: TrainConfig) -> tuple[float, float]:
    """The strength whose answers on groups left out surprise least, and at which temperature.

    A strong penalty also makes all logits small, and so unsure. At its best temperature a strength
    is judged by what it tells apart alone. From the best one on the surprise only grows.
    """
    parts = _usable_folds(train, config)
    # Each begins at its last minimum.
    solvers = [_solver(config, tol=_TOLERANCE_OF_FOLDS, warm_start=True) for _ in parts]
    best, least = (_STRENGTHS[0], 1.0), float("inf")
    for strength in tqdm(_STRENGTHS, "strengths", disable=not config.progress):
        answers = []
        for solver, (inside, left_out) in zip(solvers, parts, strict=True):
            _fit(solver.set_params(C=strength), scaled[:, inside], train.labels[inside])
            places = torch.searchsorted(torch.from_numpy(solver.classes_), train.labels[left_out])
            answers.append((_logits(solver, scaled[0, left_out]), places))
        surprise, temperature = least_surprise(answers, coldest=_COLDEST, hottest=_HOTTEST)
        if surprise > least:
            break
        best, least = (strength, temperature), surprise
    return best


def _usable_folds(train: ClipSet, config: TrainConfig) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds of groups in which something can be learned, and asked of what was left out."""
    num_folds = min(_MOST_FOLDS, len(set(train.groups)))
    dealt = folds(train, num_folds, seed=config.seed) if num_folds > 1 else []
    parts = []
    for inside, left_out in dealt:
        known = train.labels[inside].unique()
        asked = left_out[torch.isin(train.labels[left_out], known).numpy()]
        if len(known) > 1 and len(asked):
            parts.append((inside, asked))
    if not parts:
        raise ValueError(
            f"strength cannot be chosen by groups: {len(set(train.groups))} of them leave no fold "
            "with two classes to learn and one of these to ask for; give strength (1.0 is "
            "scikit-learn's), or clips of more groups"
        )
    return parts


def _solver(config: TrainConfig, **options) -> LogisticRegression:
    weights = "balanced" if getattr(config.objective, "class_weights", False) else None
    return LogisticRegression(class_weight=weights, max_iter=10_000, **options)


def _fit(solver: LogisticRegression, scaled: Tensor, labels: Tensor) -> None:
    """Fit to features (V, N, F), each view with a V-th of its clip's weight."""
    V, N, _ = scaled.shape
    solver.fit(scaled.flatten(0, 1).numpy(), labels.repeat(V).numpy(), np.full(V * N, 1 / V))


def _logits(solver: LogisticRegression, scaled: Tensor) -> Tensor:
    """Logits (N, K) of features (N, F), for the K classes that occurred."""
    logits = torch.from_numpy(solver.decision_function(scaled.numpy()))
    return logits if logits.ndim == 2 else _two_sides(logits)


def _two_sides(difference: Tensor) -> Tensor:
    """Of two classes scikit-learn has the difference of the logits alone: (N,) -> (N, 2)."""
    return torch.stack([-difference / 2, difference / 2], dim=-1)


def _layer_of(solver: LogisticRegression, scaled: Tensor, K: int) -> tuple[Tensor, Tensor]:
    """Weights (K, F) and biases (K,) for all classes; one that did not occur is never answered."""
    coefficients, offsets = torch.from_numpy(solver.coef_), torch.from_numpy(solver.intercept_)
    if len(offsets) == 1:
        coefficients, offsets = _two_sides(coefficients[0]).T, _two_sides(offsets[0])
    lowest = _logits(solver, scaled.flatten(0, 1)).min() - _NEVER
    weights, biases = coefficients.new_zeros(K, coefficients.shape[1]), lowest.repeat(K)
    present = torch.from_numpy(solver.classes_)
    weights[present], biases[present] = coefficients, offsets
    return weights, biases


@torch.no_grad()
def _loss(head: nn.Linear, features: Tensor, train: ClipSet, config: TrainConfig) -> float:
    """The objective at the minimum, over all views of all clips."""
    V, rows = len(features), features.flatten(0, 1).to(head.weight)
    labels = train.labels.repeat(V).to(rows.device)
    return config.objective.loss_for(train)(head, rows, labels).item()
