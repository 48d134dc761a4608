"""Which tokens of a clip are hidden: tubes through all moments, whole moments, or any."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor


def tubes(
    B: int, moments: int, positions: int, share: float, generator: Generator | None = None
) -> Tensor:
    """Hide the same positions at all moments (VideoMAE, Tong et al. 2022).

    What does not move cannot be copied from the moment before.

    Args:
        B: clips, each with a mask of its own.
        moments: T / t, the tubelets that follow each other.
        positions: S, the tubelets of one moment.
        share: of the positions that is hidden, above 0 and below 1; the nearest whole number.
        generator: of the draw; None: PyTorch's own, as `fit` seeds it.

    Returns:
        bool (B, moments * positions): True where a token is hidden; of each clip as many.

    Raises:
        ValueError: if nothing or everything would be hidden.
    """
    hidden = _some(B, positions, share, generator)  # (B, S)
    return hidden[:, None].expand(B, moments, positions).flatten(1)


def frames(
    B: int, moments: int, positions: int, share: float, generator: Generator | None = None
) -> Tensor:
    """Hide all positions at some moments: what lies between is to be guessed. See `tubes`."""
    hidden = _some(B, moments, share, generator)  # (B, moments)
    return hidden[:, :, None].expand(B, moments, positions).flatten(1)


def anywhere(
    B: int, moments: int, positions: int, share: float, generator: Generator | None = None
) -> Tensor:
    """Hide tokens here and there: what is hidden is often seen a moment later. See `tubes`."""
    return _some(B, moments * positions, share, generator)


Mask = Callable[..., Tensor]
MASKS: dict[str, Mask] = {"tube": tubes, "frame": frames, "random": anywhere}


def num_hidden(of: int, share: float) -> int:
    """How many of so many are hidden: of 16, at a share of 0.9, 14.

    Raises:
        ValueError: if it is none or all of them.
    """
    hidden = round(share * of)
    if not 0 < hidden < of:
        raise ValueError(
            f"share ({share}) must hide at least 1 of {of} and leave at least 1: here it hides "
            f"{hidden}"
        )
    return hidden


def _some(B: int, of: int, share: float, generator: Generator | None) -> Tensor:
    """Some of so many, drawn for each clip anew: bool (B, of)."""
    ranks = torch.rand(B, of, generator=generator).argsort(dim=1).argsort(dim=1)
    return ranks < num_hidden(of, share)
