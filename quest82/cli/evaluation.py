"""The command that measures a model on clips it has not seen, or compares several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .answers import Answers, tell_classes, write_answers
from .file_options import ReportOptions
from .options import Store, Task, TrainingOptions
from .stores import open_store
from .telling import tell_differences, tell_one_sided, tell_result

if TYPE_CHECKING:
    import numpy as np

    from ..essences import EssenceSet
    from ..experiments.models import Model
    from ..experiments.training import Run

_MOST_GROUPS_ONE_BY_ONE = 30


def evaluate(
    essences: Store,
    *,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A file of `quest82 train`; or the name of an aggregator, such as mean or lstm, "
            "which may be given several times: the others are compared with the first."
        ),
    ] = None,
    task: Task = "classes",
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Folds; else one group at a time, or 10 folds of many."),
    ] = None,
    average_views: Annotated[
        bool, typer.Option(help="With a file: judge by all views of a clip, not the centre alone.")
    ] = False,
    training: TrainingOptions,
    files: ReportOptions,
) -> None:
    """Measure a model on the clips whose groups it has not seen, or compare several.

    With the file of a model, tests that model. Else trains each of the models that are named,
    without names mean pooling and the LSTM, on all groups but one, tests on that one, for each
    group in turn, and compares the others with the first by McNemar's test. The files hold every
    clip's answer, and precision, recall and F1 of each class.

    Example: `quest82 evaluate weizmann.essences --task direction`

    Example: `quest82 evaluate clips.essences --model m.safetensors --csv answers.csv --plot c.png`
    """
    from ..experiments.models import chosen
    from ..systems.aggregators import AGGREGATORS

    files.require_writable()
    if model and len(model) == 1 and model[0] not in AGGREGATORS:
        answers = [_evaluate_model(essences, Path(model[0]), average_views)]
        tell_classes(answers[0])
    else:
        models = chosen(model, at_least=1)
        answers = _evaluate_names(models, open_store(essences, task), folds, training)
    write_answers(answers, files)


def _evaluate_names(
    models: Sequence[Model], data: EssenceSet, num_folds: int | None, training: TrainingOptions
) -> list[Answers]:
    """Train and test models, fold by fold, with one seed after the other; what they answer."""
    from .. import learning
    from ..experiments.training import Attempt, Budget

    num_groups = len(set(data.groups))
    if num_folds is None and num_groups > _MOST_GROUPS_ONE_BY_ONE:
        num_folds = 10
        typer.echo(f"{num_groups} groups are too many to leave out one by one: 10 folds of groups")
    tell_one_sided(learning.one_sided(data, data))
    runs: dict[str, list[Run]] = {model.name: [] for model in models}
    budget = Budget(epochs=training.epochs)
    for seed in range(training.seeds):
        for model in models:
            run = Attempt(model, seed, budget, progress=True).leave_out(data, num_folds)
            runs[model.name].append(run)
            tell_result(f"{model.name:4}  seed {seed}", run.answers["forwards"], data)
        last = {name: own[-1:] for name, own in runs.items()}
        tell_differences(f"      seed {seed}", last, data, corrected=False)
    if training.seeds > 1 or len(models) > 2:
        over = f"over {training.seeds} seed{'s' if training.seeds > 1 else ''}"
        tell_differences(over, runs, data)
    return [
        Answers(
            name, seed, run.answers["forwards"], data, run.answers["forwards"].logits.softmax(1)
        )
        for name, own in runs.items()
        for seed, run in enumerate(own)
    ]


def _evaluate_model(essences: Path, path: Path, average_views: bool) -> Answers:
    """Test a model on those clips of a store that it has not seen; what it answers."""
    from .. import learning
    from ..systems import classifier

    network, settings = classifier.load(path)
    data = open_store(essences, settings["task"])
    _require_same_making(essences, data, path, settings)
    seen = _seen_by(settings["seen"], data)
    if seen.all():
        raise ValueError(
            f"{essences}: {path} was trained on these clips, or others of their groups"
        )
    if seen.any():
        typer.echo(f"{seen.sum()} clips or others of their groups were trained on: left out")
    data = data.subset(~seen)
    views = f", {data.num_views} views of each" if average_views else ""
    result = learning.evaluate(network, data, average_views=average_views)
    tell_result(f"{len(data)} clips{views}", result, data)
    calibration, logits = settings["calibration"], result.logits
    probabilities = calibration.probabilities(logits) if calibration else logits.softmax(dim=1)
    return Answers(path.name, None, result, data, probabilities)


def _require_same_making(essences: Path, data: EssenceSet, path: Path, settings: Mapping) -> None:
    """Refuse a store whose essences or classes are not those of the model."""
    for name in ("num_frames", "size", "sampler", "stride", "by", "backbone", "weights", "maps"):
        here, there = data.settings.get(name), settings["extraction"].get(name)
        if here != there:
            raise ValueError(
                f"{essences}: {name} is {here!r}, but {path} was trained with {there!r}; "
                "extract with the same settings"
            )
    if list(data.classes) != settings["classes"]:
        raise ValueError(f"{essences}: has other classes than {path} was trained on")


def _seen_by(names: Sequence[str], data: EssenceSet) -> np.ndarray:
    """Which clips (N,) a model has learned from, or others of their groups."""
    import numpy as np

    from ..data.clips import group_key

    known = {group_key(name) for name in names}
    seen = np.array([group_key(group) in known for group in data.groups])
    return seen | np.isin(data.clip_ids, names)
