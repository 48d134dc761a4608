"""The loop: fit a model to essences or to the frames of video files, and evaluate it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import torch
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GroupKFold
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from ..data.clip_set import ClipSet
from ..data.clips import group_key

# By fewer clips training stops too early, and they are missed in it: on pairs of partial swings,
# over four to six seeds, watching 8, 17, 33, 49 clips cost an LSTM 8, 9, 5, 1 points of accuracy.
FEWEST_WATCHED = 50
WATCHED_SHARE = 0.2  # the usual compromise: four clips to learn from for each that is watched


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
        class_weights: let the clips of a class count in inverse proportion to their number, so
            that rare classes are not neglected; off, since with it the loss of the training is no
            longer that of the evaluation.
        progress: show a progress bar.
    """

    epochs: int = 60
    batch_size: int = 32
    learning_rate: float = 1e-3
    clip_norm: float = 1.0
    patience: int = 10
    seed: int = 0
    class_weights: bool = False
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


def fit(
    model: nn.Module,
    train: ClipSet,
    config: TrainConfig | None = None,
    validation: ClipSet | None = None,
) -> History:
    """Train a model in place with Adam on the cross-entropy of its logits; leave it in eval mode.

    With validation clips, stops when their loss no longer falls and restores the best weights.
    Each epoch draws one view of each clip, where there are several. On one machine the same
    model, clips and seed give the same numbers; the global random state is left as it was.

    Frozen or fine-tuned is one argument of the extractor. A `Classifier` fits an `EssenceSet`;
    ``nn.Sequential(MobileNetV2Extractor(trainable_from=14), classifier)`` fits a `FrameSet`, and
    only the parameters that ask for a gradient change. Frames need far more memory than essences,
    and trained blocks smaller steps than a fresh classifier: begin with a batch_size of 8 and a
    learning_rate of 1e-4.

    Args:
        model: what a batch of `train` holds -> logits (B, K), on any device: essences (B, T, D)
            of an `EssenceSet`, frames (B, T, 3, S, S) of a `FrameSet`.
        train: clips to learn from.
        config: settings; the defaults where None.
        validation: clips that share no group with the training clips.

    Raises:
        ValueError: if a group is in both, a set is empty, no parameter asks for a gradient, or
            the loss is not finite.
        VideoError: if a clip of a `FrameSet` cannot be read.
    """
    config = config or TrainConfig()
    require_apart(train, validation)
    trainable = _trainable(model)
    # Fused: all weights are updated in one go, which saves time on small models.
    optimizer = torch.optim.Adam(trainable, lr=config.learning_rate, fused=True)
    weights = _class_weights(train) if config.class_weights else None
    history, best_loss, best_weights = History(), float("inf"), None
    device = trainable[0].device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(config.seed)
        for epoch in tqdm(range(config.epochs), "training", disable=not config.progress):
            history.train_loss.append(_train_one_epoch(model, train, optimizer, config, weights))
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


def set_aside(
    data: ClipSet, fraction: float | None = None, *, seed: int = 0
) -> tuple[ClipSet, ClipSet | None]:
    """The clips to learn from and those to watch for early stopping, if that is worth it.

    Where few clips would be watched, stopping by them does more harm than good: every epoch is
    run on all of the clips instead.

    Args:
        data: all but the test clips.
        fraction: share of the groups to watch; 0: none. None decides: a fifth, or none where that
            would be fewer than `FEWEST_WATCHED` clips.
        seed: of the split.

    Returns:
        The clips for `fit` and its `validation`, which is None where nothing is watched.

    Raises:
        ValueError: if fraction was given and the clips cannot be split so.
    """
    if fraction is None:
        enough = WATCHED_SHARE * len(data) >= FEWEST_WATCHED
        possible = data.most_parts >= round(1 / WATCHED_SHARE)
        fraction = WATCHED_SHARE if enough and possible else 0
    return data.split(fraction, seed=seed, name="validation") if fraction else (data, None)


