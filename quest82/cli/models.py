"""The command that trains a model, and says how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .file_options import require_file
from .fit_options import FitOptions
from .options import Epochs, Store, Task
from .split_options import SplitOptions
from .stores import open_store
from .telling import BLIND, tell_calibration, tell_one_sided, tell_result

if TYPE_CHECKING:
    from ..essences import EssenceSet
    from ..learning import History, TrainConfig
    from ..systems.calibration import Calibration
    from ..systems.classifier import Classifier


def train(
    essences: Store,
    model: Annotated[Path, typer.Argument(help="File to write the model to (.safetensors).")],
    *,
    aggregator: Annotated[
        str | None,
        typer.Option(help="mean, lstm or attention; else mean, and lstm for pairs and direction."),
    ] = None,
    task: Task = "classes",
    split: SplitOptions,
    epochs: Epochs = 60,
    fit: FitOptions,
    seed: Annotated[int, typer.Option(help="Of the split, the weights and the order.")] = 0,
) -> None:
    """Train a classifier on all clips of a store, and say how good it is on unseen groups.

    The accuracy is that of models trained in the same way on all groups but some, and asked about
    these; by their answers the model is calibrated, too. The model that is written has learned from
    all clips. With --test it has not: a share of the groups is then kept aside, and it is that
    model which is tested.

    Example: `quest82 train weizmann.essences lstm.safetensors --aggregator lstm`

    Example: `quest82 train weizmann.essences mean.safetensors --solver lbfgs`
    """
    from .. import learning
    from ..experiments import models

    require_file(model)
    data = open_store(essences, task)
    aggregator = aggregator or _reader_of(task)
    if aggregator == models.BLIND.name and task != "classes":
        typer.echo(f"note: {BLIND}")
    config = learning.TrainConfig(
        epochs=epochs,
        solver=fit.solver,
        strength=fit.strength,
        seed=seed,
        objective=learning.CrossEntropy(class_weights=fit.class_weights),
        progress=True,
    )
    if split.test:
        _train_and_test(data, model, aggregator, task, split, config)
    else:
        calibration = _judge(data, aggregator, config, split.num_folds(len(set(data.groups))))
        seen, watched = learning.set_aside(data, split.validation or 0, seed=seed)
        network = _fitted(aggregator, seen, watched, config)
        _save(model, network, data, task, calibration)


def _train_and_test(
    data: EssenceSet,
    path: Path,
    aggregator: str,
    task: str,
    split: SplitOptions,
    config: TrainConfig,
) -> None:
    """A model of some groups, and what it answers on the others."""
    from .. import learning

    rest, unseen = data.split(split.test, seed=config.seed, name="test")
    tell_one_sided(learning.one_sided(rest, unseen))
    watching = 0 if config.solver == "lbfgs" and not split.validation else split.validation
    seen, watched = learning.set_aside(rest, watching, seed=config.seed)
    network = _fitted(aggregator, seen, watched, config)
    _save(path, network, rest, task)
    tell_result(f"{len(unseen)} clips of unseen groups", learning.evaluate(network, unseen), unseen)


def _judge(
    data: EssenceSet, aggregator: str, config: TrainConfig, num_folds: int
) -> Calibration | None:
    """Say what such a model is worth, by models that have not seen the group they are asked of."""
    from .. import learning
    from ..learning.calibration import calibrate

    if not num_folds:
        typer.echo("a model of all clips: no clips are left to say how good it is")
        return None
    tell_one_sided(learning.one_sided(data, data))
    result = learning.cross_validate(
        lambda: _fresh(aggregator, data, config), data, config, num_folds=num_folds
    )
    tell_result(f"{len(data)} clips of groups left out in {num_folds} folds", result, data)
    found = calibrate(data, result, num_folds=num_folds, seed=config.seed)
    tell_calibration(found)
    return found.calibration


def _fresh(aggregator: str, data: EssenceSet, config: TrainConfig) -> Classifier:
    import torch

    from ..learning.training import fresh

    return fresh(aggregator, data, config, dtype=torch.float32)


def _fitted(
    aggregator: str, seen: EssenceSet, watched: EssenceSet | None, config: TrainConfig
) -> Classifier:
    """A trained model; how its training went is told."""
    from .. import learning

    network = _fresh(aggregator, seen, config)
    history = learning.fit(network, seen, config, watched)
    typer.echo(f"{aggregator}: {len(seen)} clips trained, {_stop_of(history, watched)}")
    return network


def _save(
    path: Path,
    network: Classifier,
    learned: EssenceSet,
    task: str,
    calibration: Calibration | None = None,
) -> None:
    from ..systems import classifier

    classifier.save(
        path,
        network,
        classes=learned.classes,
        extraction=learned.settings,
        seen={*learned.groups, *learned.clip_ids},
        task=task,
        calibration=calibration,
    )
    typer.echo(f"{path} written")


def _stop_of(history: History, watched: EssenceSet | None) -> str:
    """How the training came to its end."""
    if history.strength:
        return f"the exact minimum at strength {history.strength:.3g}"
    num_epochs = len(history.train_loss)
    if watched:
        return f"{len(watched)} watched, stopped at epoch {history.best_epoch + 1} of {num_epochs}"
    return f"none watched, every one of {num_epochs} epochs run"


def _reader_of(task: str) -> str:
    """The aggregator where none is asked for: the mean cannot tell a clip from its reverse."""
    from ..experiments.models import BLIND, READER

    name = (BLIND if task == "classes" else READER).name
    typer.echo(f"aggregator: {name}, the default for --task {task}")
    return name
