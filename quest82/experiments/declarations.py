"""The experiments of the book: `quest82 experiment run NAME` writes `book/results/NAME.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..systems.aggregators import AGGREGATORS
from ..systems.parts.token_groups import SCHEMES
from ..systems.registry import ON_FRAMES
from ..systems.vivit import MODELS
from .drawn import Motions, Scenes
from .grounds import Data, Maps
from .models import Model
from .protocols import HoldOut, LeaveOut, Watched
from .spec import Spec
from .training import Budget

_SMALL = {"projection_size": 64, "hidden_size": 64}

_ON_MOTIONS = tuple(Model(name, options=dict(kind.small)) for name, kind in ON_FRAMES.items())
_ON_MAPS = (
    Model("mean", sees="mean over places"),
    Model("lstm", sees="mean over places"),
    Model("lstm, whole maps", "lstm", sees="places side by side"),
    *(
        Model(name, options=dict(kind.on_maps))
        for name, kind in ON_FRAMES.items()
        if kind.on_maps is not None
    ),
)
_FROM_NOTHING = ("single_frame", "early_fusion", "c3d", "conv_gru")
# Sixteen frames: windows of four and of seven.
_LONGER = {"slow_fusion": {"extents": [4, 7]}}


def _fitted(options: Any, **changes: int) -> Any:
    """Options of a system for clips of another length or size, wherever they say it."""
    if not isinstance(options, Mapping):
        return options
    inner = {name: _fitted(value, **changes) for name, value in options.items()}
    return inner | {name: value for name, value in changes.items() if name in options}


_MOTIONS_BUDGET = Budget(epochs=15, learning_rate=3e-3, schedule="cosine")
_MAPS_BUDGET = Budget(epochs=30, schedule="cosine")

# What the searches below chose, where it is not the budget's own; a test holds it to their records.
_MOTIONS_RATES = {
    **dict.fromkeys(("late_fusion", "c3d", "cnn_lstm", "vivit_factorised"), 1e-3),
    **dict.fromkeys(("two_stream", "conv3d_lecture", "conv_gru", "slowfast"), 1e-2),
}
_MAPS_RATES = dict.fromkeys(
    (
        "mean",
        "lstm",
        "single_frame",
        "fused_streams",
        "conv3d_lecture",
        "conv_lstm",
        "conv_gru",
        "i3d",
    ),
    3e-3,
)


def _variants(system: str, changes: Mapping[str, Mapping]) -> tuple[Model, ...]:
    """A system on maps in several versions, at the learning rate that was chosen for the first."""
    options, rate = ON_FRAMES[system].on_maps, _MAPS_RATES.get(system)
    return tuple(
        Model(f"{system}, {name}", system, {**options, **change}, learning_rate=rate)
        for name, change in changes.items()
    )


_VARIANTS = (
    *_variants("r3d", {"no block": {"widths": [64, 64], "blocks": [1, 1]}}),
    *_variants(
        "non_local",
        {
            "embedded Gaussian": {},
            "Gaussian": {"kind": "gaussian"},
            "dot product": {"kind": "dot_product"},
            "concatenation": {"kind": "concatenation"},
            "in space": {"over": "space"},
            "in time": {"over": "time"},
            "first stage": {"at": [1]},
            "last stage": {"at": [2]},
            "five blocks": {"at": [1, 1, 2, 2, 2]},
            "frames apart": {"volumes": False},
            "frames apart, positions": {"volumes": False, "positions": True},
        },
    ),
    *_variants("timesformer", {scheme: {"scheme": scheme} for scheme in SCHEMES}),
    *_variants(
        "vivit", {f"model {model}": {"model": model, "temporal_depth": 1} for model in MODELS}
    ),
)


def _with_rates(models: tuple[Model, ...], rates: dict[str, float]) -> tuple[Model, ...]:
    """Each model with the learning rate that was chosen for it."""
    return tuple(replace(model, learning_rate=rates.get(model.name)) for model in models)


# Three each, a factor of about three apart; transformers need lower ones.
_RATES = (1e-3, 3e-3, 1e-2)
_LOWER_RATES = (3e-4, 1e-3, 3e-3)
_TRANSFORMERS = ("vivit", "vivit_factorised", "timesformer", "video_mae")


def _at_rates(models: tuple[Model, ...]) -> tuple[Model, ...]:
    """Each model at each learning rate: what a search compares."""
    return tuple(
        replace(model, name=f"{model.name} at {rate:g}", learning_rate=rate)
        for model in models
        for rate in (_LOWER_RATES if model.name in _TRANSFORMERS else _RATES)
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
        # Which learning rate each system of the second part gets: three each, on watched clips.
        Spec(
            "systems_rates",
            Motions(),
            models=_at_rates(_ON_MOTIONS),
            seeds=(100,),
            budget=_MOTIONS_BUDGET,
            protocol=Watched(0.25),
        ),
        Spec(
            "systems_maps_rates",
            Maps("partial_maps"),
            models=_at_rates(_ON_MAPS),
            seeds=(100,),
            budget=_MAPS_BUDGET,
            protocol=Watched(0.25),
        ),
        # The second part of the book: every system on the ground where order is all there is.
        Spec(
            "systems",
            Motions(),
            models=_with_rates(_ON_MOTIONS, _MOTIONS_RATES),
            seeds=(0, 1, 2, 3, 4),
            budget=_MOTIONS_BUDGET,
            protocol=HoldOut(0.25),
        ),
        # The same by transfer: what the frozen network saw, and where, in eight actions.
        Spec(
            "systems_maps",
            Maps("partial_maps"),
            models=_with_rates(_ON_MAPS, _MAPS_RATES),
            seeds=(0, 1, 2, 3, 4),
            budget=_MAPS_BUDGET,
            protocol=HoldOut(0.25),
        ),
        # What the papers vary: kinds of blocks and where they stand, schemes, ways to factorise.
        Spec(
            "systems_variants",
            Maps("partial_maps"),
            models=_VARIANTS,
            seeds=(0, 1, 2, 3, 4),
            budget=_MAPS_BUDGET,
            protocol=HoldOut(0.25),
        ),
        # Sixteen frames of what begins and ends alike: two states are not enough.
        Spec(
            "systems_cycles",
            Maps("cycle_maps"),
            models=_with_rates(
                tuple(
                    replace(
                        model,
                        options=_fitted(model.options, num_frames=16) | _LONGER.get(model.name, {}),
                    )
                    for model in _ON_MAPS
                ),
                _MAPS_RATES,
            ),
            seeds=(0, 1, 2, 3, 4),
            budget=_MAPS_BUDGET,
            protocol=HoldOut(0.25),
        ),
        # Both grounds again without transfer: families that differ most learn frames from nothing.
        *(
            Spec(
                name,
                scenes,
                models=_with_rates(
                    tuple(
                        replace(
                            model,
                            options=_fitted(
                                model.options, size=scenes.size, num_frames=scenes.num_frames
                            ),
                        )
                        for model in _ON_MOTIONS
                        if model.name in _FROM_NOTHING
                    ),
                    _MOTIONS_RATES,
                ),
                seeds=(0, 1, 2, 3, 4),
                budget=_MOTIONS_BUDGET,
                protocol=HoldOut(0.25),
            )
            for name, scenes in (
                ("systems_scenes", Scenes("partial")),
                ("systems_scenes_cycles", Scenes("cycle", num_frames=16)),
            )
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
