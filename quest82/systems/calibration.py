"""How sure a model may be, and of what it knows nothing: applied here, fitted in `learning`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Calibration:
    """What held-out groups say of a model's certainty.

    Attributes:
        temperature: logits are divided by it before the softmax (Guo et al. 2017); above 1 for a
            model that is surer than it is right. The order of the classes stays.
        means: float32 (M, D), the mean essence of each class that was learned from.
        farthest: a clip whose mean essence lies farther than that from each of the means is like
            nothing that the model has seen.
        acceptance: share of held-out clips of known classes that lie nearer, in [0, 1].
    """

    temperature: float
    means: Tensor
    farthest: float
    acceptance: float

    def probabilities(self, logits: Tensor) -> Tensor:
        """Logits (..., K) -> probabilities (..., K)."""
        return (logits / self.temperature).softmax(dim=-1)

    def distances(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> float64 (B,), how far each clip's mean is from the nearest."""
        return nearest(essences.double().mean(dim=1), self.means)

    @property
    def numbers(self) -> dict[str, float]:
        """All but the means, as JSON values."""
        return {name: getattr(self, name) for name in ("temperature", "farthest", "acceptance")}

    @classmethod
    def of(cls, numbers: Mapping[str, float], means: Tensor) -> Calibration:
        """The same again.

        Raises:
            KeyError: if a number is missing.
        """
        return cls(numbers["temperature"], means, numbers["farthest"], numbers["acceptance"])


def nearest(features: Tensor, means: Tensor) -> Tensor:
    """Euclidean distance of each row of (B, D) to the nearest of (M, D): float64 (B,)."""
    return torch.cdist(features.double(), means.double()).amin(dim=1)
