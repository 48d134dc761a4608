"""Attention that looks less closely: MViT pools queries, keys and values before they meet."""

from __future__ import annotations

from torch import Tensor, nn

from .attention import attention_weights
from .token_groups import Grid


class Pooled(nn.Module):
    """A 3 x 3 x 3 convolution of every channel by itself over the grid, with a stride, and a norm.

    Args:
        width: d, channels of a head.
        stride: in frames, rows and columns.
    """

    def __init__(self, width: int, stride: Grid) -> None:
        super().__init__()
        self.pool = nn.Conv3d(width, width, 3, stride, padding=1, groups=width, bias=False)
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Tokens (B, heads, T H W, d) -> (B, heads, T' H' W', d)."""
        heads = tokens.shape[1]
        volumes = tokens.flatten(0, 1).transpose(1, 2).unflatten(2, grid)  # (B heads, d, T, H, W)
        pooled = self.pool(volumes).flatten(2).transpose(1, 2)  # (B heads, T' H' W', d)
        return self.norm(pooled.unflatten(0, (-1, heads)))


class PoolingAttention(nn.Module):
    """Multi-head attention on a grid that it makes smaller (Fan et al. 2021).

    A stride of the queries makes the answer smaller: a stage ends. A stride of keys and values
    leaves the answer as it is, and saves work: of n queries each meets n / (product of strides)
    keys. The pools are the same for all heads. (There is no class token here, and none of MViTv2's
    relative positions.)

    Args:
        width: D of a token.
        heads: a divisor of D.
        query_stride: in frames, rows and columns.
        key_stride: of keys and values.

    Raises:
        ValueError: if heads does not divide width.
    """

    def __init__(
        self, width: int, heads: int, *, query_stride: Grid = (1, 1, 1), key_stride: Grid
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"heads ({heads}) must divide width ({width}); take 4 heads of 64")
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        strides = {"q": query_stride, "k": key_stride, "v": key_stride}
        self.pools = nn.ModuleDict(
            {name: Pooled(width // heads, stride) for name, stride in strides.items()}
        )

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Tokens (B, T H W, D) of a grid -> (B, T' H' W', D), of the grid of the queries."""
        qkv = self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k, v = (
            pool(part, grid) for pool, part in zip(self.pools.values(), qkv.unbind(), strict=True)
        )
        found = attention_weights(q, k) @ v  # (B, heads, T' H' W', d)
        return self.out(found.transpose(1, 2).flatten(2))
