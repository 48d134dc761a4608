"""From the class scores of several frames to those of the clip (Wang et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class _Consensus(nn.Module):
    """Scores (B, T, K) -> (B, K).

    Args:
        num_frames: T.
        num_classes: K.

    Attributes:
        reads_order: whether the same scores in another order may give another verdict.
    """

    reads_order = False

    def __init__(self, num_frames: int, num_classes: int) -> None:
        super().__init__()


class Average(_Consensus):
    """The mean of each class's scores. In another order it is the same, up to rounding."""

    def forward(self, scores: Tensor) -> Tensor:
        """Scores (B, T, K) -> (B, K)."""
        return scores.mean(dim=1)


class Maximum(_Consensus):
    """Each class at its best frame. In another order it is the same to the last bit."""

    def forward(self, scores: Tensor) -> Tensor:
        """Scores (B, T, K) -> (B, K)."""
        return scores.amax(dim=1)


class Product(_Consensus):
    """The product of the frames' probabilities, as a sum of logarithms: one frame can veto.

    In another order it is the same, up to rounding.
    """

    def forward(self, scores: Tensor) -> Tensor:
        """Scores (B, T, K) -> logarithms of products of probabilities (B, K)."""
        return scores.log_softmax(dim=2).sum(dim=1)


class Weighted(_Consensus):
    """A weighted mean: how much the first, the second, ... frame counts is learned.

    It begins as the mean. It sees which frame comes when, and still adds up one number per frame:
    no frame meets another one before the sum.
    """

    reads_order = True

    def __init__(self, num_frames: int, num_classes: int) -> None:
        super().__init__(num_frames, num_classes)
        self.weights = nn.Parameter(torch.full((num_frames,), 1 / num_frames))

    def forward(self, scores: Tensor) -> Tensor:
        """Scores (B, T, K) -> (B, K)."""
        return torch.einsum("btk,t->bk", scores, self.weights)


class Recurrent(_Consensus):
    """An LSTM reads the scores in order; a linear layer on its last state gives the verdict."""

    reads_order = True
    hidden_size = 64

    def __init__(self, num_frames: int, num_classes: int) -> None:
        super().__init__(num_frames, num_classes)
        self.recurrence = nn.LSTM(num_classes, self.hidden_size, batch_first=True)
        self.verdict = nn.Linear(self.hidden_size, num_classes)

    def forward(self, scores: Tensor) -> Tensor:
        """Scores (B, T, K) -> (B, K)."""
        _, (hidden, _) = self.recurrence(scores)  # (1, B, hidden_size)
        return self.verdict(hidden[-1])


CONSENSUS: dict[str, type[_Consensus]] = {
    "average": Average,
    "maximum": Maximum,
    "product": Product,
    "weighted": Weighted,
    "lstm": Recurrent,
}
