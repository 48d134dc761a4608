"""Which patches a patch attends to: every scheme cuts the grid of patches into groups.

A clip is a grid of T x H x W patches, numbered frame by frame and row by row. A step of attention
cuts it into groups of equal size, and a patch attends to those of its own group and to no others.
A scheme is one such step after another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Grid = tuple[int, int, int]  # T frames, H rows and W columns of patches


def _joint(numbers: Tensor) -> Tensor:
    return numbers.reshape(1, -1)


def _space(numbers: Tensor) -> Tensor:
    return numbers.flatten(1)


def _time(numbers: Tensor) -> Tensor:
    return numbers.flatten(1).T


def _width(numbers: Tensor) -> Tensor:
    return numbers.flatten(0, 1)


def _height(numbers: Tensor) -> Tensor:
    return numbers.transpose(1, 2).flatten(0, 1)


def _local(numbers: Tensor) -> Tensor:
    T, H, W = numbers.shape
    halves = numbers.reshape(T, 2, H // 2, 2, W // 2)
    return halves.permute(1, 3, 0, 2, 4).reshape(4, -1)


def _sparse(numbers: Tensor) -> Tensor:
    T, H, W = numbers.shape
    pairs = numbers.reshape(T // 2, 2, H // 2, 2, W // 2, 2)
    return pairs.permute(1, 3, 5, 0, 2, 4).reshape(8, -1)


_GROUPINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "joint": _joint,
    "space": _space,
    "time": _time,
    "width": _width,
    "height": _height,
    "local": _local,
    "sparse": _sparse,
}

# The five schemes of Bertasius et al. 2021, as steps.
SCHEMES: dict[str, tuple[str, ...]] = {
    "space": ("space",),
    "joint": ("joint",),
    "divided": ("time", "space"),
    "local_global": ("local", "sparse"),
    "axial": ("time", "width", "height"),
}


def groups(step: str, grid: Grid) -> Tensor:
    """The patches of every group of a step, as numbers.

    Args:
        step: "joint": all patches are one group; "space": those of a frame; "time": those of a
            place; "width": those of a row of a frame; "height": of a column; "local": those of a
            quarter of the frame, in all frames; "sparse": every second frame, row and column.
        grid: (T, H, W).

    Returns:
        int64 (G, m): G groups of m patches. "time" on (2, 1, 3) gives [[0, 3], [1, 4], [2, 5]].

    Raises:
        ValueError: if there is no such step, or a side that it halves is odd.
    """
    if step not in _GROUPINGS:
        raise ValueError(f"step ({step!r}) must be one of {', '.join(_GROUPINGS)}")
    halved = {"local": grid[1:], "sparse": grid}.get(step, ())
    if any(side % 2 for side in halved):
        raise ValueError(
            f"grid {grid} must have even sides for the step {step!r}, which halves them: take "
            "another number of frames or another patch size"
        )
    T, H, W = grid
    return _GROUPINGS[step](torch.arange(T * H * W).view(T, H, W))


def attended(step: str, grid: Grid, query: tuple[int, int, int]) -> Tensor:
    """What one patch attends to in one step.

    Args:
        step: see `groups`.
        grid: (T, H, W).
        query: frame, row and column of the patch.

    Returns:
        bool (T, H, W), true for the query itself, too.
    """
    cut, (_, H, W) = groups(step, grid), grid
    number = (query[0] * H + query[1]) * W + query[2]
    own = cut[(cut == number).any(dim=1)]  # (1, m)
    seen = torch.zeros(grid, dtype=torch.bool)
    seen.view(-1)[own.flatten()] = True
    return seen


def comparisons(steps: Sequence[str], grid: Grid) -> int:
    """How often a query meets a key in one block: numbers in the attention matrices of one head.

    Class tokens are left out. 196 patches in each of 8 frames: 1568^2 = 2 458 624 if joint, and
    1568 (8 + 196) = 319 872 if divided.
    """
    return sum(cut.shape[0] * cut.shape[1] ** 2 for cut in (groups(step, grid) for step in steps))
