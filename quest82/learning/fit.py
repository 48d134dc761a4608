"""The loop: fit a model to essences or to the frames of video files."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ..data.clip_set import ClipSet
from ..data.sequence_set import SequenceSet
from ..systems.aggregators import MeanPool
from ..systems.classifier import Classifier
from .checkpoint import Checkpoint, name_of_run
from .config import History, TrainConfig
from .convex import solve
from .evaluation import Evaluation, evaluate, inputs_of, judge
from .objectives import CrossEntropy, Loss
from .splits import folds, require_apart


def fit(
    model: nn.Module,
    train: ClipSet,
    config: TrainConfig | None = None,
    validation: ClipSet | None = None,
    *,
    checkpoint: str | Path | None = None,
) -> History:
    """Train a model in place; leave it in eval mode.

    With validation clips, stops when their loss no longer falls and restores the best weights.
    Each epoch draws one view of each clip, where there are several. On one machine the same
    model, clips and seed give the same numbers; the global random state is left as it was.

    Frozen or fine-tuned is one argument of the extractor. A `Classifier` fits an `EssenceSet`;
    ``nn.Sequential(MobileNetV2Extractor(trainable_from=14), classifier)`` fits a `FrameSet`, and
    only the parameters that ask for a gradient change. Frames need far more memory than essences,
    and trained blocks smaller steps than a fresh classifier: begin with a batch_size of 8 and a
    learning_rate of 1e-4.

    A mean with a linear layer and without dropout has one minimum: ``TrainConfig(solver="lbfgs")``
    goes there, with a penalty that groups of the training clips choose.

    Args:
        model: what a batch of `train` holds -> logits (B, K), on any device: essences (B, T, D)
            of an `EssenceSet`, frames (B, T, 3, S, S) of a `FrameSet`.
        train: clips to learn from.
        config: settings; the defaults where None.
        validation: clips that share no group with the training clips.
        checkpoint: a file in which the state is kept after each epoch. Where there is one, the
            training goes on from it and ends as if it had never been stopped; at the end it goes.

    Raises:
        ValueError: if a group is in both, a set is empty, no parameter asks for a gradient, the
            loss is not finite, or the checkpoint is of another training; with solver="lbfgs" if
            clips to watch or a checkpoint are given, or as `convex.solve` does.
        VideoError: if a clip of a `FrameSet` cannot be read.
    """
    config = config or TrainConfig()
    require_apart(train, validation)
    if config.solver == "lbfgs":
        _require_nothing_watched(validation, checkpoint)
        return solve(model, train, config)
    trainable = _trainable(model)
    optimiser = config.optimiser.build(trainable, config.learning_rate)
    loss, device = config.objective.loss_for(train), trainable[0].device
    history, best, file = History(), None, None
    if checkpoint is not None:
        file = Checkpoint(checkpoint, name_of_run(model, config, train, validation))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(config.seed)
        if file:
            history, best = file.load(model, optimiser)
        done = len(history.train_loss)
        bar = tqdm(desc="training", total=config.epochs, initial=done, disable=not config.progress)
        shown = _averaged_once(model, config, train)
        watched = validation and _averaged_once(model, config, validation)
        with bar:
            while not history.is_over(config):
                _train_one_epoch(model, shown, optimiser, config, loss, history)
                if _is_best(model, config, watched, history) and watched is not None:
                    best = copy.deepcopy(model.state_dict())
                if file:
                    file.save(model, optimiser, history, best)
                bar.update()
    if best is not None:
        model.load_state_dict(best)
    if file:
        file.remove()
    model.eval()
    return history


def _require_nothing_watched(validation: ClipSet | None, checkpoint: str | Path | None) -> None:
    if validation is not None:
        raise ValueError(
            f"validation ({len(validation)} clips) has no meaning where solver='lbfgs', which is "
            "not stopped early: add them to the training clips, whose groups choose the penalty"
        )
    if checkpoint is not None:
        raise ValueError(
            f"checkpoint ({checkpoint}) has no meaning where solver='lbfgs', which has no epochs: "
            "leave it out"
        )


def _averaged_once(model: nn.Module, config: TrainConfig, data: ClipSet) -> ClipSet:
    """The means of the clips, where that is all that any epoch sees of them; else the clips.

    Of one frame, `MeanPool` gives that frame: what has been averaged can go through it again.
    """
    pools = type(model) is Classifier and type(model.aggregator) is MeanPool
    whole = type(config.objective) is CrossEntropy  # others may hide some of the frames
    if not (pools and whole and isinstance(data, SequenceSet)) or data.shown.ndim != 3:
        return data  # views of essences have four axes
    return data.averaged(next(model.parameters()).dtype) if data.num_frames > 1 else data


def _train_one_epoch(
    model: nn.Module,
    train: ClipSet,
    optimiser: torch.optim.Optimizer,
    config: TrainConfig,
    loss_of: Loss,
    history: History,
) -> None:
    """One pass over the clips in random order; the mean loss per clip goes into the history."""
    model.train()
    trainable, total, before = _trainable(model), 0.0, len(history.train_loss)
    batches = torch.randperm(len(train)).split(config.batch_size)
    # Essences take a view with its batch. Frames take all views first: so the numbers are the same
    # whether they are read ahead, and by how many workers.
    views = (_draw_views(train, len(rows)) for rows in batches)
    inputs = inputs_of(model, train, batches, views)
    for step, (rows, x) in enumerate(zip(batches, inputs, strict=True), start=1):
        _set_rate(optimiser, config, before + step / len(batches))
        with _precision(config, x.device):
            loss = loss_of(model, x, train.labels[rows].to(x.device))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trainable, config.clip_norm)
        optimiser.step()
        total += loss.item() * len(rows)  # the last batch may be smaller: weigh by clips
    if not torch.isfinite(torch.tensor(total)):
        raise ValueError("the training loss is not finite: lower learning_rate or clip_norm")
    history.train_loss.append(total / len(train))


def _set_rate(optimiser: torch.optim.Optimizer, config: TrainConfig, done: float) -> None:
    rate = config.learning_rate * config.schedule.factor(done, config.epochs)
    for group in optimiser.param_groups:
        group["lr"] = rate


def _precision(config: TrainConfig, device: torch.device) -> AbstractContextManager:
    """bfloat16 has the range of single precision, so that gradients need no scaling."""
    return torch.autocast(device.type, torch.bfloat16, enabled=config.mixed_precision)


def _is_best(
    model: nn.Module, config: TrainConfig, validation: ClipSet | None, history: History
) -> bool:
    """Watch the validation clips; whether this epoch is the best so far, as it is without any."""
    best = min(history.validation_loss, default=float("inf"))
    if validation is not None:
        watched, top1 = config.objective.watch(model, validation)
        history.validation_loss.append(watched)
        history.validation_top1.append(top1)
        if not watched < best:
            return False
    history.best_epoch = len(history.train_loss) - 1
    return True


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
    config = config or TrainConfig()
    parts = folds(data, num_folds, seed=config.seed)
    logits = []
    for train, test in tqdm(parts, "folds", disable=not config.progress):
        model = make_model()
        fit(model, data.subset(train), replace(config, progress=False))
        logits.append(evaluate(model, data.subset(test)).logits)
    rows = torch.cat([torch.from_numpy(test) for _, test in parts])
    return judge(torch.cat(logits)[rows.argsort()], data.labels)


def _trainable(model: nn.Module) -> list[nn.Parameter]:
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trainable:
        raise ValueError(
            "no parameter of the model asks for a gradient: there is nothing to train; "
            "add a classifier, or unfreeze blocks with trainable_from"
        )
    return trainable


def _draw_views(data: ClipSet, num_clips: int) -> Tensor | None:
    """A random view for each of some clips, where there are views."""
    return torch.randint(data.num_views, (num_clips,)) if data.has_views else None
