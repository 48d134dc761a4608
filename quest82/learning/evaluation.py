"""What a model does on clips that it has not seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.clip_set import ClipSet


@dataclass(frozen=True)
class Evaluation:
    """How a model did on N clips of K classes.

    Attributes:
        loss: mean cross-entropy per clip, in nats.
        top1: share of clips whose class got the highest logit.
        top5: share of clips whose class is among the five highest (fewer classes: 1.0).
        mean_class_accuracy: the share right of each class that has clips, averaged over classes
            (balanced accuracy): what a model gains by favouring a frequent class does not count.
        majority: share of the most frequent class, which is the accuracy of always naming it.
        confusion: (K, K) counts; row = true class, column = predicted class.
        predictions: (N,) predicted classes.
        correct: (N,) booleans.
        logits: (N, K).
    """

    loss: float
    top1: float
    top5: float
    mean_class_accuracy: float
    majority: float
    confusion: Tensor
    predictions: Tensor
    correct: Tensor
    logits: Tensor


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    data: ClipSet,
    *,
    batch_size: int | None = None,
    average_views: bool = False,
) -> Evaluation:
    """Measure a model on clips, in eval mode.

    Args:
        model: as for `fit`.
        data: clips with their labels.
        batch_size: clips at once; None: 256 of an `EssenceSet`, 8 of a `FrameSet`.
        average_views: judge each clip by the mean of the logits of all its views (multi-crop
            testing, Krizhevsky et al. 2012), at V times the cost; otherwise by its first view,
            the centre. For clips of one view the two are the same.

    Raises:
        VideoError: if a clip of a `FrameSet` cannot be read.
    """
    num_views = data.num_views if average_views else 1
    batches = torch.arange(len(data)).split(batch_size or data.clips_at_once)
    was_training = model.training
    model.eval()
    views = [_logits(model, data, batches, view) for view in range(num_views)]
    logits = sum(views[1:], start=views[0]) / num_views
    model.train(was_training)
    return judge(logits, data.labels)


def _logits(model: nn.Module, data: ClipSet, batches: Sequence[Tensor], view: int) -> Tensor:
    """Logits (N, K) of one view of every clip."""
    views = (torch.full_like(rows, view) for rows in batches)
    return torch.cat([model(x).cpu() for x in inputs_of(model, data, batches, views)])


def judge(logits: Tensor, labels: Tensor) -> Evaluation:
    """All figures of N clips from their logits (N, K) and their labels (N,)."""
    K = logits.shape[1]
    ranked = logits.argsort(dim=1, descending=True, stable=True)
    hits = ranked == labels[:, None]
    confusion = torch.from_numpy(confusion_matrix(labels, ranked[:, 0], labels=range(K)))
    clips = confusion.sum(dim=1)
    recalls = (confusion.diag().double() / clips)[clips > 0]
    return Evaluation(
        loss=F.cross_entropy(logits, labels).item(),
        top1=hits[:, 0].double().mean().item(),
        top5=hits[:, :5].any(dim=1).double().mean().item(),
        mean_class_accuracy=recalls.mean().item(),
        majority=int(clips.max()) / len(labels),
        confusion=confusion,
        predictions=ranked[:, 0],
        correct=hits[:, 0],
        logits=logits,
    )


def class_figures(labels: Tensor, predictions: Tensor, num_classes: int) -> list[dict]:
    """Precision, recall and F1 of each class, as scikit-learn computes them.

    Args:
        labels: (N,) true classes.
        predictions: (N,) predicted classes.
        num_classes: K.

    Returns:
        For each class "precision", the share right of the clips that were given its name;
        "recall", the share of its clips that were found; "f1", the harmonic mean of the two; and
        "clips", how many it has. None where the share is of nothing.
    """
    *shares, clips = precision_recall_fscore_support(
        labels, predictions, labels=range(num_classes), zero_division=np.nan
    )
    return [
        {
            **{
                name: None if np.isnan(share[k]) else float(share[k])
                for name, share in zip(("precision", "recall", "f1"), shares, strict=True)
            },
            "clips": int(clips[k]),
        }
        for k in range(num_classes)
    ]


def inputs_of(
    model: nn.Module, data: ClipSet, batches: Sequence[Tensor], views: Iterable[Tensor | None]
) -> Iterator[Tensor]:
    """What the model takes, batch by batch, where the model is and of the type of its weights."""
    weight = next(model.parameters())
    for inputs in data.batches(zip(batches, views, strict=True)):
        yield inputs.to(weight.device, weight.dtype)
