"""The experiments of the book: `quest82 experiment run NAME` writes `book/results/NAME.json`."""

from __future__ import annotations

from dataclasses import replace

from ..systems.registry import ON_FRAMES
from .grounds import Data, Maps, Motions
from .models import Model
from .protocols import HoldOut, LeaveOut, Watched
from .spec import Spec
from .training import Budget

_SMALL = {"projection_size": 64, "hidden_size": 64}

# Systems whose runs are still to be made are not among those that are compared.
_LATER = ("non_local", "slowfast", "vivit", "vivit_factorised", "timesformer", "video_mae")
_MEASURED = {name: kind for name, kind in ON_FRAMES.items() if name not in _LATER}
_ON_MOTIONS = tuple(Model(name, options=dict(kind.small)) for name, kind in _MEASURED.items())
_ON_MAPS = (
    Model("mean", sees="mean over places"),
    Model("lstm", sees="mean over places"),
    Model("lstm, whole maps", "lstm", sees="places side by side"),
    *(
        Model(name, options=dict(kind.on_maps))
        for name, kind in _MEASURED.items()
        if kind.on_maps is not None
    ),
)
_MOTIONS_BUDGET = Budget(epochs=15, learning_rate=3e-3, schedule="cosine")
_MAPS_BUDGET = Budget(epochs=30, schedule="cosine")


def _at_rates(models: tuple[Model, ...], *rates: float) -> tuple[Model, ...]:
    """Each model at each learning rate: what a search compares."""
    return tuple(
        replace(model, name=f"{model.name} at {rate:g}", learning_rate=rate)
        for model in models
        for rate in rates
    )


DECLARED = {
    spec.name: spec
    for spec in (
        # The chapter on UCF101: ten actions, nine people, and who has not been seen.
        Spec(
            "weizmann",
            Data("weizmann", frames=tuple(range(0, 16, 2))),
            models=(
                Model("mean"),
                Model("lstm", options=_SMALL),
                Model("first and last", "lstm", _SMALL, sees="first and last"),
                Model("shuffled", "lstm", _SMALL, sees="shuffled"),
            ),
            seeds=(0, 1, 2, 3, 4),
            budget=Budget(epochs=40, precision="float64"),
            protocol=LeaveOut(),
        ),
        # Which learning rate each system of the second part gets: two each, on watched clips.
        Spec(
            "systems_rates",
            Motions(),
            models=_at_rates(_ON_MOTIONS, 3e-3, 1e-2),
            seeds=(100,),
            budget=_MOTIONS_BUDGET,
            protocol=Watched(0.25),
        ),
        Spec(
            "systems_maps_rates",
            Maps("partial_maps"),
            models=_at_rates(_ON_MAPS, 1e-3, 3e-3),
            seeds=(100,),
            budget=_MAPS_BUDGET,
            protocol=Watched(0.25),
        ),
        # The second part of the book: every system on the ground where order is all there is.
        Spec(
            "systems",
            Motions(),
            models=_ON_MOTIONS,
            seeds=(0, 1),
            budget=_MOTIONS_BUDGET,
            protocol=HoldOut(0.25),
        ),
        # The same by transfer: what the frozen network saw, and where, in eight actions.
        Spec(
            "systems_maps",
            Maps("partial_maps"),
            models=_ON_MAPS,
            seeds=(0, 1),
            budget=_MAPS_BUDGET,
            protocol=HoldOut(0.25),
        ),
    )
}


def named(name: str) -> Spec:
    """A declared experiment.

    Raises:
        ValueError: if there is none of that name; names those there are.
    """
    if name not in DECLARED:
        raise ValueError(f"experiment ({name!r}) must be one of {', '.join(DECLARED)}")
    return DECLARED[name]
