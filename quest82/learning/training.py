"""A fresh classifier, fitted or cross-validated: what every experiment begins with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ..data.sequence_set import SequenceSet
from ..systems import classifier
from .config import TrainConfig
from .evaluation import Evaluation
from .fit import cross_validate, fit


def trained(
    aggregator: str | Callable[..., nn.Module],
    train: SequenceSet,
    config: TrainConfig | None = None,
    *,
    dtype: torch.dtype = torch.float64,
    **options,
) -> classifier.Classifier:
    """Build a classifier for a set of essences and fit it; one seed decides weights and course.

    Args:
        aggregator: a name in `registry.SYSTEMS`, or a class (see `classifier.build`).
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
    model = fresh(aggregator, train, config, dtype=dtype, **options)
    fit(model, train, config)
    return model


def cross_validated(
    aggregator: str | Callable[..., nn.Module],
    data: SequenceSet,
    config: TrainConfig | None = None,
    *,
    num_folds: int | None = None,
    dtype: torch.dtype = torch.float64,
    **options,
) -> Evaluation:
    """Judge every clip of a set by a classifier that has never seen its group.

    Args:
        aggregator: as for `trained`, as are dtype and options.
        data: an `EssenceSet`.
        config: as for `trained`; every fold begins with the same weights.
        num_folds: as for `cross_validate`: None leaves out one group at a time.

    Raises:
        ValueError: as `trained` and `cross_validate` do.
    """
    config = config or TrainConfig()
    return cross_validate(
        lambda: fresh(aggregator, data, config, dtype=dtype, **options),
        data,
        config,
        num_folds=num_folds,
    )


def fresh(
    aggregator: str | Callable[..., nn.Module],
    data: SequenceSet,
    config: TrainConfig,
    *,
    dtype: torch.dtype = torch.float64,
    **options,
) -> classifier.Classifier:
    """As wide as the essences and the classes of a set, with weights from the seed of a config.

    Args:
        aggregator: as for `trained`, as are data, dtype and options.
        data: an `EssenceSet`.
        config: its seed is that of the weights; for ``solver="lbfgs"`` there is no dropout before
            the linear layer, unless `options` ask for it.

    Raises:
        ValueError: if there is no such aggregator.
    """
    if config.solver == "lbfgs":
        options = {"head_dropout": 0.0, **options}
    return classifier.build(
        aggregator,
        data.num_features,
        len(data.classes),
        seed=config.seed,
        dtype=dtype,
        **options,
    )
