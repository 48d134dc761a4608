"""A wheel in front of a wall: the class is which way it turns, and how the wall is striped.

The two halves of the class ask for two kinds of seeing. Which way a wheel turns is in the frames
that follow each other quickly: where it turns by one spoke from one frame looked at to the next, it
stands still (the wagon-wheel effect). The stripes are in any single frame.
"""

from __future__ import annotations

import numpy as np
import torch

from .tensor_set import TensorSet

SPOKES = 6
TURNS = ("clockwise", "anticlockwise")


def wheels(
    num_objects: int,
    *,
    num_textures: int = 8,
    speed: float = 0.25,
    period: float = 3.0,
    num_frames: int = 16,
    size: int = 32,
    seed: int = 0,
) -> TensorSet:
    """Every object in front of every wall, turning either way; nothing else differs.

    Classes ``2 k`` and ``2 k + 1`` are the wall k with a wheel that turns clockwise and
    anticlockwise, so that `experiments.directions.direction_hits` is about the wheel.

    Args:
        num_objects: how many groups: where the wheel begins, where the stripes lie, and the noise.
        num_textures: walls, whose stripes go in as many directions.
        speed: spokes that pass in a frame, exactly a multiple of 1 / 64. Of every fourth frame of
            speed 1 / 4 nothing is left to see.
        period: width of a dark and a bright stripe, in pixels.
        num_frames: T.
        size: side S of the frames in pixels.
        seed: of everything.

    Returns:
        uint8 tensors (N, T, 3, S, S) of ``N = num_objects * num_textures * 2`` clips.

    Raises:
        ValueError: if there are no objects or fewer than two walls, or the speed is no such number.
    """
    if num_objects < 1 or num_textures < 2:
        raise ValueError(
            f"num_objects ({num_objects}) must be at least 1, num_textures ({num_textures}) at "
            "least 2"
        )
    if speed * 64 % 1:
        raise ValueError(f"speed ({speed}) must be a multiple of 1 / 64, to be exact; round it")
    pixels, names = [], []
    for number in range(num_objects):
        for wall in range(num_textures):
            draw = np.random.default_rng([seed, number, wall])
            ground = _striped(size, np.pi * wall / num_textures, period, draw)
            start = draw.integers(64) / 64
            for turn, sign in zip(TURNS, (1, -1), strict=True):
                phases = (start + sign * speed * np.arange(num_frames)) % 1
                pixels.append(np.stack([_with_wheel(ground, phase) for phase in phases]))
                names.append((number, wall, turn))
    labels = [2 * wall + TURNS.index(turn) for _, wall, turn in names]
    return TensorSet(
        tensors=torch.from_numpy(np.stack(pixels))[:, :, None].expand(-1, -1, 3, -1, -1),
        labels=torch.tensor(labels),
        groups=tuple(f"object {number:04d}" for number, _, _ in names),
        clip_ids=tuple(f"{number:04d}-{wall}-{turn}" for number, wall, turn in names),
        classes=tuple(f"wall {wall}, {turn}" for wall in range(num_textures) for turn in TURNS),
    )


def _striped(size: int, angle: float, period: float, draw: np.random.Generator) -> np.ndarray:
    """A wall (S, S) in [0, 1]: waves across `angle`, and noise."""
    rows, columns = np.mgrid[:size, :size]
    along = columns * np.cos(angle) + rows * np.sin(angle)
    waves = np.sin(2 * np.pi * (along / period + draw.uniform()))
    return np.clip(0.4 + 0.15 * waves + draw.normal(0, 0.05, (size, size)), 0, 1)


def _with_wheel(ground: np.ndarray, phase: float) -> np.ndarray:
    """A wheel in front of the middle of a wall, turned by a share of a spoke: uint8 (S, S)."""
    size = len(ground)
    rows, columns = (np.mgrid[:size, :size] - (size - 1) / 2) / size
    radius, angle = np.hypot(rows, columns), np.arctan2(rows, columns)
    bright = 0.5 + 0.45 * np.cos(SPOKES * angle - 2 * np.pi * phase)
    shown = np.where((radius > 0.1) & (radius < 0.33), bright, ground)
    return (255 * shown).round().astype(np.uint8)
