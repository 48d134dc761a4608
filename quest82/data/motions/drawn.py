"""What is drawn at random: objects, where they begin, how fast they are; and sets of clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.random import Generator

from ..tensor_set import TensorSet
from .kinds import KINDS, still
from .render import render
from .scene import Scene, Texture


def scenes(
    num_objects: int,
    *,
    kinds: Sequence[str] = tuple(KINDS),
    num_frames: int = 8,
    still_clips: bool = False,
    seed: int = 0,
) -> Iterator[Scene]:
    """Every object in every kind of motion, drawn one after the other.

    An object keeps its textures; where it is, how large, how turned and how fast is drawn anew for
    each kind. A scene depends on the seed, its kind and its object alone.

    Args:
        num_objects: how many.
        kinds: names in `KINDS`.
        num_frames: T, at least 3.
        still_clips: let nothing move: what then tells directions apart is a leak.
        seed: of everything.

    Raises:
        ValueError: if a kind is unknown, or there are too few objects or frames.
    """
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise ValueError(f"kinds ({unknown[0]!r}) must be among {', '.join(KINDS)}")
    if num_objects < 1 or num_frames < 3:
        raise ValueError(
            f"num_objects ({num_objects}) must be at least 1, num_frames ({num_frames}) at least 3"
        )
    for number in range(num_objects):
        look = np.random.default_rng([seed, number])
        inside, ground = _textures(look)
        for kind in kinds:
            draw = np.random.default_rng([seed, number, list(KINDS).index(kind)])
            path = still if still_clips else KINDS[kind].path
            yield Scene(
                kind,
                number,
                path(num_frames, draw),
                inside,
                ground,
                noise=draw.uniform(0.01, 0.04),
                noise_seed=int(draw.integers(2**31)),
            )


def clips(
    num_objects: int = 80,
    *,
    kinds: Sequence[str] = tuple(KINDS),
    num_frames: int = 8,
    size: int = 32,
    still_clips: bool = False,
    seed: int = 0,
) -> TensorSet:
    """Clips of every object in every kind of motion, played forwards, grouped by object.

    With their reverses: ``clips(80).reversed_pairs(REVERSED)``. Then each direction is a class.

    Args:
        num_objects: how many groups.
        kinds: names in `KINDS`.
        num_frames: T, at least 3.
        size: side S of the frames in pixels, at least 8.
        still_clips: let nothing move (see `scenes`).
        seed: of everything.

    Returns:
        uint8 tensors (N, T, 3, S, S) of ``N = num_objects * len(kinds)`` clips. The class of a clip
        is its kind's forward class; ids are those of the scenes.

    Raises:
        ValueError: as `scenes` and `render` do.
    """
    drawn = list(
        scenes(num_objects, kinds=kinds, num_frames=num_frames, still_clips=still_clips, seed=seed)
    )
    pixels = np.stack([render(scene, size) for scene in drawn])  # (N, T, 3, S, S)
    return TensorSet(
        tensors=torch.from_numpy(pixels),
        labels=torch.tensor([list(kinds).index(scene.kind) for scene in drawn]),
        groups=tuple(scene.group for scene in drawn),
        clip_ids=tuple(scene.clip_id for scene in drawn),
        classes=tuple(KINDS[kind].forward for kind in kinds),
    )


def _textures(look: Generator) -> tuple[Texture, Texture]:
    """Of a shape and the ground behind it: bright on dark, so that a thousand clips suffice.

    With either brighter than the other at random, small networks need many times as many.
    """
    inside, ground = look.uniform(0.6, 0.9, size=3), look.uniform(0.1, 0.4, size=3)
    return (
        Texture(inside, *_waves(look, 2, shortest=1.5, longest=4.0), depth=0.3),
        Texture(ground, *_waves(look, 3, shortest=0.2, longest=0.8), depth=0.1),
    )


def _waves(
    look: Generator, number: int, *, shortest: float, longest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Waves (3, W, 2) of random directions and lengths, and their phases (3, W)."""
    length = look.uniform(shortest, longest, size=(3, number))
    angle = look.uniform(0, 2 * np.pi, size=(3, number))
    waves = 2 * np.pi / length[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return waves, look.uniform(0, 2 * np.pi, size=(3, number))
