"""Which clips an experiment is about: those of a store, or those that `drawn` makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor
from torch.nn import functional as F

from ..data import synthetic
from ..data.tensor_set import TensorSet
from ..essences.essence_set import EssenceSet
from .drawn import Motions, Scenes

# What has to be distinguished -> the clips that ask it.
TASKS: dict[str, Callable[[EssenceSet], EssenceSet]] = {
    "classes": lambda data: data,
    "pairs": lambda data: data.reversed_pairs(synthetic.REVERSED | synthetic.REVERSED_CYCLES),
    "direction": lambda data: data.directions(),
}


@dataclass(frozen=True)
class Data:
    """Clips of a store, and what is asked about them.

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

    @property
    def name(self) -> str:
        """What lists call them."""
        return self.store

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

    def tiny(self) -> Data:
        """Four clips of a class."""
        return replace(self, clips_per_class=4)


@dataclass(frozen=True)
class Maps:
    """Feature maps of a store of `extract --maps`, read as frames of many channels.

    Attributes:
        store: name of the store.
        task: one of `TASKS`.
        clips_per_class: at most so many of each class, spread over the store; None: all.
    """

    store: str
    task: str = "pairs"
    clips_per_class: int | None = None

    @property
    def name(self) -> str:
        """What lists call them."""
        return self.store

    def open(self, folder: str | Path) -> TensorSet:
        """These clips, from the folder in which the store lies.

        Raises:
            StoreError: if there is no such store.
            ValueError: if it holds no maps.
        """
        data = Data(self.store, self.task, clips_per_class=self.clips_per_class).open(folder)
        return TensorSet(tensors=data.maps, settings=data.settings, **data.names)

    def tiny(self) -> Maps:
        """Four clips of a class."""
        return replace(self, clips_per_class=4)


Ground = Data | Motions | Scenes | Maps
GROUNDS = {"store": Data, "motions": Motions, "scenes": Scenes, "maps": Maps}


def _spread(labels: Tensor, most: int) -> Tensor:
    """A mask (N,) of at most so many clips of each class, at equal distances in their order."""
    seen = F.one_hot(labels).cumsum(dim=0)  # (N, K)
    number, count = seen.gather(1, labels[:, None])[:, 0] - 1, seen[-1][labels]
    return number * most % count < most


def ground_to_json(ground: Ground, content: dict) -> dict:
    """The settings of a ground, with its kind where it is not a store."""
    kind = {kind: name for name, kind in GROUNDS.items()}[type(ground)]
    return content if kind == "store" else {"kind": kind, **content}


def ground_from_json(content: dict) -> Ground:
    """An equal ground, from what `ground_to_json` gave.

    Raises:
        TypeError, KeyError: if something is missing or unknown.
    """
    content = with_tuples(content)
    return GROUNDS[content.pop("kind", "store")](**content)


def with_tuples(content: dict) -> dict:
    """The arguments of a frozen dataclass: what JSON made a list is a tuple again."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in content.items()}
