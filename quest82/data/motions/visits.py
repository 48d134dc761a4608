"""Clips of which nearly all is empty: a visitor comes once, stays for a few frames, and goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ..tensor_set import TensorSet
from .drawn import scenes
from .flows import PAINTS, in_paint, paint_of
from .render import render
from .scene import Scene


def one_visit(
    num_objects: int = 60, *, num_frames: int = 24, stay: int = 3, size: int = 16, seed: int = 0
) -> TensorSet:
    """Clips in which a red, green or blue shape is seen in one stretch of frames, and never else.

    Where the stretch begins is drawn evenly among the frames from which it fits into the clip.

    Args:
        num_objects: how many clips, each a group; red, green and blue by turns.
        num_frames: T, at least 3.
        stay: for how many frames the shape is there, from 1 to T.
        size: side S of the frames in pixels, at least 8.
        seed: of everything.

    Returns:
        uint8 tensors (N, T, 3, S, S) of three classes, the colours.

    Raises:
        ValueError: if stay is not from 1 to T, or as `scenes` and `render` do.
    """
    if not 1 <= stay <= num_frames:
        raise ValueError(f"stay ({stay}) must be from 1 to num_frames ({num_frames})")
    drawn = list(
        scenes(num_objects, kinds=["visit"], num_frames=num_frames, still_clips=True, seed=seed)
    )
    pixels = np.stack([render(_seen_once(in_paint(scene), stay), size) for scene in drawn])
    return TensorSet(
        tensors=torch.from_numpy(pixels),
        labels=torch.tensor([paint_of(scene) for scene in drawn]),
        groups=tuple(scene.group for scene in drawn),
        clip_ids=tuple(scene.clip_id for scene in drawn),
        classes=tuple(PAINTS),
    )


def _seen_once(scene: Scene, stay: int) -> Scene:
    """The scene with its shape in one stretch of frames only."""
    T = scene.num_frames
    begin = np.random.default_rng(scene.noise_seed).integers(T - stay + 1)
    times = np.arange(T)
    there = (times >= begin) & (times < begin + stay)
    shape = np.where(there, scene.path.shape, -1)
    return replace(scene, path=replace(scene.path, shape=shape, jumps=np.diff(shape) != 0))
