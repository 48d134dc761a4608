"""The experiments of the book: `quest82 experiment run NAME` writes `book/results/NAME.json`."""

from __future__ import annotations

from ..systems.aggregators import AGGREGATORS
from .compared import (
    MAPS_RATES,
    MOTIONS_RATES,
    ON_MAPS,
    ON_MOTIONS,
    VARIANTS,
    at_rates,
    for_longer_clips,
    from_nothing,
    with_rates,
)
from .drawn import Motions, Scenes
from .grounds import Data, Maps
from .models import Model
from .protocols import HoldOut, LeaveOut, Watched
from .spec import Spec
from .training import Budget

_SMALL = {"projection_size": 64, "hidden_size": 64}
_MOTIONS_BUDGET = Budget(epochs=15, learning_rate=3e-3, schedule="cosine")
_MAPS_BUDGET = Budget(epochs=30, schedule="cosine")

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
        # Which learning rate each system of the second part gets: three each, on watched clips.
        Spec(
            "systems_rates",
            Motions(),
            models=at_rates(ON_MOTIONS),
            seeds=(100,),
            budget=_MOTIONS_BUDGET,
            protocol=Watched(0.25),
        ),
        Spec(
            "systems_maps_rates",
            Maps("partial_maps"),
            models=at_rates(ON_MAPS),
            seeds=(100,),
            budget=_MAPS_BUDGET,
            protocol=Watched(0.25),
        ),
        # The second part of the book: every system on the ground where order is all there is.
        Spec(
            "systems",
            Motions(),
            models=with_rates(ON_MOTIONS, MOTIONS_RATES),
            seeds=(0, 1, 2, 3, 4),
            budget=_MOTIONS_BUDGET,
            protocol=HoldOut(0.25),
        ),
        # The same by transfer: what the frozen network saw, and where, in eight actions.
        Spec(
            "systems_maps",
            Maps("partial_maps"),
            models=with_rates(ON_MAPS, MAPS_RATES),
            seeds=(0, 1, 2, 3, 4),
            budget=_MAPS_BUDGET,
            protocol=HoldOut(0.25),
        ),
        # What the papers vary: kinds of blocks and where they stand, schemes, ways to factorise.
        Spec(
            "systems_variants",
            Maps("partial_maps"),
            models=VARIANTS,
            seeds=(0, 1, 2, 3, 4),
            budget=_MAPS_BUDGET,
            protocol=HoldOut(0.25),
        ),
        # Sixteen frames of what begins and ends alike: two states are not enough.
        Spec(
            "systems_cycles",
            Maps("cycle_maps"),
            models=with_rates(for_longer_clips(), MAPS_RATES),
            seeds=(0, 1, 2, 3, 4),
            budget=_MAPS_BUDGET,
            protocol=HoldOut(0.25),
        ),
        # The partial swing without transfer: what do so few clips teach a network from nothing?
        Spec(
            "systems_scenes",
            Scenes("partial"),
            models=from_nothing(num_frames=8, size=64),
            seeds=(0, 1, 2, 3, 4),
            budget=_MOTIONS_BUDGET,
            protocol=HoldOut(0.25),
        ),
        Spec(
            "systems_scenes_once",
            Scenes("partial"),
            models=from_nothing(num_frames=8, size=64, cheap=False),
            seeds=(0,),
            budget=_MOTIONS_BUDGET,
            protocol=HoldOut(0.25),
        ),
        # Cycles from frames, from nothing: the cheap systems.
        Spec(
            "systems_cycle_scenes",
            Scenes("cycle", num_frames=16),
            models=from_nothing(num_frames=16, size=64),
            seeds=(0, 1),
            budget=_MOTIONS_BUDGET,
            protocol=HoldOut(0.25),
        ),
        # How many clips would it take? Four and eight times as many, for one frame and for all.
        *(
            Spec(
                f"scenes_{clips_per_action}",
                Scenes("partial", clips_per_action=clips_per_action),
                models=tuple(
                    model
                    for model in from_nothing(num_frames=8, size=64)
                    if model.name in ("single_frame", "early_fusion")
                ),
                seeds=(0, 1, 2),
                budget=_MOTIONS_BUDGET,
                protocol=HoldOut(0.25),
            )
            for clips_per_action in (120, 240)
        ),
        # The quest's own aggregators on motions: the frozen network sees frames of 96 pixels.
        Spec(
            "systems_essences",
            Motions(essences_at=96),
            models=tuple(map(Model, AGGREGATORS)),
            seeds=(0, 1, 2, 3, 4),
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
