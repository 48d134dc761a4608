"""Dense trajectories: points on a grid, followed by the flow (Wang et al. 2013), in small.

The paper tracks in eight scales and for 15 frames, in patches of 32 pixels, on frames of 240
pixels. Here it is one scale, and lengths are for the small clips of `data.motions`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..flow import grey
from .histograms import gradients, votes

_STILL_BELOW = 0.4  # pixels a frame, as in `histograms.hof`


@dataclass(frozen=True)
class Tracking:
    """How points are chosen, followed and described.

    Attributes:
        step: pixels from one point of the grid to the next. The paper's 5 is for larger frames.
        steps: L, for how many frames a point is followed; a clip of 8 frames has 7 steps.
        quality: the least texture of a point, as a share of the best of its frame (the smaller
            eigenvalue of the gradients' products; 0.001 in the paper).
        least_way: pixels that a point must go in all: what rests says nothing.
        patch: side of the patch around a point that is described, in pixels.
        cells: cells of a patch in time, down and to the right.
    """

    step: int = 3
    steps: int = 4
    quality: float = 0.001
    least_way: float = 1.5
    patch: int = 8
    cells: tuple[int, int, int] = (2, 2, 2)


def dense_points(image: Tensor, *, step: int, quality: float) -> Tensor:
    """Points on a grid where a frame has texture, as corners have it (Shi & Tomasi 1994).

    Args:
        image: floating point (H, W), grey.
        step: pixels from one point to the next.
        quality: as in `Tracking`.

    Returns:
        float32 (P, 2), right and down, in pixels from the middle of the first one.
    """
    right, down = gradients(image)
    products = torch.stack([right * right, right * down, down * down])
    xx, xy, yy = F.avg_pool2d(products, 3, 1, 1)  # over a window of 3 x 3
    smaller = (xx + yy) / 2 - torch.hypot((xx - yy) / 2, xy)
    H, W = image.shape
    y, x = torch.meshgrid(
        torch.arange(step // 2, H, step), torch.arange(step // 2, W, step), indexing="ij"
    )
    good = smaller[y, x] > quality * smaller.max()
    return torch.stack([x[good], y[good]], dim=1).float()


def track(flow: Tensor, points: Tensor) -> Tensor:
    """Follow points by the median flow around them.

    Args:
        flow: float32 (L, 2, H, W) in pixels.
        points: (P, 2), right and down.

    Returns:
        (P, L + 1, 2): where each point is in every frame; it may leave the frame.
    """
    ways, smooth = [points], _medians(flow)
    for field in smooth:
        ways.append(ways[-1] + sample(field, ways[-1]))
    return torch.stack(ways, dim=1)


def sample(maps: Tensor, points: Tensor) -> Tensor:
    """Values between pixels (bilinear); outside, those of the border.

    Args:
        maps: (C, H, W).
        points: (P, 2), right and down.

    Returns:
        (P, C).
    """
    H, W = maps.shape[1:]
    scale = torch.tensor([max(W - 1, 1), max(H - 1, 1)], dtype=points.dtype)
    grid = (2 * points / scale - 1)[None, :, None]  # (1, P, 1, 2)
    found = F.grid_sample(
        maps[None].to(points.dtype), grid, align_corners=True, padding_mode="border"
    )
    return found[0, :, :, 0].T  # (1, C, P, 1) -> (P, C)


def shapes(tracks: Tensor) -> Tensor:
    """The shape of a way: its steps in units of its whole length.

    Args:
        tracks: (P, L + 1, 2).

    Returns:
        (P, 2 L); 0 for a point at rest.
    """
    steps = tracks.diff(dim=1)  # (P, L, 2)
    length = steps.norm(dim=2).sum(dim=1).clamp(min=1e-9)
    return steps.flatten(1) / length[:, None]


def dense_trajectories(
    frames: Tensor, flow: Tensor, tracking: Tracking | None = None
) -> dict[str, Tensor]:
    """What the points of a clip do, and what is around them on their way.

    Args:
        frames: uint8 (T, 3, H, W).
        flow: float32 (T - 1, 2, H, W), of these frames, in pixels.
        tracking: lengths; None: those for `data.motions`.

    Returns:
        "tracks" (P, L + 1, 2) in pixels, "starts" (P,), the first frame of each, and the four
        descriptors: "shape" (P, 2 L), "hog", "hof" and "mbh" (P, ...), each of length 1. New
        points are taken every L frames; P may be 0.

    Raises:
        ValueError: if the clip is shorter than a track.
    """
    spec = tracking or Tracking()
    if len(flow) < spec.steps:
        raise ValueError(
            f"flow ({len(flow)} steps) must be as long as a track ({spec.steps}): take more frames "
            "or fewer steps"
        )
    images, kept = grey(frames), []
    maps = _maps(images, flow)
    for start in range(0, len(flow) - spec.steps + 1, spec.steps):
        kept.append(_from(start, images, flow, maps, spec))
    return {name: torch.cat([part[name] for part in kept]) for name in kept[0]}


def _from(
    start: int, images: Tensor, flow: Tensor, maps: dict[str, Tensor], spec: Tracking
) -> dict[str, Tensor]:
    """The trajectories that begin in one frame."""
    span = slice(start, start + spec.steps)
    points = dense_points(images[start], step=spec.step, quality=spec.quality)
    tracks = track(flow[span], points)
    tracks = tracks[tracks.diff(dim=1).norm(dim=2).sum(dim=1) >= spec.least_way]
    found = {"tracks": tracks, "starts": torch.full((len(tracks),), start), "shape": shapes(tracks)}
    votes_along = _along(torch.cat([own[span] for own in maps.values()], dim=1), tracks, spec)
    widths = [own.shape[1] for own in maps.values()]
    for name, part in zip(maps, votes_along.split(widths, dim=1), strict=True):
        found[name] = F.normalize(part.flatten(1), dim=1)
    return found


def _maps(images: Tensor, flow: Tensor) -> dict[str, Tensor]:
    """Votes (T - 1, bins, H, W) of each pixel, for each kind of histogram."""
    edges = [votes(gradients(part), 8) for part in flow.unbind(dim=1)]
    return {
        "hog": votes(gradients(images[:-1]), 8, signed=False),
        "hof": votes(flow, 8, still_below=_STILL_BELOW),
        "mbh": torch.cat(edges, dim=1),
    }


def _along(maps: Tensor, tracks: Tensor, spec: Tracking) -> Tensor:
    """Votes in the cells of a patch that goes with each point: (L, C, H, W) -> (P, C, *cells)."""
    P, C = len(tracks), maps.shape[1]
    around = torch.arange(spec.patch) - (spec.patch - 1) / 2
    y, x = torch.meshgrid(around, around, indexing="ij")
    offsets = torch.stack([x, y], dim=-1)  # (patch, patch, 2)
    values = []
    for field, places in zip(maps, tracks.unbind(dim=1), strict=False):
        found = sample(field, (places[:, None, None] + offsets).flatten(0, 2))
        values.append(found.view(P, spec.patch, spec.patch, C))
    stacked = torch.stack(values, dim=1).permute(0, 4, 1, 2, 3)  # (P, C, L, patch, patch)
    return F.adaptive_avg_pool3d(stacked, spec.cells)


def _medians(flow: Tensor) -> Tensor:
    """The median of 3 x 3 pixels around each one: an edge of the flow stays sharp."""
    N, _, H, W = flow.shape
    windows = F.unfold(F.pad(flow, (1, 1, 1, 1), mode="replicate"), 3)  # (N, 2 * 9, H W)
    return windows.view(N, 2, 9, H, W).median(dim=2).values
