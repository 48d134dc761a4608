"""Attention among tokens: all of them, or each within its group, or some heads so and some so."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .token_groups import Grid, groups


def attention_weights(q: Tensor, k: Tensor) -> Tensor:
    """How much each query takes of each key: softmax(q k^T / sqrt(d)) (Vaswani et al. 2017).

    Args:
        q: queries (..., n, d).
        k: keys (..., m, d).

    Returns:
        (..., n, m), each row with the sum 1.
    """
    return (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1)


class Attention(nn.Module):
    """Multi-head attention within groups of tokens.

    Each head has queries, keys and values of its own, of D / heads numbers. A class token, which
    stands first, is a member of every group; what it finds is the mean of what it finds in each.

    Args:
        width: D of a token.
        heads: how many, a divisor of D.
        steps: how the grid is cut into groups (`token_groups.groups`); of several, each belongs to
            an equal share of the heads.
        grid: (T, H, W) of the tokens.
        class_token: whether a class token stands before them.

    Raises:
        ValueError: if heads does not divide width, or steps do not divide heads.
    """

    def __init__(
        self, width: int, heads: int, steps: Sequence[str], grid: Grid, *, class_token: bool
    ) -> None:
        super().__init__()
        if width % heads or heads % len(steps):
            raise ValueError(
                f"heads ({heads}) must divide width ({width}) and be a multiple of the number of "
                f"groupings ({len(steps)}); take 4 heads of 64"
            )
        self.heads, self.steps, self.first = heads, tuple(steps), int(class_token)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        for step in self.steps:
            self.register_buffer(f"{step}_groups", groups(step, grid), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, n, D) -> what each has collected (B, n, D)."""
        found = []
        for step, q, k, v in self._by_step(tokens):
            y = attention_weights(q, k) @ v  # (B, heads, G, m, d)
            found.append(self._ungrouped(y, step))
        return self.out(torch.cat(found, dim=1).transpose(1, 2).flatten(2))  # (B, n, D)

    def weights(self, tokens: Tensor) -> dict[str, Tensor]:
        """The attention matrices of each step, (B, its heads, G, m, m), for figures."""
        return {step: attention_weights(q, k) for step, q, k, _ in self._by_step(tokens)}

    def _by_step(self, tokens: Tensor) -> list[tuple[str, Tensor, Tensor, Tensor]]:
        """For each step the queries, keys and values of its heads, in groups."""
        qkv = self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        shares = qkv.chunk(len(self.steps), dim=2)  # (3, B, its heads, n, d) each
        found = []
        for step, share in zip(self.steps, shares, strict=True):
            q, k, v = self._grouped(share, step)
            found.append((step, q, k, v))
        return found

    def _grouped(self, x: Tensor, step: str) -> Tensor:
        """(3, B, heads, n, d) -> (3, B, heads, G, m, d), the class token in each group."""
        cut = self.get_buffer(f"{step}_groups")
        rest = x[..., self.first :, :].index_select(3, cut.flatten()).unflatten(3, cut.shape)
        first = x[..., None, : self.first, :].expand(*rest.shape[:4], -1, -1)
        return torch.cat([first, rest], dim=4)

    def _ungrouped(self, y: Tensor, step: str) -> Tensor:
        """(B, heads, G, m, d) -> (B, heads, n, d)."""
        back = self.get_buffer(f"{step}_groups").flatten().argsort()
        rest = y[..., self.first :, :].flatten(2, 3).index_select(2, back)
        return torch.cat([y[..., : self.first, :].mean(dim=2), rest], dim=2)


def recorded_attention(network: nn.Module, clips: Tensor) -> dict[str, dict[str, Tensor]]:
    """Run a network, and keep the attention matrices of all its blocks.

    Args:
        network: one with `Attention` in it; it is run in the mode that it is in.
        clips: what it reads.

    Returns:
        For each `Attention`, by its name in the network, its `weights`.
    """
    found: dict[str, dict[str, Tensor]] = {}
    parts = {n: part for n, part in network.named_modules() if isinstance(part, Attention)}
    hooks = [
        part.register_forward_pre_hook(
            lambda module, args, name=name: found.update({name: module.weights(*args)})
        )
        for name, part in parts.items()
    ]
    try:
        with torch.no_grad():
            network(clips)
    finally:
        for hook in hooks:
            hook.remove()
    return found
