"""The command that measures a model on clips it has not seen, or compares both aggregators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Store, Task, TrainingOptions
from .stores import open_store
from .telling import tell_difference, tell_one_sided, tell_result

if TYPE_CHECKING:
    import numpy as np

    from ..essences import EssenceSet
    from ..learning import TrainConfig
    from ..systems.classifier import Classifier

_MOST_GROUPS_ONE_BY_ONE = 30


def evaluate(
    essences: Store,
    *,
    model: Annotated[Path | None, typer.Option(help="A model of `quest82 train`.")] = None,
    task: Task = "classes",
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Folds; else one group at a time, or 10 folds of many."),
    ] = None,
    average_views: Annotated[
        bool, typer.Option(help="With --model: judge by all views of a clip, not the centre alone.")
    ] = False,
    training: TrainingOptions,
) -> None:
    """Measure a model on the clips whose groups it has not seen, or compare both aggregators.

    With --model, tests that model. Without, trains mean pooling and the LSTM on all groups but
    one, tests on that one, for each group in turn, and compares the two by McNemar's test.

    Example: `quest82 evaluate weizmann.essences --task direction`
    """
    if model is not None:
        _evaluate_model(essences, model, average_views)
    else:
        _evaluate_both(open_store(essences, task), folds, training)


def _evaluate_both(data: EssenceSet, num_folds: int | None, training: TrainingOptions) -> None:
    """Train and test both aggregators, fold by fold, with one seed after the other."""
    from .. import learning

    num_groups = len(set(data.groups))
    if num_folds is None and num_groups > _MOST_GROUPS_ONE_BY_ONE:
        num_folds = 10
        typer.echo(f"{num_groups} groups are too many to leave out one by one: 10 folds of groups")
    tell_one_sided(learning.one_sided(data, data))
    runs = []
    for seed in range(training.seeds):
        config = learning.TrainConfig(epochs=training.epochs, seed=seed, progress=True)
        runs.append([_cross_validated(name, data, config, num_folds) for name in ("mean", "lstm")])
        tell_difference(f"      seed {seed}", [runs[-1]], data)
    if training.seeds > 1:
        tell_difference(f"over {training.seeds} seeds", runs, data)


def _cross_validated(
    name: str, data: EssenceSet, config: TrainConfig, num_folds: int | None
) -> np.ndarray:
    """Which clips (N,) an aggregator gets right when their group is left out."""
    from .. import learning
    from ..systems import classifier

    def build() -> Classifier:
        return classifier.build(name, data.num_features, len(data.classes), seed=config.seed)

    result = learning.cross_validate(build, data, config, num_folds=num_folds)
    tell_result(f"{name:4}  seed {config.seed}", result, data)
    return result.correct.numpy()


def _evaluate_model(essences: Path, path: Path, average_views: bool) -> None:
    """Test a model on those clips of a store that it has not seen."""
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


def _require_same_making(essences: Path, data: EssenceSet, path: Path, settings: Mapping) -> None:
    """Refuse a store whose essences or classes are not those of the model."""
    for name in ("num_frames", "size", "sampler", "stride", "by", "weights"):
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
