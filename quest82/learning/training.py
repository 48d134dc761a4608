"""A fresh classifier, fitted: the two steps that every experiment begins with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ..data.clip_set import ClipSet
from ..systems import classifier
from .config import TrainConfig
from .fit import fit


def trained(
    aggregator: str | Callable[..., nn.Module],
    train: ClipSet,
    config: TrainConfig | None = None,
    *,
    dtype: torch.dtype = torch.float64,
    **options,
) -> classifier.Classifier:
    """Build a classifier for a set of essences and fit it; one seed decides weights and course.

    Args:
        aggregator: a name in `AGGREGATORS`, or a class (see `classifier.build`).
        train: an `EssenceSet`; its D and its classes are the widths of the model.
        config: settings of `fit`; its seed is also that of the initial weights.
        dtype: double precision, in which a model trains to the same printed digits everywhere.
        options: hyper-parameters for `classifier.build`, such as hidden_size=128.

    Returns:
        The model, in eval mode.

    Raises:
        ValueError: if there is no such aggregator, or as `fit` does.
    """
    config = config or TrainConfig()
    model = classifier.build(
        aggregator,
        train.num_features,
        len(train.classes),
        seed=config.seed,
        dtype=dtype,
        **options,
    )
    fit(model, train, config)
    return model
