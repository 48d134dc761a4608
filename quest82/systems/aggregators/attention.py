"""Weights that are learned: one query for all clips, or one from every frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .projected import Projected


class Attention(Projected):
    """A weighted mean whose weights are learned (Bahdanau et al. 2015; one query for all clips).

    Each essence is projected, gets a score, and counts by the softmax of the scores over time.
    Without positions that is blind to order, as every sum over frames is. With positions (sines
    and cosines of the frame's number, Vaswani et al. 2017) it can tell early from late.

    Args:
        in_features: width D of an essence.
        projection_size: even width P that essences are projected to.
        positions: add to each projected essence where in the clip it stands.
        dropout: share of the projected essences set to zero in training.

    Attributes:
        out_features: P.

    Raises:
        ValueError: if projection_size is odd and there are positions.
    """

    def __init__(
        self,
        in_features: int,
        *,
        projection_size: int = 256,
        positions: bool = True,
        dropout: float = 0.5,
    ) -> None:
        require_even("projection_size", projection_size, positions)
        super().__init__(in_features, projection_size=projection_size, dropout=dropout)
        self.options["positions"] = positions
        self.score = nn.Sequential(nn.Tanh(), nn.Linear(projection_size, 1, bias=False))

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> their weighted mean (B, P)."""
        projected = self.projection(essences)  # (B, T, D) -> (B, T, P)
        if self.options["positions"]:
            projected = projected + position_code(*projected.shape[1:]).to(projected)
        weights = self.score(projected).softmax(dim=1)  # (B, T, 1)
        return (weights * projected).sum(dim=1)


class SelfAttention(Projected):
    """Every frame asks all frames (self-attention, Vaswani et al. 2017), and then the mean.

    From each projected essence come a query, a key and a value; a frame adds to itself the values
    of all frames, weighed by how well their keys fit its query. It is the half over time of
    TimeSformer's divided attention (Bertasius et al. 2021), with a single head and layer and no
    normalisation. Without positions it is blind to order.

    Args:
        in_features: width D of an essence.
        projection_size: even width P that essences are projected to.
        positions: add to each projected essence where in the clip it stands (see `Attention`).
        dropout: share of the projected essences set to zero in training.

    Attributes:
        out_features: P.

    Raises:
        ValueError: if projection_size is odd and there are positions.
    """

    def __init__(
        self,
        in_features: int,
        *,
        projection_size: int = 256,
        positions: bool = True,
        dropout: float = 0.5,
    ) -> None:
        require_even("projection_size", projection_size, positions)
        super().__init__(in_features, projection_size=projection_size, dropout=dropout)
        self.options["positions"] = positions
        self.attend = nn.Linear(projection_size, 3 * projection_size)

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> mean of what the frames are and have collected (B, P)."""
        p = self.projection(essences)  # (B, T, D) -> (B, T, P)
        if self.options["positions"]:
            p = p + position_code(*p.shape[1:]).to(p)
        q, k, v = self.attend(p).chunk(3, dim=2)  # (B, T, P) each
        likeness = q @ k.transpose(1, 2) / p.shape[2] ** 0.5  # (B, T, T)
        return (p + likeness.softmax(dim=2) @ v).mean(dim=1)


def position_code(T: int, P: int) -> Tensor:
    """Sines and cosines (T, P), float64, of the frame's number, from quick to slow."""
    pace = 10_000 ** (-torch.arange(0, P, 2, dtype=torch.float64) / P)
    angles = torch.arange(T, dtype=torch.float64)[:, None] * pace  # (T, P / 2)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def require_even(name: str, width: int, positions: bool) -> None:
    """Raises a ValueError if positions are to be added to vectors of odd width."""
    if positions and width % 2:
        raise ValueError(
            f"{name} ({width}) must be even: positions come as pairs of sine and cosine"
        )
