"""How the weights are changed: the optimiser, and its rate over the epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn


class Optimiser(Protocol):
    """What `fit` needs to know of an optimiser."""

    def build(
        self, parameters: Sequence[nn.Parameter], learning_rate: float
    ) -> torch.optim.Optimizer:
        """PyTorch's optimiser of these parameters."""


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015): each weight has a step size of its own; little to choose.

    Attributes:
        weight_decay: share of each weight, times the rate, that is taken off at each step
            (AdamW, Loshchilov & Hutter 2019); none: heads on frozen features are held by dropout.
    """

    weight_decay: float = 0.0

    def build(
        self, parameters: Sequence[nn.Parameter], learning_rate: float
    ) -> torch.optim.Optimizer:
        """See `Optimiser`. Fused: all weights are updated in one go, faster for small models."""
        if self.weight_decay:
            return torch.optim.AdamW(
                parameters, lr=learning_rate, weight_decay=self.weight_decay, fused=True
            )
        return torch.optim.Adam(parameters, lr=learning_rate, fused=True)


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum, as most networks on pixels are trained.

    Attributes:
        momentum: share of the last step that is taken again.
        weight_decay: added to the gradient, times the weight; what most papers on video take.
        nesterov: look ahead along the momentum (Nesterov 1983).
    """

    momentum: float = 0.9
    weight_decay: float = 1e-4
    nesterov: bool = False

    def build(
        self, parameters: Sequence[nn.Parameter], learning_rate: float
    ) -> torch.optim.Optimizer:
        """See `Optimiser`."""
        return torch.optim.SGD(
            parameters,
            lr=learning_rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.nesterov,
        )


@dataclass(frozen=True)
class Schedule:
    """The learning rate over the epochs, as a factor from 0 to 1.

    Attributes:
        warm_up_epochs: so long the factor rises in a straight line (Goyal et al. 2017); none.
        cosine: then let it fall to 0 as half a cosine (Loshchilov & Hutter 2017); else it stays 1.
    """

    warm_up_epochs: int = 0
    cosine: bool = False

    def factor(self, done: float, epochs: int) -> float:
        """The factor after so many of all epochs, parts of an epoch counted.

        Examples:
            >>> Schedule(warm_up_epochs=2).factor(1.0, 10)
            0.5
            >>> Schedule(cosine=True).factor(5.0, 10)
            0.5
        """
        if done < self.warm_up_epochs:
            return done / self.warm_up_epochs
        if not self.cosine:
            return 1.0
        share = (done - self.warm_up_epochs) / max(epochs - self.warm_up_epochs, 1)
        return round((1 + math.cos(math.pi * share)) / 2, 12)
