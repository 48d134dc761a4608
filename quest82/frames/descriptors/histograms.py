"""Histograms of directions in cells of space and time: HOG, HOF and MBH.

All three are one recipe on other vectors. Each pixel has a vector; it votes for its direction with
its length; the votes of a cell are added up; a block of cells is brought to length 1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ..flow import grey

Grid = tuple[int, int, int]


def gradients(images: Tensor) -> Tensor:
    """Differences of the two neighbours of each pixel, (-1, 0, 1), mirrored at the border.

    Args:
        images: floating point (..., H, W), sides of 2 or more.

    Returns:
        (..., 2, H, W), to the right and down.
    """
    H, W = images.shape[-2:]
    padded = F.pad(images.reshape(-1, 1, H, W), (1, 1, 1, 1), mode="reflect")
    right = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    return torch.cat([right, down], dim=1).view(*images.shape[:-2], 2, H, W)


def votes(vectors: Tensor, bins: int, *, signed: bool = True, still_below: float = 0.0) -> Tensor:
    """How much each pixel votes for each direction: its length, shared by the two nearest bins.

    Args:
        vectors: floating point (..., 2, H, W), to the right and down.
        bins: number of directions. Signed, bin 0 is around the right, and the next ones are
            clockwise as one sees it; unsigned, bin 0 is the first half-bin after the right.
        signed: whether opposite directions are two; if not, half a circle is divided.
        still_below: length below which a pixel votes, with 1, for a bin of its own, the last one;
            0: there is no such bin.

    Returns:
        (..., bins, H, W); with still_below, (..., bins + 1, H, W).
    """
    right, down = vectors.unbind(dim=-3)  # (..., H, W) each
    length = torch.hypot(right, down)
    turn = torch.atan2(down, right) / (2 * math.pi if signed else math.pi)
    place = turn * bins - (0.0 if signed else 0.5)  # the middle of bin k is at k
    low = place.floor()
    share = place - low
    number = torch.arange(bins).view(-1, 1, 1)
    below = (low.unsqueeze(-3) % bins == number) * (length * (1 - share)).unsqueeze(-3)
    above = ((low.unsqueeze(-3) + 1) % bins == number) * (length * share).unsqueeze(-3)
    found = below + above
    if not still_below:
        return found
    still = (length < still_below).to(found.dtype).unsqueeze(-3)
    return torch.cat([found * (1 - still), still], dim=-3)


def in_cells(found: Tensor, grid: Grid) -> Tensor:
    """Add up votes in cells of a clip, and bring the whole to length 1.

    Args:
        found: votes (T, bins, H, W).
        grid: cells in time, down and to the right; each at most as many as there are frames or
            pixels.

    Returns:
        (bins * cells,), in the order of bins, time, down, right; 0 where nobody voted.
    """
    pooled = F.adaptive_avg_pool3d(found.transpose(0, 1), grid)  # (bins, *grid)
    return F.normalize(pooled.flatten(), dim=0)


def hog(frames: Tensor, *, grid: Grid = (1, 4, 4), bins: int = 9) -> Tensor:
    """Histograms of oriented gradients of a clip, whose edges have no sides (Dalal & Triggs 2005).

    Args:
        frames: uint8 (T, 3, H, W).
        grid: as for `in_cells`. With 1 cell in time, no order of frames changes it.
        bins: directions on half a circle.

    Returns:
        float32 (bins * cells,).
    """
    return in_cells(votes(gradients(grey(frames)), bins, signed=False), grid)


def hof(flow: Tensor, *, grid: Grid = (1, 4, 4), bins: int = 8, still_below: float = 0.4) -> Tensor:
    """Histograms of optical flow: who goes where (Laptev et al. 2008).

    Args:
        flow: (T - 1, 2, H, W) in pixels.
        grid: as for `in_cells`.
        bins: directions on a circle; another bin is for pixels at rest.
        still_below: speed, in pixels a frame, below which a pixel is at rest.

    Returns:
        ((bins + 1) * cells,).
    """
    return in_cells(votes(flow, bins, still_below=still_below), grid)


def mbh(flow: Tensor, *, grid: Grid = (1, 4, 4), bins: int = 8) -> Tensor:
    """Motion boundary histograms: HOG of the flow's two components (Dalal et al. 2006).

    What the flow has everywhere, such as the motion of a panning camera, has no gradient, and is
    not in them.

    Args:
        flow: (T - 1, 2, H, W) in pixels.
        grid: as for `in_cells`.
        bins: directions on a circle.

    Returns:
        (2 * bins * cells,), of the component to the right and of the one downwards.
    """
    right, down = (in_cells(votes(gradients(part), bins), grid) for part in flow.unbind(dim=1))
    return F.normalize(torch.cat([right, down]), dim=0)


def hog_blocks(image: Tensor, *, cell: int = 8, bins: int = 9) -> Tensor:
    """HOG as a detector of people had it (Dalal & Triggs 2005).

    Cells overlap: a pixel votes for those around it, the nearer the more, and for the more the
    nearer it is to the middle of its block of 2 x 2 cells. All of this is one convolution of the
    votes. Blocks are brought to length 1, cut off at 0.2, and brought to length 1 again.

    Args:
        image: floating point (H, W) in [0, 255], sides of 2 cells or more.
        cell: its side in pixels.
        bins: directions on half a circle.

    Returns:
        (rows, columns, 2, 2, bins): a block at each inner corner of the cells, and in it the cells
        by row and column.

    Raises:
        ValueError: if the image is smaller than a block.
    """
    if min(image.shape) < 2 * cell:
        raise ValueError(
            f"image {tuple(image.shape)} must have sides of at least 2 cells of {cell} pixels"
        )
    found = votes(gradients(image), bins, signed=False)  # (bins, H, W)
    sums = F.conv2d(found[:, None], _block(cell).to(image.dtype), stride=cell)
    blocks = sums.permute(2, 3, 1, 0)  # (bins, 4, rows, columns) -> (rows, columns, 4, bins)
    vectors = blocks.flatten(2)
    vectors = vectors / (vectors.norm(dim=-1, keepdim=True) + 0.1 * vectors.shape[-1])
    vectors = vectors.clamp(max=0.2)
    vectors = vectors / (vectors.norm(dim=-1, keepdim=True) + 1e-3)
    return vectors.view(*blocks.shape[:2], 2, 2, bins)


def _block(cell: int) -> Tensor:
    """How much each pixel of a block counts for each of its 4 cells (4, 1, 2 cell, 2 cell)."""
    pixel = torch.arange(2 * cell, dtype=torch.float64)
    bell = torch.exp(-((pixel - cell) ** 2) / (2 * (cell / 2) ** 2))
    place = (pixel + 0.5) / cell - 0.5  # the middle of cell k is at k
    shares = torch.stack([1 - place.abs(), 1 - (place - 1).abs()]).clamp(min=0)  # (2, 2 cell)
    along = shares * bell
    return torch.einsum("ai,bj->abij", along, along).flatten(0, 1).unsqueeze(1)
