"""From T essences to one vector per clip: the two answers that the course compares, and a third.

Every aggregator takes essences (B, T, D) and returns (B, out_features); it names its width in
`out_features` and its hyper-parameters in `options`, from which an equal one can be made.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MeanPool(nn.Module):
    """The mean over time: a bag of frames. No parameters, blind to order.

    The sum is taken in double precision. Essences from a store are half-precision numbers, for
    which that sum is exact: not even rounding can tell one order of frames from another. (Apple's
    GPUs have no double precision; there the sum is in single precision, and exact only nearly.)

    Args:
        in_features: width D of an essence.

    Attributes:
        out_features: D.
    """

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.in_features = self.out_features = in_features
        self.options: dict = {}

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> their mean (B, D)."""
        wide = torch.float32 if essences.device.type == "mps" else torch.float64
        return essences.mean(dim=1, dtype=wide).to(essences.dtype)


def _projection(in_features: int, projection_size: int, dropout: float) -> nn.Sequential:
    """Essences (B, T, D) -> (B, T, P), each frame for itself."""
    return nn.Sequential(nn.Linear(in_features, projection_size), nn.ReLU(), nn.Dropout(dropout))


class LSTM(nn.Module):
    """A recurrent network that reads the essences in order (Hochreiter & Schmidhuber 1997).

    A linear projection with a ReLU comes first: it halves the weights that there are to
    over-fit with. States start at zero; the last layer's last hidden state is the answer.

    Args:
        in_features: width D of an essence.
        projection_size: width P that essences are projected to.
        hidden_size: width H of the hidden state.
        num_layers: LSTM layers on top of each other.
        dropout: share of the projected essences (and between layers) set to zero in training.

    Attributes:
        out_features: H.
    """

    def __init__(
        self,
        in_features: int,
        *,
        projection_size: int = 256,
        hidden_size: int = 256,
        num_layers: int = 1,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, hidden_size
        self.options = {
            "projection_size": projection_size,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "dropout": dropout,
        }
        self.projection = _projection(in_features, projection_size, dropout)
        between_layers = dropout if num_layers > 1 else 0.0
        self.recurrence = nn.LSTM(
            projection_size, hidden_size, num_layers, batch_first=True, dropout=between_layers
        )

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> last hidden state (B, H)."""
        projected = self.projection(essences)  # (B, T, D) -> (B, T, P)
        _, (hidden, _) = self.recurrence(projected)  # (num_layers, B, H)
        return hidden[-1]


class Attention(nn.Module):
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
        super().__init__()
        if positions and projection_size % 2:
            raise ValueError(
                f"projection_size ({projection_size}) must be even: "
                "positions come as pairs of sine and cosine"
            )
        self.in_features, self.out_features = in_features, projection_size
        self.options = {
            "projection_size": projection_size,
            "positions": positions,
            "dropout": dropout,
        }
        self.projection = _projection(in_features, projection_size, dropout)
        self.score = nn.Sequential(nn.Tanh(), nn.Linear(projection_size, 1, bias=False))

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> their weighted mean (B, P)."""
        projected = self.projection(essences)  # (B, T, D) -> (B, T, P)
        if self.options["positions"]:
            projected = projected + _position_code(*projected.shape[1:]).to(projected)
        weights = self.score(projected).softmax(dim=1)  # (B, T, 1)
        return (weights * projected).sum(dim=1)


def _position_code(T: int, P: int) -> Tensor:
    """Sines and cosines (T, P) of the frame's number, from quick to slow."""
    pace = 10_000 ** (-torch.arange(0, P, 2, dtype=torch.float64) / P)
    angles = torch.arange(T, dtype=torch.float64)[:, None] * pace  # (T, P / 2)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


AGGREGATORS = {"mean": MeanPool, "lstm": LSTM, "attention": Attention}
