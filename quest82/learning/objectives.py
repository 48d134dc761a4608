"""What training makes small: a loss of the model's answers on a batch of clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn
from torch.nn import functional as F

from ..data.clip_set import ClipSet
from .evaluation import evaluate

Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]


class Objective(Protocol):
    """What `fit` needs to know of an objective; a frozen dataclass, so that it can be compared."""

    def loss_for(self, train: ClipSet) -> Loss:
        """The loss of a batch of these clips: (model, inputs, labels) -> mean per clip, a scalar.

        It calls the model itself, so that it may hide a part of the inputs, or weigh several
        losses against each other.
        """

    def watch(self, model: nn.Module, validation: ClipSet) -> tuple[float, float]:
        """Loss by which to stop early, and accuracy in [0, 1], of clips not learned from."""


@dataclass(frozen=True)
class CrossEntropy:
    """The negative logarithm of the probability that the model gives to the right class, in nats.

    Attributes:
        class_weights: let the clips of a class count in inverse proportion to their number, so
            that rare classes are not neglected; off, since with it the loss of the training is no
            longer that of the evaluation.
        label_smoothing: share of the label that is spread evenly over all classes (Szegedy et
            al. 2016); none, since it changes what the probabilities mean.
    """

    class_weights: bool = False
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing ({self.label_smoothing}) must be from 0 to below 1")

    def loss_for(self, train: ClipSet) -> Loss:
        """See `Objective`. A clip's share does not depend on the rest of its batch."""
        weights = _class_weights(train) if self.class_weights else None

        def loss(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
            logits, smooth = model(inputs), self.label_smoothing
            if weights is None:
                return F.cross_entropy(logits, labels, label_smoothing=smooth)
            each = weights.to(logits.device, logits.dtype)
            total = F.cross_entropy(
                logits, labels, weight=each, reduction="sum", label_smoothing=smooth
            )
            return total / len(labels)

        return loss

    def watch(self, model: nn.Module, validation: ClipSet) -> tuple[float, float]:
        """See `Objective`: the plain cross-entropy of the centre views, and top-1."""
        result = evaluate(model, validation)
        return result.loss, result.top1


def _class_weights(data: ClipSet) -> Tensor:
    """(K,) weights in inverse proportion to the clips of each class; 1 on average over clips."""
    counts = data.labels.bincount(minlength=len(data.classes))
    present = int((counts > 0).sum())
    return len(data) / (present * counts.clamp(min=1).double())
