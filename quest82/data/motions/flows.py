"""Sets of clips as a motion stream reads them: their exact flow, alone or beside the frames."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ..tensor_set import TensorSet
from ..two_way_set import TwoWaySet
from .drawn import clips, scenes
from .render import flow_of
from .scene import Scene


def flows(num_objects: int = 80, *, size: int = 32, **options) -> TwoWaySet:
    """The exact flow of the clips that `clips` draws with the same arguments.

    Both directions: ``flows(80).reversed_pairs(REVERSED)`` has the clips, in the order, of
    ``clips(80).reversed_pairs(REVERSED)``, and the flow of a reversed clip is its own.

    Args:
        num_objects: how many groups.
        size: side S of the frames in pixels, at least 8.
        options: as for `clips`.

    Returns:
        float32 tensors (N, T - 1, 2, S, S) in pixels, right and down; 0 where the shape has begun
        anew elsewhere, since no pixel goes there.

    Raises:
        ValueError: as `clips` does.
    """
    return _two_way(
        clips(num_objects, size=size, **options), *_both_flows(num_objects, size, options)
    )


def with_flow(num_objects: int = 80, *, size: int = 32, **options) -> TwoWaySet:
    """Frames and exact flow in one tensor, for systems that read both.

    Args:
        num_objects: how many groups.
        size: side S of the frames in pixels, at least 8.
        options: as for `clips`.

    Returns:
        float32 tensors (N, T, 5, S, S): red, green and blue in [0, 1], then the flow from this
        frame to the next, right and down in pixels; the last frame has no next one, and 0 there.

    Raises:
        ValueError: as `clips` does.
    """
    pixels = clips(num_objects, size=size, **options)
    there, back = _both_flows(num_objects, size, options)
    frames = pixels.tensors.float() / 255
    return _two_way(pixels, _beside(frames, there), _beside(frames.flip(1), back))


def _both_flows(num_objects: int, size: int, options: dict) -> tuple[Tensor, Tensor]:
    drawn = list(scenes(num_objects, **options))
    return _stacked(drawn, size), _stacked((scene.backwards for scene in drawn), size)


def _stacked(drawn: Iterable[Scene], size: int) -> Tensor:
    return torch.from_numpy(np.stack([flow_of(scene, size).flow for scene in drawn]))


def _beside(frames: Tensor, flow: Tensor) -> Tensor:
    """Frames (N, T, 3, S, S) and flow (N, T - 1, 2, S, S) -> (N, T, 5, S, S)."""
    last = torch.zeros_like(flow[:, :1])
    return torch.cat([frames, torch.cat([flow, last], dim=1)], dim=2)


def _two_way(pixels: TensorSet, tensors: Tensor, reverses: Tensor) -> TwoWaySet:
    return TwoWaySet(tensors=tensors, reverses=reverses, **pixels.names)
