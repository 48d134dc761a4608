"""The experiments of the book: `quest82 experiment run NAME` writes `book/results/NAME.json`."""

from __future__ import annotations

from ..systems.registry import ON_FRAMES
from .grounds import Data, Maps, Motions
from .models import Model
from .protocols import HoldOut, LeaveOut
from .spec import Spec
from .training import Budget

_SMALL = {"projection_size": 64, "hidden_size": 64}

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
        # The second part of the book: every system on the ground where order is all there is.
        Spec(
            "systems",
            Motions(),
            models=tuple(Model(name, options=dict(kind.small)) for name, kind in ON_FRAMES.items()),
            seeds=(0, 1),
            budget=Budget(epochs=15, learning_rate=3e-3, schedule="cosine"),
            protocol=HoldOut(0.25),
        ),
        # The same by transfer: what the frozen network saw, and where, in eight actions.
        Spec(
            "systems_maps",
            Maps("partial_maps"),
            models=(
                Model("mean", sees="mean over places"),
                Model("lstm", sees="mean over places"),
                Model("lstm, whole maps", "lstm", sees="places side by side"),
                *(
                    Model(name, options=dict(kind.on_maps))
                    for name, kind in ON_FRAMES.items()
                    if kind.on_maps is not None
                ),
            ),
            seeds=(0, 1),
            budget=Budget(epochs=30, schedule="cosine"),
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
