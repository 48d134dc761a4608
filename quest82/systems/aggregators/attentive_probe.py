"""One learned query reads all frames: how frozen video features are probed today."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from .attention import position_code, require_even


class AttentiveProbe(nn.Module):
    """Cross-attention of one learned query over frozen features (V-JEPA, Bardes et al. 2024).

    Each essence is normalised; h heads give it a score each, and each head takes the mean of its
    values by the softmax of its scores. In `Attention` one score weighs all channels; here nothing
    is between the essence and its score but a linear layer, since the features are to be judged and
    not the probe. (A key and the query that it meets are one linear score, so there are no keys.)
    Without positions it is blind to order. V-JEPA's tokens bring theirs from the backbone;
    essences of single frames bring none.

    Args:
        in_features: width D of an essence.
        projection_size: width P of the values, a multiple of num_heads.
        num_heads: h.
        positions: add to each normalised essence where in the clip it stands (see `Attention`).
        dropout: share of the essences' numbers set to zero in training.

    Attributes:
        out_features: P.
        options: what an equal one is made from, beside `in_features`.

    Raises:
        ValueError: if projection_size is no multiple of num_heads, or in_features is odd and there
            are positions.
    """

    def __init__(
        self,
        in_features: int,
        *,
        projection_size: int = 256,
        num_heads: int = 4,
        positions: bool = True,
        dropout: float = 0.5,
    ) -> None:
        require_even("in_features", in_features, positions)
        if projection_size % num_heads:
            raise ValueError(
                f"projection_size ({projection_size}) must be a multiple of num_heads "
                f"({num_heads}): the heads share it"
            )
        super().__init__()
        self.in_features, self.out_features = in_features, projection_size
        self.options: dict = {
            "projection_size": projection_size,
            "num_heads": num_heads,
            "positions": positions,
            "dropout": dropout,
        }
        self.scores = nn.Linear(in_features, num_heads, bias=False)
        self.values = nn.Linear(in_features, projection_size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> what the query found in them (B, P)."""
        x = F.layer_norm(essences, essences.shape[2:])
        if self.options["positions"]:
            x = x + position_code(*x.shape[1:]).to(x)
        x = self.dropout(x)
        weights = self.scores(x).softmax(dim=1)  # (B, T, h)
        values = self.values(x).unflatten(2, (weights.shape[2], -1))  # (B, T, h, P / h)
        return (weights[..., None] * values).sum(dim=1).flatten(1)
