"""Optical flow by least squares in a window: one step, and many from coarse to fine.

Flow says where each pixel of a frame went: what is at p in the first image is at p + flow(p) in
the second. All of it follows from one assumption, that a point keeps its brightness.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SHORTEST_SIDE = 16  # of the coarsest image: below, a window of 7 pixels sees most of it


def lucas_kanade(
    first: Tensor,
    second: Tensor,
    *,
    start: Tensor | None = None,
    radius: int = 3,
    regulariser: float = 1e-4,
) -> Tensor:
    """One step of Lucas & Kanade (1981): the flow that explains best what changed in each window.

    Brightness is taken as linear over the motion, so that a step is exact only for motions small
    beside the texture. The gradient is that of the average of both images, which makes the two
    directions symmetric: from second to first the flow is minus this one, but for rounding.

    Where a window shows no texture, or edges of one direction only (the aperture problem), the
    equations have no single solution. The regulariser prefers the one nearest to `start`: across
    an edge the flow is found, along it and on blank ground `start` stays.

    Args:
        first: grey images, floating point (N, H, W) in [0, 1]; at least 2 pixels a side.
        second: the images that follow, likewise.
        start: flow (N, 2, H, W) from which the step sets out; None: no motion.
        radius: r of the window of (2r + 1) x (2r + 1) pixels.
        regulariser: added to the diagonal of the equations, in squared grey levels per pixel. The
            default, 1e-4, is a gradient of 0.01 a pixel: 2.5 of 255 levels, about the noise of a
            camera. Windows with weaker gradients are not believed.

    Returns:
        Flow (N, 2, H, W) in pixels: x to the right, then y downwards.
    """
    start = first.new_zeros(len(first), 2, *first.shape[1:]) if start is None else start
    moved = warp(second, start)
    dy, dx = torch.gradient((first + moved) / 2, dim=(1, 2))
    gradient = torch.stack([dx, dy], 1) * _inside(start)  # (N, 2, H, W)
    change = moved - first - (gradient * start).sum(1)
    dx, dy = gradient.unbind(1)
    xx, xy, yy = _window_mean(torch.stack([dx * dx, dx * dy, dy * dy], 1), radius).unbind(1)
    sides = regulariser * start - _window_mean(gradient * change[:, None], radius)
    xx, yy = xx + regulariser, yy + regulariser
    x, y = sides.unbind(1)
    return torch.stack([yy * x - xy * y, xx * y - xy * x], 1) / (xx * yy - xy * xy)[:, None]


def pyramid(
    first: Tensor, second: Tensor, *, levels: int | None = None, steps: int = 3, radius: int = 3
) -> Tensor:
    """Lucas-Kanade from coarse to fine (Bouguet 2001), for motions of many pixels.

    In an image of a quarter the width, 8 pixels are 2. What is found there is where the next finer
    level sets out; at each level the second image is warped back by the flow so far, and the
    step is repeated on what is left.

    Args:
        first: grey images, floating point (N, H, W) in [0, 1].
        second: the images that follow, likewise.
        levels: images of the pyramid, each half as wide as the one below; 1 for the full size
            alone; None: as many as leave 16 pixels or more a side.
        steps: of Lucas-Kanade at each level.
        radius: of the window, at every level.

    Returns:
        Flow (N, 2, H, W) in pixels: x to the right, then y downwards.
    """
    flow = first.new_zeros(len(first), 2, 1, 1)
    for level in reversed(range(levels or _levels(first))):
        size = [max(2, side >> level) for side in first.shape[1:]]
        pair = [_resized(images, size) for images in (first, second)]
        flow = _enlarged(flow, size)
        for _ in range(steps):
            flow = lucas_kanade(*pair, start=flow, radius=radius)
    return flow


def warp(images: Tensor, flow: Tensor) -> Tensor:
    """What the images show at p + flow(p), for each p: the second image brought back to the first.

    Values between pixels are bilinear; beyond the edge the nearest pixel counts.

    Args:
        images: floating point (N, H, W).
        flow: (N, 2, H, W) in pixels.

    Returns:
        Images (N, H, W).
    """
    grid = _targets(flow).permute(0, 2, 3, 1)  # (N, H, W, 2)
    return F.grid_sample(images[:, None], grid, padding_mode="border", align_corners=True)[:, 0]


def _targets(flow: Tensor) -> Tensor:
    """Where the flow leads from each pixel, -1 at the first row or column and 1 at the last."""
    H, W = flow.shape[2:]
    y, x = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    ends = flow.new_tensor([W - 1, H - 1]).view(2, 1, 1)
    return 2 * (torch.stack([x, y]).to(flow) + flow) / ends - 1


def _inside(flow: Tensor) -> Tensor:
    """Whether the flow leads to a place in the image, (N, 1, H, W): what left it tells nothing."""
    return (_targets(flow).abs() <= 1).all(1, keepdim=True)


def _window_mean(values: Tensor, radius: int) -> Tensor:
    """The mean in a window around each pixel; at the edge, of the pixels that there are."""
    return F.avg_pool2d(values, 2 * radius + 1, 1, radius, count_include_pad=False)


def _levels(images: Tensor) -> int:
    return max(1, (min(images.shape[1:]) // _SHORTEST_SIDE).bit_length())


def _resized(images: Tensor, size: list[int]) -> Tensor:
    return F.interpolate(images[:, None], size=size, mode="bilinear", antialias=True)[:, 0]


def _enlarged(flow: Tensor, size: list[int]) -> Tensor:
    """Flow on a finer grid, on which every motion is as many times as many pixels."""
    (H, W), (h, w) = size, flow.shape[2:]
    factors = flow.new_tensor([W / w, H / h]).view(2, 1, 1)
    return factors * F.interpolate(flow, size=size, mode="bilinear")
