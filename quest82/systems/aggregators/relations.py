"""Every pair of frames meets, the earlier one first."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .projected import Projected


class Relations(Projected):
    """A temporal relation network of pairs (TRN, Zhou et al. 2018).

    One layer with a ReLU looks at each pair of frames side by side, the earlier one first; the
    answer is the mean over the pairs. (TRN takes the sum, and has relations of three and more
    frames as well.) In a clip of one frame that frame is paired with itself.

    Args:
        in_features: width D of an essence.
        projection_size: width P that essences are projected to, and of the relation.
        gap: only pairs that are this many frames apart; None: all pairs.
        dropout: share of the projected essences set to zero in training.

    Attributes:
        out_features: P.

    Raises:
        ValueError: if gap is below 1, or (in `forward`) no two frames are so far apart.
    """

    def __init__(
        self,
        in_features: int,
        *,
        projection_size: int = 256,
        gap: int | None = None,
        dropout: float = 0.5,
    ) -> None:
        if gap is not None and gap < 1:
            raise ValueError(f"gap ({gap}) must be at least 1: a frame has no relation to itself")
        super().__init__(in_features, projection_size=projection_size, dropout=dropout)
        self.options["gap"] = gap
        self.relation = nn.Sequential(nn.Linear(2 * projection_size, projection_size), nn.ReLU())

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> mean over the pairs (B, P)."""
        projected = self.projection(essences)  # (B, T, D) -> (B, T, P)
        i, j = _pairs(essences.shape[1], self.options["gap"])
        both = torch.cat([projected[:, i], projected[:, j]], dim=2)  # (B, pairs, 2 P)
        return self.relation(both).mean(dim=1)


def _pairs(T: int, gap: int | None) -> tuple[Tensor, Tensor]:
    """Numbers of the earlier and the later frames: of T = 3, [0, 0, 1] and [1, 2, 2]."""
    if gap is None:
        i, j = torch.triu_indices(T, T, offset=min(1, T - 1))
        return i, j
    if gap >= T:
        raise ValueError(
            f"gap ({gap}) must be below the number of frames ({T}); take a smaller one"
        )
    return torch.arange(T - gap), torch.arange(gap, T)
