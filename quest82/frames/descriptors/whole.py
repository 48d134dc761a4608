"""One vector for a whole clip, by each of the hand-made ways: what a linear machine is given."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from .histograms import gradients, hof, hog, in_cells, mbh, votes
from .motion_history import motion_energy, motion_history

Describe = Callable[[Tensor, Tensor], Tensor]


def history_gradients(frames: Tensor, *, bins: int = 16) -> Tensor:
    """Directions of the slope of the motion history image, over the whole image.

    What moves leaves a trail that is the older, the farther away: the slope points where the
    motion goes (Bradski & Davis 2002). The edge of the trail is left out: there the slope leads to
    where nothing ever moved.

    Args:
        frames: uint8 (T, 3, H, W).
        bins: directions on a circle.

    Returns:
        float32 (bins,) of length 1; 0 where nothing moved.
    """
    history = motion_history(frames)[None]  # (1, H, W)
    within = -F.max_pool2d(-history, 3, 1, 1) > 0  # all neighbours have moved, too
    slope = gradients(history) * within[:, None]
    return in_cells(votes(slope, bins), (1, 1, 1))


def _every_second(image: Tensor) -> Tensor:
    return F.avg_pool2d(image[None], 2).flatten()  # (H, W) -> (H W / 4,)


def _middle(frames: Tensor) -> Tensor:
    return frames[len(frames) // 2 :][:1]


# Name -> what it makes of frames (T, 3, H, W) and their flow (T - 1, 2, H, W): a vector.
WHOLE: dict[str, Describe] = {
    "HOG, middle frame": lambda frames, flow: hog(_middle(frames)),
    "HOG, all frames": lambda frames, flow: hog(frames),
    "motion energy": lambda frames, flow: _every_second(motion_energy(frames)),
    "motion history": lambda frames, flow: _every_second(motion_history(frames)),
    "slope of the history": lambda frames, flow: history_gradients(frames),
    "HOF": lambda frames, flow: hof(flow, grid=(3, 4, 4)),
    "MBH": lambda frames, flow: mbh(flow, grid=(3, 4, 4)),
}


def describe(clips: Tensor, flows: Tensor, name: str) -> Tensor:
    """What a descriptor says of each clip.

    Args:
        clips: uint8 (N, T, 3, H, W).
        flows: float32 (N, T - 1, 2, H, W) in pixels, of these clips.
        name: in `WHOLE`.

    Returns:
        float64 (N, F).

    Raises:
        ValueError: if there is no such descriptor, or not as many flows as clips.
    """
    if name not in WHOLE:
        raise ValueError(f"name ({name!r}) must be one of {', '.join(WHOLE)}")
    if len(clips) != len(flows):
        raise ValueError(f"flows ({len(flows)}) must be as many as the clips ({len(clips)})")
    return torch.stack([WHOLE[name](*own) for own in zip(clips, flows, strict=True)]).double()
