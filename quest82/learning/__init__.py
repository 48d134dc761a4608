"""Fitting a model to clips, and saying how sure we are of what it does."""

from .fit import (
    FEWEST_WATCHED,
    WATCHED_SHARE,
    Evaluation,
    History,
    TrainConfig,
    cross_validate,
    evaluate,
    fit,
    one_sided,
    require_apart,
    set_aside,
)

__all__ = [
    "FEWEST_WATCHED",
    "WATCHED_SHARE",
    "Evaluation",
    "History",
    "TrainConfig",
    "cross_validate",
    "evaluate",
    "fit",
    "one_sided",
    "require_apart",
    "set_aside",
]
