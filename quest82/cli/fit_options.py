"""Options that say what is made small in training, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

ClassWeights = Annotated[
    bool, typer.Option("--class-weights", help="Let rare classes count as much as others.")
]
Solver = Annotated[
    str,
    typer.Option(
        help="steps: epoch by epoch; lbfgs: the mean's exact minimum, its penalty chosen by "
        "groups of the training clips, without epochs and early stopping."
    ),
]
Strength = Annotated[
    float | None,
    typer.Option(help="With --solver lbfgs: scikit-learn's C, instead of choosing it."),
]


@dataclass(frozen=True)
class FitOptions:
    """What is made small, and how its minimum is found."""

    class_weights: ClassWeights = False
    solver: Solver = "steps"
    strength: Strength = None
