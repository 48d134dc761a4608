"""A transformer encoder for the tokens of a clip: blocks of attention steps and an MLP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from .attention import Attention
from .token_groups import Grid

_EPS = 1e-6  # of all norms, as in both papers' code


class Block(nn.Module):
    """Steps of attention, then an MLP; each reads its input normalised, and adds to it.

    The class token takes part in the last step alone, as in TimeSformer's published code (in the
    equations of the paper it is a key of the step over time, too).

    Args:
        width: D of a token.
        heads: of each attention.
        steps: one name of `token_groups.groups` for each step; a tuple of names is one step
            whose heads they share.
        grid: (T, H, W) of the tokens.
        class_token: whether a class token stands before them.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        steps: Sequence[str | tuple[str, ...]],
        grid: Grid,
        *,
        class_token: bool,
    ) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width, _EPS) for _ in steps)
        last = len(steps) - 1
        self.attentions = nn.ModuleList(
            Attention(
                width,
                heads,
                (step,) if isinstance(step, str) else step,
                grid,
                class_token=class_token and number == last,
            )
            for number, step in enumerate(steps)
        )
        self.num_tokens = grid[0] * grid[1] * grid[2]
        self.mlp = nn.Sequential(
            nn.LayerNorm(width, _EPS),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens, the class token first if there is one, (B, n, D) -> (B, n, D)."""
        for norm, attention in zip(self.norms, self.attentions, strict=True):
            aside = (
                tokens.shape[1] - self.num_tokens - cast(Attention, attention).first
            )  # a class token, or none
            kept, rest = tokens[:, :aside], tokens[:, aside:]
            tokens = torch.cat([kept, rest + attention(norm(rest))], dim=1)
        return tokens + self.mlp(tokens)


class Transformer(nn.Module):
    """Blocks over the tokens of a clip, and one vector from them: the class token or the mean.

    Args:
        width: D of a token.
        depth: blocks.
        heads: of each attention.
        steps: of each block (see `Block`).
        grid: (T, H, W) of the tokens.
        class_token: put a learned token before them, and answer with what becomes of it; else
            with the mean of all tokens. What papers add to it as its position is part of it here.
    """

    def __init__(
        self,
        width: int,
        *,
        depth: int,
        heads: int,
        steps: Sequence[str | tuple[str, ...]],
        grid: Grid,
        class_token: bool = True,
    ) -> None:
        super().__init__()
        first = torch.zeros(1, width)
        self.class_token = nn.Parameter(nn.init.normal_(first, std=0.02)) if class_token else None
        self.blocks = nn.Sequential(
            *(Block(width, heads, steps, grid, class_token=class_token) for _ in range(depth))
        )
        self.norm = nn.LayerNorm(width, _EPS)
        drawn_afresh(self)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens with their positions (B, n, D) -> (B, D)."""
        if self.class_token is None:
            return self.norm(self.blocks(tokens)).mean(dim=1)
        first = self.class_token.expand(len(tokens), -1, -1)
        tokens = self.blocks(torch.cat([first, tokens], dim=1))  # (B, 1 + n, D)
        return self.norm(tokens[:, 0])


def positions(*shape: int) -> nn.Parameter:
    """Learned positions that begin as large as tokens are.

    ViT's begin fifty times smaller. Beside tokens of feature maps they then count for so little
    that a short training does not find the order of frames.
    """
    return nn.Parameter(nn.init.normal_(torch.zeros(shape)))


def drawn_afresh(network: nn.Module) -> None:
    """Initial weights as in ViT's own code, and VideoMAE's: Xavier's, and no biases."""
    for part in network.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
