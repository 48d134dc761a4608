"""Options that say by which clips a model is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

_MOST_FOLDS = 5  # a model costs six trainings then; more folds say the same, more exactly
Folds = Annotated[
    int | None,
    typer.Option(
        min=0,
        help=f"Folds of groups for the honest accuracy, else {_MOST_FOLDS}, or as many as there "
        "are groups; 0: none, and no accuracy.",
    ),
]
Test = Annotated[
    float,
    typer.Option(
        min=0,
        max=0.5,
        help="Share of the groups kept unseen for one test, instead of folds; the model is then "
        "not of all clips.",
    ),
]
Validation = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=0.5,
        help="With --test: share of the rest watched for early stopping; 0: none, every epoch is "
        "run. Else a fifth, or none where that is too few clips.",
    ),
]


@dataclass(frozen=True)
class SplitOptions:
    """By which clips a model is judged, and by which its training is stopped."""

    folds: Folds = None
    test: Test = 0.0
    validation: Validation = None

    def __post_init__(self) -> None:
        if self.test and self.folds:
            raise ValueError(
                f"folds ({self.folds}) judge a model of all clips, test ({self.test}) keeps clips "
                "aside: give one of the two"
            )
        if self.validation and not self.test and self.folds != 0:
            raise ValueError(
                f"validation ({self.validation}) would keep clips from a model of all clips: give "
                "--test as well, or --folds 0"
            )

    def num_folds(self, num_groups: int) -> int:
        """Into how many folds so many groups are dealt; 0: no cross-validation."""
        if self.test or num_groups < 2:
            return 0
        return min(_MOST_FOLDS, num_groups) if self.folds is None else self.folds
