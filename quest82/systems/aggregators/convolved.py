"""Neighbours meet: a convolution over time."""

from __future__ import annotations

from torch import Tensor, nn

from .projected import Projected


class Convolved(Projected):
    """A convolution over time, then the maximum over time.

    (The time-domain convolution of Ng et al. 2015, with shorter filters at every frame; what they
    call conv pooling is `MaxPool`.)

    Each output sees three neighbouring frames, with zeros before the first and after the last one;
    the maximum keeps the moment at which it fits best.

    Args:
        in_features: width D of an essence.
        projection_size: width P that essences are projected to, and of the convolution.
        dropout: share of the projected essences set to zero in training.

    Attributes:
        out_features: P.
    """

    def __init__(
        self, in_features: int, *, projection_size: int = 256, dropout: float = 0.5
    ) -> None:
        super().__init__(in_features, projection_size=projection_size, dropout=dropout)
        self.convolution = nn.Conv1d(projection_size, projection_size, kernel_size=3, padding=1)

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> what the filters found somewhere in the clip (B, P)."""
        projected = self.projection(essences).transpose(1, 2)  # (B, T, D) -> (B, P, T)
        return self.convolution(projected).relu().amax(dim=2)
