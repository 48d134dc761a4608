"""What aggregators with weights share: each essence is projected before frames meet."""

from __future__ import annotations

from torch import Tensor, nn


class Projected(nn.Module):
    """A base class: widths, options, and a linear projection of each essence with a ReLU.

    The projection means fewer weights to over-fit with in what comes after it, and equal terms
    for all that is compared. A subclass adds its own layers after calling this constructor, enters
    its own hyper-parameters into `options`, and says in `forward` how the frames meet.

    Args:
        in_features: width D of an essence.
        projection_size: width P that essences are projected to.
        dropout: share of the projected essences set to zero in training.

    Attributes:
        out_features: P, unless a subclass says otherwise.
        options: what an equal one is made from, beside `in_features`.
    """

    def __init__(
        self, in_features: int, *, projection_size: int = 256, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, projection_size
        self.options: dict = {"projection_size": projection_size, "dropout": dropout}
        self.projection = nn.Sequential(
            nn.Linear(in_features, projection_size), nn.ReLU(), nn.Dropout(dropout)
        )

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> (B, out_features)."""
        raise NotImplementedError(f"{type(self).__name__} must say how its frames meet")
