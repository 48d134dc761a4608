"""Sets of clips as two streams read them: their exact flow, alone or beside the frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..tensor_set import TensorSet
from ..two_way_set import TwoWaySet
from .drawn import clips, scenes
from .kinds import KINDS
from .render import flow_of, render
from .scene import Scene

# Red, green and blue ones, of one brightness.
PAINTS = {"red": (0.9, 0.6, 0.6), "green": (0.6, 0.9, 0.6), "blue": (0.6, 0.6, 0.9)}


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
    names = clips(num_objects, size=size, **options).names
    there, back = _both_flows(list(scenes(num_objects, **options)), size)
    return TwoWaySet(tensors=there, reverses=back, **names)


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
    drawn = list(scenes(num_objects, **options))
    return _with_flow(drawn, size, clips(num_objects, size=size, **options).names)


def painted(
    num_objects: int = 60,
    *,
    kinds: Sequence[str] = ("across", "upright"),
    size: int = 32,
    **options,
) -> TwoWaySet:
    """Objects in three colours, which go to all sides: neither a frame nor the flow says it all.

    A class is a colour and a kind of motion, played forwards; `paint_names` has the names of the
    reversed ones. A frame shows the colour and no direction, the flow a direction and no colour.

    Args:
        num_objects: how many groups; red, green and blue by turns.
        kinds: names in `KINDS`.
        size: side S of the frames in pixels, at least 8.
        options: num_frames and seed, as for `scenes`.

    Returns:
        Frames and flow as in `with_flow`.

    Raises:
        ValueError: as `scenes` and `render` do.
    """
    drawn = [in_paint(scene) for scene in scenes(num_objects, kinds=kinds, **options)]
    numbers = [paint_of(scene) * len(kinds) + list(kinds).index(scene.kind) for scene in drawn]
    names = {
        "labels": torch.tensor(numbers),
        "groups": tuple(scene.group for scene in drawn),
        "clip_ids": tuple(scene.clip_id for scene in drawn),
        "classes": tuple(f"{c} {KINDS[kind].forward}" for c in PAINTS for kind in kinds),
    }
    return _with_flow(drawn, size, names)


def paint_of(scene: Scene) -> int:
    """Which of `PAINTS` an object has: red, green and blue by turns."""
    return scene.number % len(PAINTS)


def in_paint(scene: Scene) -> Scene:
    """The scene with its shape in its paint."""
    colour = np.array(list(PAINTS.values())[paint_of(scene)])
    return replace(scene, inside=replace(scene.inside, colour=colour))


def paint_names() -> dict[str, str]:
    """Of each class of `painted`, the one whose clips are its clips played backwards."""
    return {f"{c} {k.forward}": f"{c} {k.reverse}" for c in PAINTS for k in KINDS.values()}


def apart(both: TwoWaySet) -> tuple[TensorSet, TwoWaySet]:
    """The frames alone, uint8 (N, T, 3, S, S), and the flow (N, T - 1, 2, S, S), of `with_flow`."""
    pixels = (255 * both.tensors[:, :, :3]).round().to(torch.uint8)
    tensors, reverses = both.tensors[:, :-1, 3:], both.reverses[:, :-1, 3:]
    flow = replace(both, tensors=tensors, reverses=reverses)
    return TensorSet(tensors=pixels, **both.names), flow


def _with_flow(drawn: Sequence[Scene], size: int, names: dict) -> TwoWaySet:
    frames = torch.from_numpy(np.stack([render(scene, size) for scene in drawn])).float() / 255
    there, back = _both_flows(drawn, size)
    tensors, reverses = _beside(frames, there), _beside(frames.flip(1), back)
    return TwoWaySet(tensors=tensors, reverses=reverses, **names)


def _both_flows(drawn: Sequence[Scene], size: int) -> tuple[Tensor, Tensor]:
    return _stacked(drawn, size), _stacked((scene.backwards for scene in drawn), size)


def _stacked(drawn: Iterable[Scene], size: int) -> Tensor:
    return torch.from_numpy(np.stack([flow_of(scene, size).flow for scene in drawn]))


def _beside(frames: Tensor, flow: Tensor) -> Tensor:
    """Frames (N, T, 3, S, S) and flow (N, T - 1, 2, S, S) -> (N, T, 5, S, S)."""
    last = torch.zeros_like(flow[:, :1])
    return torch.cat([frames, torch.cat([flow, last], dim=1)], dim=2)
