"""The systems as the experiments of the second part compare them: options, rates, variants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..systems.parts.token_groups import SCHEMES
from ..systems.registry import ON_FRAMES
from ..systems.vivit import MODELS as VIVIT_MODELS
from .models import Model

# Each system as it is on clips of eight frames of 32 pixels, and on feature maps.
ON_MOTIONS = tuple(Model(name, options=dict(kind.small)) for name, kind in ON_FRAMES.items())
ON_MAPS = (
    Model("mean", sees="mean over places"),
    Model("lstm", sees="mean over places"),
    Model("lstm, whole maps", "lstm", sees="places side by side"),
    *(
        Model(name, options=dict(kind.on_maps))
        for name, kind in ON_FRAMES.items()
        if kind.on_maps is not None
    ),
)
# Of those that learn from frames of scenes, the cheap ones: they are trained with five seeds.
_CHEAP = (
    *("single_frame", "early_fusion", "late_fusion", "fovea_context"),
    *("two_stream", "fused_streams", "conv3d_lecture", "r3d"),
)
_LONGER = {"slow_fusion": {"extents": [4, 7]}}  # of sixteen frames

_RATES = (1e-3, 3e-3, 1e-2)  # that a search tries
# What the searches chose, where it is not the budget's own; a test holds it to their records.
MOTIONS_RATES = {
    **dict.fromkeys(("late_fusion", "c3d", "cnn_lstm", "vivit_factorised"), 1e-3),
    **dict.fromkeys(("two_stream", "conv3d_lecture", "conv_gru", "slowfast", "vivit"), 1e-2),
}
MAPS_RATES = {
    **dict.fromkeys(
        (
            "mean",
            "lstm",
            "single_frame",
            "slow_fusion",
            "cnn_lstm",
            "conv_gru",
            "slowfast",
            "timesformer",
        ),
        1e-2,
    ),
    **dict.fromkeys(
        (
            "fused_streams",
            "conv3d_lecture",
            "conv_lstm",
            "i3d",
            "vivit",
            "vivit_factorised",
            "video_mae",
        ),
        3e-3,
    ),
}


def with_rates(models: tuple[Model, ...], rates: Mapping[str, float]) -> tuple[Model, ...]:
    """Each model with the learning rate that was chosen for it."""
    return tuple(replace(model, learning_rate=rates.get(model.name)) for model in models)


def at_rates(models: tuple[Model, ...]) -> tuple[Model, ...]:
    """Each model at each learning rate: what a search compares."""
    return tuple(
        replace(model, name=f"{model.name} at {rate:g}", learning_rate=rate)
        for model in models
        for rate in _RATES
    )


def for_longer_clips() -> tuple[Model, ...]:
    """The models on maps of sixteen frames; slow fusion takes longer windows."""
    return tuple(
        replace(model, options=_fitted(model.options, num_frames=16) | _LONGER.get(model.name, {}))
        for model in ON_MAPS
    )


def from_nothing(num_frames: int, size: int, *, cheap: bool = True) -> tuple[Model, ...]:
    """The cheap systems, or all others, for frames of another size, at their rates on motions."""
    return tuple(
        replace(model, options=_fitted(model.options, num_frames=num_frames, size=size))
        for model in with_rates(ON_MOTIONS, MOTIONS_RATES)
        if (model.name in _CHEAP) == cheap
    )


def _fitted(options: Any, **changes: int) -> Any:
    """Options of a system for clips of another length or size, wherever they say it."""
    if not isinstance(options, Mapping):
        return options
    inner = {name: _fitted(value, **changes) for name, value in options.items()}
    return inner | {name: value for name, value in changes.items() if name in options}


def _variants(system: str, changes: Mapping[str, Mapping]) -> tuple[Model, ...]:
    """A system on maps in several versions, at the learning rate that was chosen for the first."""
    options, rate = ON_FRAMES[system].on_maps or {}, MAPS_RATES.get(system)
    return tuple(
        Model(f"{system}, {name}", system, {**options, **change}, learning_rate=rate)
        for name, change in changes.items()
    )


VARIANTS = (
    *_variants("timesformer", {scheme: {"scheme": scheme} for scheme in SCHEMES}),
    *_variants(
        "vivit", {f"model {model}": {"model": model, "temporal_depth": 1} for model in VIVIT_MODELS}
    ),
    *_variants("r3d", {"no block": {"widths": [64, 64], "blocks": [1, 1]}}),
    *_variants(
        "non_local",
        {
            "embedded Gaussian": {},
            "Gaussian": {"kind": "gaussian"},
            "dot product": {"kind": "dot_product"},
            "concatenation": {"kind": "concatenation"},
            "after stage 1": {"at": [1]},
            "after stage 2": {"at": [2]},
            "in space": {"over": "space"},
            "in time": {"over": "time"},
            "five blocks": {"at": [1, 1, 2, 2, 2]},
            "frames apart": {"volumes": False},
            "frames apart, positions": {"volumes": False, "positions": True},
        },
    ),
)
