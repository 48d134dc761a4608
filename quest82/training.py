"""The loop: fit a classifier to essences, and evaluate it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GroupKFold
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from .store import EssenceSet


@dataclass(frozen=True)
class TrainConfig:
    """Settings of `fit`, each with the reason for its default.

    Attributes:
        epochs: at most this many passes over the training clips; early stopping ends sooner.
        batch_size: small enough for many steps on a few hundred clips.
        learning_rate: Adam's own default.
        clip_norm: largest length of the gradient; backpropagation through time can explode
            (Pascanu et al. 2013).
        patience: epochs without a lower validation loss before stopping.
        seed: of the order of the clips, the views drawn, and dropout.
        progress: show a progress bar.
    """

    epochs: int = 60
    batch_size: int = 32
    learning_rate: float = 1e-3
    clip_norm: float = 1.0
    patience: int = 10
    seed: int = 0
    progress: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate", "clip_norm", "patience"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} ({getattr(self, name)}) must be above 0")


@dataclass
class History:
    """What happened in each epoch: mean losses per clip in nats, and accuracies in [0, 1].

    Attributes:
        train_loss: with dropout on, as it was optimised.
        validation_loss: empty without validation clips.
        validation_top1: empty without validation clips.
        best_epoch: the epoch whose weights the model has now, counted from 0.
    """

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_top1: list[float] = field(default_factory=list)
    best_epoch: int = -1


@dataclass(frozen=True)
class Evaluation:
    """How a model did on N clips of K classes.

    Attributes:
        loss: mean cross-entropy per clip, in nats.
        top1: share of clips whose class got the highest logit.
        top5: share of clips whose class is among the five highest (fewer classes: 1.0).
        confusion: (K, K) counts; row = true class, column = predicted class.
        predictions: (N,) predicted classes.
        correct: (N,) booleans.
        logits: (N, K).
    """

    loss: float
    top1: float
    top5: float
    confusion: Tensor
    predictions: Tensor
    correct: Tensor
    logits: Tensor


def fit(
    model: nn.Module,
    train: EssenceSet,
    config: TrainConfig | None = None,
    validation: EssenceSet | None = None,
) -> History:
    """Train a model in place with Adam on the cross-entropy of its logits; leave it in eval mode.

    With validation clips, stops when their loss no longer falls and restores the best weights.
    Each epoch draws one view of each clip, where the essences have views. On one machine the
    same model, clips and seed give the same numbers; the global random state is left as it was.

    Args:
        model: essences (B, T, D) -> logits (B, K), on any device.
        train: clips to learn from.
        config: settings; the defaults where None.
        validation: clips that share no group with the training clips.

    Raises:
        ValueError: if a group is in both, a set is empty, or the loss is not finite.
    """
    config = config or TrainConfig()
    require_apart(train, validation)
    # Fused: all weights are updated in one go, which saves time on small models.
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    history, best_loss, best_weights = History(), float("inf"), None
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(config.seed)
        for epoch in tqdm(range(config.epochs), "training", disable=not config.progress):
            history.train_loss.append(_train_one_epoch(model, train, optimizer, config))
            if validation is None:
                history.best_epoch = epoch
                continue
            result = evaluate(model, validation)
            history.validation_loss.append(result.loss)
            history.validation_top1.append(result.top1)
            if result.loss < best_loss:
                best_loss, best_weights = result.loss, copy.deepcopy(model.state_dict())
                history.best_epoch = epoch
            if epoch - history.best_epoch >= config.patience:
                break
    if best_weights is not None:
        model.load_state_dict(best_weights)
    model.eval()
    return history


def _train_one_epoch(
    model: nn.Module, train: EssenceSet, optimizer: torch.optim.Optimizer, config: TrainConfig
) -> float:
    """One pass over the clips in random order; the mean loss per clip."""
    model.train()
    total = 0.0
    for rows in torch.randperm(len(train)).split(config.batch_size):
        essences, labels = _batch(model, _draw_view(train.essences[rows]), train.labels[rows])
        loss = F.cross_entropy(model(essences), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
        optimizer.step()
        total += loss.item() * len(rows)  # the last batch may be smaller: weigh by clips
    if not torch.isfinite(torch.tensor(total)):
        raise ValueError("the training loss is not finite: lower learning_rate or clip_norm")
    return total / len(train)


@torch.inference_mode()
def evaluate(model: nn.Module, data: EssenceSet, *, batch_size: int = 256) -> Evaluation:
    """Measure a model on clips, in eval mode; of several views the first (centre) is used."""
    was_training = model.training
    model.eval()
    essences = data.essences if data.essences.ndim == 3 else data.essences[:, 0]
    batches = zip(essences.split(batch_size), data.labels.split(batch_size), strict=True)
    logits = torch.cat([model(_batch(model, x, y)[0]).cpu() for x, y in batches])  # (N, K)
    model.train(was_training)
    return _judge(logits, data.labels)


def cross_validate(
    make_model: Callable[[], nn.Module],
    data: EssenceSet,
    config: TrainConfig | None = None,
    *,
    num_folds: int | None = None,
) -> Evaluation:
    """Judge every clip by a model that has never seen its group.

    Args:
        make_model: gives a fresh model; called once per fold.
        data: the clips.
        config: as for `fit`; there is no early stopping here, for want of clips to stop by.
        num_folds: into how many parts the groups are dealt, at random (config.seed); None leaves
            out one group at a time.

    Returns:
        One evaluation over all clips, in their order.

    Raises:
        ValueError: if there are fewer than two groups, or fewer groups than folds.
    """
    num_groups = len(set(data.groups))
    num_folds = num_folds or num_groups
    if not 2 <= num_folds <= num_groups:
        raise ValueError(
            f"num_folds ({num_folds}) must be from 2 to the number of groups ({num_groups})"
        )
    logits = None
    config = config or TrainConfig()
    # Not shuffled, groups are dealt in the order of their names: sorted clips, far from random.
    dealt = {"shuffle": True, "random_state": config.seed} if num_folds < num_groups else {}
    folds = GroupKFold(num_folds, **dealt).split(data.labels, groups=data.groups)
    for train, test in tqdm(list(folds), "folds", disable=not config.progress):
        model = make_model()
        fit(model, data.subset(train), replace(config, progress=False))
        tested = evaluate(model, data.subset(test)).logits
        logits = tested.new_zeros(len(data), tested.shape[1]) if logits is None else logits
        logits[test] = tested
    return _judge(logits, data.labels)


def _judge(logits: Tensor, labels: Tensor) -> Evaluation:
    K = logits.shape[1]
    ranked = logits.argsort(dim=1, descending=True, stable=True)
    hits = ranked == labels[:, None]
    return Evaluation(
        loss=F.cross_entropy(logits, labels).item(),
        top1=hits[:, 0].double().mean().item(),
        top5=hits[:, :5].any(dim=1).double().mean().item(),
        confusion=torch.from_numpy(confusion_matrix(labels, ranked[:, 0], labels=range(K))),
        predictions=ranked[:, 0],
        correct=hits[:, 0],
        logits=logits,
    )


def _batch(model: nn.Module, essences: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    weight = next(model.parameters())
    return essences.to(weight.device, weight.dtype), labels.to(weight.device)


def _draw_view(essences: Tensor) -> Tensor:
    """(B, V, T, D) -> (B, T, D): a random view of each clip."""
    if essences.ndim == 3:
        return essences
    B, V = essences.shape[:2]
    return essences[torch.arange(B), torch.randint(V, (B,))]


def require_apart(train: EssenceSet, other: EssenceSet | None, *, name: str = "validation") -> None:
    """Refuse empty sets, and a group that is in training and in the other set.

    Raises:
        ValueError: names the group.
    """
    if len(train) == 0 or (other is not None and len(other) == 0):
        raise ValueError(f"train and {name} must hold at least one clip each")
    shared = set(train.groups) & set(other.groups if other else ())
    if shared:
        raise ValueError(
            f"group {min(shared)!r} is in training and {name}: "
            "split by group, for example with EssenceSet.split"
        )
