"""The non-local block: every position of a clip hears from every other, however far away.

Wang et al. 2018: with positions i and j of a volume x, and C' = C / 2 channels inside,

    y_i = sum_j f(x_i, x_j) g(x_j) / N(x)        z_i = x_i + BN(W y_i)

The scale of the batch norm begins at zero, so that z = x: a block can be put into a network that
has learned already, and the network answers as before.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..aggregators.attention import position_code

# What a position may hear from: its frame, its own place at all times, the whole clip.
OVER = ("space", "time", "space_time")


def _softmax(queries: Tensor, keys: Tensor) -> Tensor:
    """f = exp(q . k), divided by its sum over j."""
    return (queries @ keys.transpose(1, 2)).softmax(dim=2)


def _dot(queries: Tensor, keys: Tensor) -> Tensor:
    """f = q . k, divided by the number of positions."""
    return queries @ keys.transpose(1, 2) / keys.shape[1]


def _concatenation(queries: Tensor, keys: Tensor) -> Tensor:
    """f = ReLU(w . [q, k]), divided by the number of positions; q and k are halves of the sum."""
    return (queries + keys.transpose(1, 2)).relu() / keys.shape[1]  # (B, N, 1), (B, 1, N)


# kind -> queries and keys (B, N, C') -> weights (B, N, N)
KINDS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gaussian": _softmax,
    "embedded_gaussian": _softmax,
    "dot_product": _dot,
    "concatenation": _concatenation,
}


class NonLocalBlock(nn.Module):
    """Volumes (B, C, T, H, W) -> the same shape; equal to its input at birth.

    Without positions it does not know where and when a position is: mix the positions of its input,
    and those of its output are mixed alike. (The paper also pools keys and values by 2 x 2, which
    saves work in large maps; here they stay whole.)

    Args:
        channels: C, even.
        kind: f, one of `KINDS`: "gaussian" compares x_i and x_j themselves, "embedded_gaussian",
            which is self-attention, and "dot_product" compare linear functions of them,
            "concatenation" gives a weight to each channel of both.
        over: one of `OVER`, what j runs over.
        positions: add sines and cosines of frame, row and column to what is compared and summed
            up, though not to the x that is passed on.

    Raises:
        ValueError: if channels is odd, or kind or over is another word.
    """

    def __init__(
        self,
        channels: int,
        *,
        kind: str = "embedded_gaussian",
        over: str = "space_time",
        positions: bool = False,
    ) -> None:
        super().__init__()
        _require(channels, kind, over)
        self.kind, self.over, self.positions = kind, over, positions
        inside = channels // 2
        self.query: nn.Module = nn.Identity()
        self.key: nn.Module = nn.Identity()
        if kind != "gaussian":
            # A bias of the keys adds the same for every j, which no softmax sees.
            biased = kind != "embedded_gaussian"
            self.query = nn.Linear(channels, inside)
            self.key = nn.Linear(channels, inside, bias=biased)
        if kind == "concatenation":
            self.query = nn.Sequential(self.query, nn.Linear(inside, 1, bias=False))
            self.key = nn.Sequential(self.key, nn.Linear(inside, 1, bias=False))
        self.value, self.out = nn.Linear(channels, inside), nn.Linear(inside, channels)
        self.norm = nn.BatchNorm1d(channels)
        nn.init.zeros_(self.norm.weight)

    def weights(self, volumes: Tensor) -> Tensor:
        """How much each position i hears from each j, (B', N, N).

        Over space-time B' is B and N is T H W, in the order (T, H, W); over space a frame is on its
        own, with B' = B T and N = H W; over time a place is, with B' = B H W and N = T.
        """
        heard = self._tokens(volumes)
        return KINDS[self.kind](self.query(heard), self.key(heard))

    def forward(self, volumes: Tensor) -> Tensor:
        """Volumes (B, C, T, H, W) -> (B, C, T, H, W)."""
        y = self.weights(volumes) @ self.value(self._tokens(volumes))  # (B', N, C')
        z = self.out(y)  # (B', N, C)
        z = self.norm(z.flatten(0, 1)).view_as(z)
        return volumes + _as_volumes(z, volumes.shape, self.over)

    def _tokens(self, volumes: Tensor) -> Tensor:
        """Volumes (B, C, T, H, W) -> (B', N, C)."""
        if self.positions:
            volumes = volumes + _place_code(volumes.shape[1:]).to(volumes)
        return _as_tokens(volumes, self.over)


def _as_tokens(volumes: Tensor, over: str) -> Tensor:
    """Volumes (B, C, T, H, W) -> (B', N, C), see `NonLocalBlock.weights`."""
    if over == "space":
        return volumes.permute(0, 2, 3, 4, 1).flatten(2, 3).flatten(0, 1)  # (B T, H W, C)
    if over == "time":
        return volumes.permute(0, 3, 4, 2, 1).flatten(0, 2)  # (B H W, T, C)
    return volumes.permute(0, 2, 3, 4, 1).flatten(1, 3)  # (B, T H W, C)


def _as_volumes(tokens: Tensor, shape: torch.Size, over: str) -> Tensor:
    """And back again: (B', N, C) -> (B, C, T, H, W)."""
    B, C, T, H, W = shape
    if over == "time":
        return tokens.view(B, H, W, T, C).permute(0, 4, 3, 1, 2)
    return tokens.view(B, T, H, W, C).permute(0, 4, 1, 2, 3)


def _place_code(shape: torch.Size) -> Tensor:
    """Codes of frame, row and column, each with its third of the channels: (C, T, H, W).

    C counts in pairs; what is left over by the thirds stays zero.
    """
    C, *sizes = shape
    third, code = C // 6 * 2, torch.zeros(tuple(shape), dtype=torch.float64)
    for axis, size in enumerate(sizes):
        own = [size if other == axis else 1 for other in range(3)]
        code[axis * third : (axis + 1) * third] = position_code(size, third).T.reshape(third, *own)
    return code


def _require(channels: int, kind: str, over: str) -> None:
    if channels % 2:
        raise ValueError(
            f"channels ({channels}) must be even: half as many are compared; take {channels + 1}"
        )
    for name, value, allowed in (("kind", kind, KINDS), ("over", over, OVER)):
        if value not in allowed:
            raise ValueError(f"{name} ({value!r}) must be one of {', '.join(allowed)}")
