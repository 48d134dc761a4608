"""Two blobs in two frames of one clip: are they of one colour?

A question about a pair. Neither blob answers it, nor do both by themselves, added up: red and red,
green and green must be told from red and green, which is just half of the sum of the other two.
"""

from __future__ import annotations

import numpy as np
import torch

from .tensor_set import TensorSet

CLASSES = ("same", "different")
_COLOURS = np.array([[0.9, 0.3, 0.3], [0.3, 0.9, 0.3]])
_PAIRS = ((0, 0), (0, 1), (1, 1), (1, 0))


def twins(
    num_clips: int, *, num_frames: int = 8, size: int = 16, still: bool = False, seed: int = 0
) -> TensorSet:
    """Clips in which a blob shows up in one frame, and another in another frame.

    A quarter of the clips has two red blobs, a quarter two green ones, half of them one of each.

    Args:
        num_clips: N, each of which is a group.
        num_frames: T, at least 2.
        size: side S of the frames in pixels, at least 8.
        still: let both blobs stay in all frames.
        seed: of everything.

    Returns:
        uint8 tensors (N, T, 3, S, S).

    Raises:
        ValueError: if there are too few frames or pixels.
    """
    if num_frames < 2 or size < 8:
        raise ValueError(
            f"num_frames ({num_frames}) must be at least 2, size ({size}) at least 8: two blobs "
            "need two frames and a place each"
        )
    draw = np.random.default_rng(seed)
    shown = [_clip(_PAIRS[n % 4], num_frames, size, still, draw) for n in range(num_clips)]
    names = tuple(f"clip {n:05d}" for n in range(num_clips))
    return TensorSet(
        tensors=torch.from_numpy(np.stack(shown)),
        labels=torch.tensor([_PAIRS[n % 4][0] ^ _PAIRS[n % 4][1] for n in range(num_clips)]),
        groups=names,
        clip_ids=names,
        classes=CLASSES,
    )


def _clip(
    pair: tuple[int, int], num_frames: int, size: int, still: bool, draw: np.random.Generator
) -> np.ndarray:
    """One clip, uint8 (T, 3, S, S): blobs of 4 x 4 pixels in the left and the right half."""
    frames = 0.2 + draw.normal(0, 0.03, (num_frames, 3, size, size))
    when = draw.choice(num_frames, 2, replace=False)
    halves = draw.permutation(2)
    for colour, t, half in zip(pair, when, halves, strict=True):
        row = draw.integers(size - 3)
        column = half * (size // 2) + draw.integers(size // 2 - 3)
        at = slice(None) if still else slice(t, t + 1)
        frames[at, :, row : row + 4, column : column + 4] = _COLOURS[colour][:, None, None]
    return (255 * frames.clip(0, 1)).round().astype(np.uint8)
