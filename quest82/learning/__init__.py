"""Fitting a model to clips, and saying how sure we are of what it does.

Example: forty clips of ten videos; the clips of two videos are for the test alone.
    >>> import torch
    >>> from quest82 import learning
    >>> from quest82.learning import uncertainty
    >>> from quest82.essences import EssenceSet
    >>> from quest82.systems import classifier
    >>> labels = torch.arange(40) % 2
    >>> clips = EssenceSet(
    ...     essences=torch.eye(16)[labels].expand(8, 40, 16).transpose(0, 1),
    ...     labels=labels, groups=tuple(f"video {i // 4}" for i in range(40)),
    ...     clip_ids=tuple(map(str, range(40))), classes=("jump", "run"),
    ... )
    >>> train, test = clips.split(1 / 5)
    >>> model = classifier.build("mean", in_features=16, num_classes=2)
    >>> history = learning.fit(model, train, learning.TrainConfig(epochs=100, learning_rate=0.01))
    >>> result = learning.evaluate(model, test)
    >>> low, high = uncertainty.wilson_interval(int(result.correct.sum()), len(test))
    >>> f"{result.top1:.0%} of {len(test)} clips, 95 % interval {low:.0%} to {high:.0%}"
    '100% of 8 clips, 95 % interval 68% to 100%'
"""

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
