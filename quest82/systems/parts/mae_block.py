"""A transformer's block as VideoMAE has it, and the positions that its tokens are told."""

from __future__ import annotations

from torch import Tensor, nn

from ..aggregators.attention import position_code
from .attention import attention_weights


class AttentionBlock(nn.Module):
    """Attention, then a network on each token; both normalise first and add what they find.

    The block of the vision transformer (Dosovitskiy et al. 2021):

        x = x + attention(norm(x))
        x = x + mlp(norm(x))

    VideoMAE's keys have no bias, and need none: it would add the same to all scores of a query,
    and a softmax does not see that.

    Args:
        width: D of a token; a multiple of num_heads.
        num_heads: that attend apart, each to D / num_heads numbers.

    Raises:
        ValueError: if width is no multiple of num_heads.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        if width % num_heads:
            raise ValueError(
                f"width ({width}) must be a multiple of num_heads ({num_heads}): the heads share it"
            )
        super().__init__()
        self.num_heads = num_heads
        self.before_attention = nn.LayerNorm(width, eps=1e-6)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.before_mlp = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, N, D) -> (B, N, D)."""
        tokens = tokens + self.attend(self.before_attention(tokens))
        return tokens + self.mlp(self.before_mlp(tokens))

    def attend(self, tokens: Tensor) -> Tensor:
        """What each token finds in all of them (B, N, D)."""
        heads = self.queries_keys_values(tokens).unflatten(2, (3, self.num_heads, -1))
        q, k, v = heads.permute(2, 0, 3, 1, 4)  # (B, N, 3, h, D / h) -> 3 x (B, h, N, D / h)
        found = attention_weights(q, k) @ v  # (B, h, N, N) @ (B, h, N, D / h)
        return self.joined(found.transpose(1, 2).flatten(2))


def sines(num_tokens: int, width: int) -> Tensor:
    """Sines and cosines by turns (N, D), float64, of a token's number (Vaswani et al. 2017)."""
    return position_code(num_tokens, width).unflatten(1, (2, -1)).transpose(1, 2).flatten(1)
