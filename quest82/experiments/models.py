"""The models that are compared: each an aggregator with its options, and what it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..data.sequence_set import SequenceSet
from ..essences.essence_set import EssenceSet
from ..systems import classifier
from ..systems.aggregators import AGGREGATORS
from ..systems.classifier import Classifier

_TITLES = {"lstm": "LSTM", "lstm5": "LSTM, five layers", "gru": "GRU", "trn": "TRN", "tsm": "TSM"}

# What a model is shown of each clip -> the clips as it sees them; the number is its seed.
SEES: dict[str, Callable[[SequenceSet, int], SequenceSet]] = {
    "all frames": lambda data, _: data,
    "first frame": lambda data, _: data.first_frame(),
    "middle frame": lambda data, _: data.middle_frame(),
    "last frame": lambda data, _: data.last_frame(),
    "first and last": lambda data, _: data.frames(0, -1),
    "shuffled": lambda data, seed: data.shuffled(torch.Generator().manual_seed(seed)),
    # Of feature maps: what is there, wherever it is, or every position as numbers of its own.
    "mean over places": lambda data, _: _as_essences(data, data.shown.float().mean(dim=(3, 4))),
    "places side by side": lambda data, _: _as_essences(data, data.shown.flatten(2)),
}


def _as_essences(data: SequenceSet, essences: Tensor) -> EssenceSet:
    """The same clips with a vector (N, T, D) for each frame."""
    return EssenceSet(essences=essences, settings=data.settings, **data.names)


@dataclass(frozen=True)
class Model:
    """One of several models of a comparison.

    Attributes:
        name: what tables and records call it; that of the aggregator, where nothing else is said.
        aggregator: a name in `registry.SYSTEMS`; where empty, the name of the model.
        options: hyper-parameters of that system, such as hidden_size=64.
        sees: which frames it is shown, one of `SEES`; the rest are controls of the first.
        learning_rate: that validation clips chose for it; None: that of the budget.

    Raises:
        ValueError: if there is no such way to see a clip.
    """

    name: str
    aggregator: str = ""
    options: Mapping = field(default_factory=dict)
    sees: str = "all frames"
    learning_rate: float | None = None

    def __post_init__(self) -> None:
        if self.sees not in SEES:
            raise ValueError(f"sees ({self.sees!r}) must be one of {', '.join(SEES)}")
        object.__setattr__(self, "aggregator", self.aggregator or self.name)

    @property
    def title(self) -> str:
        """The name as it stands in texts and figures."""
        return title_of(self.name)

    def seen(self, data: SequenceSet, seed: int) -> SequenceSet:
        """The clips as this model sees them."""
        return SEES[self.sees](data, seed)

    def build(self, data: SequenceSet, seed: int, dtype: torch.dtype = torch.float32) -> Classifier:
        """A fresh classifier for such clips (see `classifier.build`)."""
        return classifier.build(
            self.aggregator,
            data.num_features,
            len(data.classes),
            seed=seed,
            dtype=dtype,
            **self.options,
        )


# What is compared where nothing else is asked for. The first is the baseline, and blind to order.
MODELS = (Model("mean"), Model("lstm"))
BLIND, READER = MODELS


def chosen(names: Sequence[str] | None, *, at_least: int = 2) -> tuple[Model, ...]:
    """The models of some names; without names, those that are compared by default.

    Raises:
        ValueError: if one is not the name of an aggregator, or they cannot be compared.
    """
    for name in names or ():
        if name not in AGGREGATORS:
            raise ValueError(f"model ({name!r}) must be one of {', '.join(AGGREGATORS)}")
    if not names:
        return MODELS
    return tuple(require_comparable([Model(name) for name in names], at_least=at_least))


def title_of(name: str) -> str:
    """The name of a model as it stands in texts and figures: "lstm" is written "LSTM"."""
    return _TITLES.get(name, name.replace("_", " "))


def require_comparable(models: Sequence[Model], *, at_least: int = 2) -> Sequence[Model]:
    """Refuse what cannot be compared: fewer than two models, or two of one name.

    Args:
        models: with their names.
        at_least: 1 where one may stand alone.

    Returns:
        The models.

    Raises:
        ValueError: says which name occurs twice.
    """
    names = [model.name for model in models]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"models ({twice[0]!r}) must have different names; leave one out")
    if len(models) < at_least:
        raise ValueError(f"models ({len(models)}) must be at least two, to compare them; add one")
    return models