def one_sided(*parts: ClipSet) -> dict[str, int]:
    """Classes with too few groups to stand in each of some parts, and how many groups they have.

    Such a class is tested without having been learned, or learned without being tested.

    Args:
        parts: such as the training and the test clips; they name their classes alike.

    Returns:
        Class name -> number of groups; only classes of fewer groups than parts.
    """
    groups = {name: set() for name in parts[0].classes}
    for part in parts:
        for label, group in zip(part.labels.tolist(), part.groups, strict=True):
            groups[part.classes[label]].add(group_key(group))
    return {name: len(found) for name, found in groups.items() if len(found) < len(parts)}


def _train_one_epoch(
    model: nn.Module,
    train: ClipSet,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    weights: Tensor | None,
) -> float:
    """One pass over the clips in random order; the mean loss per clip."""
    model.train()
    trainable, total = _trainable(model), 0.0
    for rows in torch.randperm(len(train)).split(config.batch_size):
        inputs, labels = _batch(model, train, rows, _draw_views(train, len(rows)))
        loss = _loss(model(inputs), labels, weights)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trainable, config.clip_norm)
        optimizer.step()
        total += loss.item() * len(rows)  # the last batch may be smaller: weigh by clips
    if not torch.isfinite(torch.tensor(total)):
        raise ValueError("the training loss is not finite: lower learning_rate or clip_norm")
    return total / len(train)


def _class_weights(data: ClipSet) -> Tensor:
    """(K,) weights in inverse proportion to the clips of each class; 1 on average over clips."""
    counts = data.labels.bincount(minlength=len(data.classes))
    present = int((counts > 0).sum())
    return len(data) / (present * counts.clamp(min=1).double())


def _loss(logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """Mean cross-entropy of a batch; a clip's share does not depend on the rest of the batch."""
    if weights is None:
        return F.cross_entropy(logits, labels)
    weights = weights.to(logits.device, logits.dtype)
    return F.cross_entropy(logits, labels, weight=weights, reduction="sum") / len(labels)


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
    logits = sum(_logits(model, data, batches, view) for view in range(num_views)) / num_views
    model.train(was_training)
    return _judge(logits, data.labels)


def _logits(model: nn.Module, data: ClipSet, batches: Iterable[Tensor], view: int) -> Tensor:
    """Logits (N, K) of one view of every clip."""
    inputs = (_batch(model, data, rows, torch.full_like(rows, view))[0] for rows in batches)
    return torch.cat([model(x).cpu() for x in inputs])


def cross_validate(
    make_model: Callable[[], nn.Module],
    data: ClipSet,
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


def _trainable(model: nn.Module) -> list[nn.Parameter]:
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trainable:
        raise ValueError(
            "no parameter of the model asks for a gradient: there is nothing to train; "
            "add a classifier, or unfreeze blocks with trainable_from"
        )
    return trainable


def _batch(
    model: nn.Module, data: ClipSet, rows: Tensor, views: Tensor | None
) -> tuple[Tensor, Tensor]:
    """What the model takes, and the labels, where the model is."""
    weight = next(model.parameters())
    inputs = data.batch(rows, views).to(weight.device, weight.dtype)
    return inputs, data.labels[rows].to(weight.device)


def _draw_views(data: ClipSet, num_clips: int) -> Tensor | None:
    """A random view for each of some clips, where there are views."""
    return torch.randint(data.num_views, (num_clips,)) if data.has_views else None


def require_apart(train: ClipSet, other: ClipSet | None, *, name: str = "validation") -> None:
    """Refuse empty sets, and a group that is in training and in the other set.

    Raises:
        ValueError: names the group.
    """
    if len(train) == 0 or (other is not None and len(other) == 0):
        raise ValueError(f"train and {name} must hold at least one clip each")
    known = {group_key(group) for group in train.groups}
    shared = {group for group in (other.groups if other else ()) if group_key(group) in known}
    if shared:
        raise ValueError(
            f"group {min(shared)!r} is in training and {name}: "
            "split by group, for example with EssenceSet.split"
        )
