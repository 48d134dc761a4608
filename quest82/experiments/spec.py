"""What an experiment is: which clips, which models, how they are taught and tested."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from ..data import synthetic
from ..essences.essence_set import EssenceSet
from .models import MODELS, Model, require_comparable
from .protocols import KINDS, LeaveOut, Protocol
from .training import Budget

# What is to be told apart -> the clips that ask it.
TASKS: dict[str, Callable[[EssenceSet], EssenceSet]] = {
    "classes": lambda data: data,
    "pairs": lambda data: data.reversed_pairs(synthetic.REVERSED | synthetic.REVERSED_CYCLES),
    "direction": lambda data: data.directions(),
}


@dataclass(frozen=True)
class Data:
    """Which clips, and what is asked about them.

    Attributes:
        store: name of a store of essences.
        task: one of `TASKS`.
        frames: numbers of the frames taken of each clip, before any is played backwards; None:
            all that the store has.
        clips_per_class: at most so many of each class, spread over the store; None: all.

    Raises:
        ValueError: if there is no such task.
    """

    store: str
    task: str = "classes"
    frames: tuple[int, ...] | None = None
    clips_per_class: int | None = None

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"task ({self.task!r}) must be one of {', '.join(TASKS)}")

    def open(self, folder: str | Path) -> EssenceSet:
        """These clips, from the folder in which the store lies.

        Raises:
            StoreError: if there is no such store.
        """
        return self.cut(EssenceSet.load(Path(folder) / self.store))

    def cut(self, data: EssenceSet) -> EssenceSet:
        """These clips of all that a store holds, with the task's classes."""
        if self.clips_per_class is not None:
            data = data.subset(_spread(data.labels, self.clips_per_class))
        return TASKS[self.task](data if self.frames is None else data.frames(*self.frames))


@dataclass(frozen=True)
class Spec:
    """An experiment as it is declared; equal ones have equal hashes, on every machine.

    Attributes:
        name: of the experiment, and of its record.
        data: which clips.
        models: two or more; the first is the one that the others are compared with.
        seeds: of the initial weights, the order of the clips and what is shuffled.
        budget: how each model is taught.
        protocol: which clips are tested by models that learned from which others.

    Raises:
        ValueError: if models cannot be compared, or there is no seed or one occurs twice.
    """

    name: str
    data: Data
    models: tuple[Model, ...] = MODELS
    seeds: tuple[int, ...] = (0, 1, 2)
    budget: Budget = field(default_factory=Budget)
    protocol: Protocol = field(default_factory=LeaveOut)

    def __post_init__(self) -> None:
        require_comparable(self.models)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds {self.seeds} must be at least one, and differ")

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON: sorted keys, no blanks."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict:
        """Plain numbers, strings, lists and dictionaries; `from_json` makes an equal one.

        What is None or empty is left out: a setting that comes later, and is None where it is not
        used, changes no earlier hash.
        """
        kind = {kind: name for name, kind in KINDS.items()}[type(self.protocol)]
        content = {**asdict(self), "protocol": {"kind": kind, **asdict(self.protocol)}}
        return _without_empty(json.loads(json.dumps(content)))

    @classmethod
    def from_json(cls, content: dict) -> Spec:
        """An equal experiment, from what `to_json` gave.

        Raises:
            TypeError, KeyError: if something is missing or unknown.
        """
        protocol = dict(content["protocol"])
        return cls(
            name=content["name"],
            data=Data(**_with_tuples(content["data"])),
            models=tuple(Model(**model) for model in content["models"]),
            seeds=tuple(content["seeds"]),
            budget=Budget(**content["budget"]),
            protocol=KINDS[protocol.pop("kind")](**_with_tuples(protocol)),
        )

    def tiny(self) -> Spec:
        """The same experiment in seconds: four clips of a class, one epoch, one seed."""
        return replace(
            self,
            data=replace(self.data, clips_per_class=4),
            seeds=self.seeds[:1],
            budget=replace(self.budget, epochs=1),
        )


def _spread(labels: Tensor, most: int) -> Tensor:
    """A mask (N,) of at most so many clips of each class, at equal distances in their order."""
    seen = F.one_hot(labels).cumsum(dim=0)  # (N, K)
    number, count = seen.gather(1, labels[:, None])[:, 0] - 1, seen[-1][labels]
    return number * most % count < most


def _without_empty(content: Any) -> Any:
    if isinstance(content, list):
        return [_without_empty(value) for value in content]
    if not isinstance(content, dict):
        return content
    return {name: _without_empty(v) for name, v in content.items() if v not in (None, "", [], {})}


def _with_tuples(content: dict) -> dict:
    """The arguments of a frozen dataclass: what JSON made a list is a tuple again."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in content.items()}
