"""An answer for each frame, not one for the clip: an LSTM that is asked all along the way."""

from __future__ import annotations

from torch import Tensor, nn


class PerFrameLSTM(nn.Module):
    """Features (B, T, D) -> logits (B, T, K), one answer a frame, as in Yeung et al. 2018.

    Args:
        in_features: D.
        num_classes: K.
        hidden_size: H, of each hidden state.
        both_directions: whether a second LSTM reads from the end, so that an answer knows what
            comes after; for videos that are there as a whole.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        hidden_size: int = 64,
        both_directions: bool = False,
    ) -> None:
        super().__init__()
        self.recurrence = nn.LSTM(
            in_features, hidden_size, batch_first=True, bidirectional=both_directions
        )
        self.head = nn.Linear(hidden_size * (1 + both_directions), num_classes)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, T, D) -> logits (B, T, K)."""
        states, _ = self.recurrence(features)  # (B, T, H) or (B, T, 2 H)
        return self.head(states)
