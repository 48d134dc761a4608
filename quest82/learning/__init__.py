"""Fitting a model to clips, and saying how sure we are of what it does."""

from .config import History, TrainConfig
from .evaluation import Evaluation, evaluate
from .fit import cross_validate, fit
from .objectives import CrossEntropy
from .optimisers import SGD, Adam, Schedule
from .splits import FEWEST_WATCHED, WATCHED_SHARE, folds, one_sided, require_apart, set_aside
from .training import cross_validated, trained

__all__ = [
    "FEWEST_WATCHED",
    "SGD",
    "WATCHED_SHARE",
    "Adam",
    "CrossEntropy",
    "Evaluation",
    "History",
    "Schedule",
    "TrainConfig",
    "cross_validate",
    "cross_validated",
    "evaluate",
    "fit",
    "folds",
    "one_sided",
    "require_apart",
    "set_aside",
    "trained",
]
