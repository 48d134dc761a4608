"""The experiments of the book: `quest82 experiment run NAME` writes `book/results/NAME.json`."""

from __future__ import annotations

from .grounds import Data
from .models import Model
from .protocols import LeaveOut
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
