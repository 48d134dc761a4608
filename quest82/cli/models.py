"""The command that trains a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..outputs import require_writable
from .options import Epochs, Store, Task
from .stores import open_store
from .telling import BLIND, tell_one_sided, tell_result

if TYPE_CHECKING:
    from ..essences import EssenceSet
    from ..learning import History


def train(
    essences: Store,
    model: Annotated[Path, typer.Argument(help="File to write the model to (.safetensors).")],
    *,
    aggregator: Annotated[
        str | None,
        typer.Option(help="mean, lstm or attention; else mean, and lstm for pairs and direction."),
    ] = None,
    task: Task = "classes",
    test: Annotated[
        float,
        typer.Option(
            min=0, max=0.5, help="Share of the groups kept unseen; 0: none, for a final model."
        ),
    ] = 0.2,
    validation: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.5,
            help="Share of the rest watched for early stopping; 0: none, every epoch is run. Else "
            "a fifth, or none where that is too few clips.",
        ),
    ] = None,
    epochs: Epochs = 60,
    class_weights: Annotated[
        bool, typer.Option("--class-weights", help="Let rare classes count as much as others.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the split, the weights and the order.")] = 0,
) -> None:
    """Train a classifier on a store; whole groups are kept aside for testing.

    With few clips nothing is watched and every epoch is run on all but the test clips. How good
    such a recipe is, `quest82 evaluate` tells; `--test 0` then makes the final model of all clips.

    Example: `quest82 train weizmann.essences lstm.safetensors --aggregator lstm`
    """
    from .. import learning
    from ..experiments import models
    from ..systems import classifier

    if not model.parent.is_dir() or model.is_dir():
        raise ValueError(f"{model}: cannot be written; give a file name in a folder that exists")
    require_writable(model)
    data = open_store(essences, task)
    aggregator = aggregator or _reader_of(task)
    if aggregator == models.BLIND.name and task != "classes":
        typer.echo(f"note: {BLIND}")
    rest, unseen = data.split(test, seed=seed, name="test") if test else (data, None)
    seen, watched = learning.set_aside(rest, validation, seed=seed)
    tell_one_sided(learning.one_sided(*(part for part in (rest, unseen) if part)))
    network = classifier.build(aggregator, data.num_features, len(data.classes), seed=seed)
    config = learning.TrainConfig(
        epochs=epochs,
        seed=seed,
        objective=learning.CrossEntropy(class_weights=class_weights),
        progress=True,
    )
    history = learning.fit(network, seen, config, watched)
    classifier.save(
        model,
        network,
        classes=data.classes,
        extraction=data.settings,
        seen={*rest.groups, *rest.clip_ids},
        task=task,
    )
    stopped = _stop_of(history, watched)
    typer.echo(f"{aggregator}: {len(seen)} clips trained, {stopped}; {model} written")
    if unseen is None:
        typer.echo("a final model of all clips: no clips are left to say how good it is")
        return
    tell_result(f"{len(unseen)} clips of unseen groups", learning.evaluate(network, unseen), unseen)


def _stop_of(history: History, watched: EssenceSet | None) -> str:
    """How the training came to its end."""
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
