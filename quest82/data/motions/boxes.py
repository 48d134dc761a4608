"""Where the shape of a scene is: exact boxes, and scenes that keep it within the frame."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..box_set import BoxSet
from .drawn import scenes
from .kinds import KINDS, Path
from .render import render
from .scene import Scene

# Kinds in which one shape is visible from beginning to end.
SEEN_THROUGHOUT = tuple(kind for kind in KINDS if kind != "visit")


def boxes_of(scene: Scene, size: int = 32) -> np.ndarray:
    """The smallest box around the shape in each frame, known from its formula.

    Where a shape comes in on one side while it leaves on the other, it is the box of the part that
    holds the centre, cut off at the edge of the frame.

    Args:
        scene: as for `render`.
        size: side S of the frames in pixels.

    Returns:
        float32 (T, 4): left, top, right and bottom, in pixels from the frame's upper left corner;
        NaN in a frame without a shape.
    """
    path = scene.path
    found = [_box(path, t) for t in range(scene.num_frames)]
    return (size * np.stack(found).clip(0, 1)).astype(np.float32)


def in_view(scene: Scene, *, scale: float = 0.5) -> Scene:
    """The same motion made smaller, so that the shape is never wound round an edge.

    Where it begins is drawn anew, evenly among the places from which it stays within the frame,
    by the same random numbers. In its first frame it is therefore a little more often on the side
    from which it leaves: one frame alone may say something of the direction, a set of frames
    nothing.

    Args:
        scene: any but of the kind "visit", whose shapes are anywhere.
        scale: of all lengths.

    Raises:
        ValueError: if it does not fit in.
    """
    path = scene.path
    steps = scale * _wound(np.diff(path.centre, axis=0))
    way = np.concatenate([np.zeros((1, 2)), steps.cumsum(axis=0)])  # (T, 2)
    reach = scale * _FARTHEST * path.size[:, None]
    low, high = (reach - way).max(axis=0), (1 - reach - way).min(axis=0)
    if (low > high).any():
        raise ValueError(
            f"scale ({scale}) must let {scene.clip_id} fit into the frame: take a smaller one, or "
            f"one of the kinds {', '.join(SEEN_THROUGHOUT)}"
        )
    centre = low + path.centre[0] * (high - low) + way
    return replace(scene, path=replace(path, centre=centre, size=scale * path.size))


def held(scene: Scene, frame: int) -> Scene:
    """The scene at rest, as it is in one of its frames."""
    path, T = scene.path, scene.num_frames
    rows = np.full(T, frame)
    still = {name: getattr(path, name)[rows] for name in ("centre", "size", "angle", "shape")}
    return replace(scene, path=Path(**still, jumps=np.zeros(T - 1, dtype=bool)))


def located(
    num_objects: int = 40,
    *,
    kinds: Sequence[str] = SEEN_THROUGHOUT,
    num_frames: int = 8,
    size: int = 48,
    still_clips: bool = False,
    seed: int = 0,
) -> BoxSet:
    """Clips of a shape that moves and another one at rest, with the boxes of the first.

    The one at rest is drawn in the same way, and held in one of its frames; which of the two is in
    front is drawn, too. So a single frame hardly says which of them is meant.

    Args:
        num_objects: how many groups.
        kinds: names in `SEEN_THROUGHOUT`.
        num_frames: T, at least 3.
        size: side S of the frames in pixels, at least 8.
        still_clips: hold both: then nothing says which one is meant.
        seed: of everything.

    Returns:
        uint8 frames (N, T, 3, S, S) with boxes (N, T, 4), played forwards, grouped by object. Both
        directions: `.reversed_pairs(REVERSED)`.

    Raises:
        ValueError: as `scenes`, `render` and `in_view` do.
    """
    drawn = _pairs(num_objects, kinds, num_frames, still_clips, seed)
    moving = [one for one, _, _ in drawn]
    pixels = np.stack([render(one, size, **{way: [two]}) for one, two, way in drawn])
    return BoxSet(
        tensors=torch.from_numpy(pixels),
        boxes=torch.from_numpy(np.stack([boxes_of(one, size) for one in moving])),
        labels=torch.tensor([list(kinds).index(scene.kind) for scene in moving]),
        groups=tuple(scene.group for scene in moving),
        clip_ids=tuple(scene.clip_id for scene in moving),
        classes=tuple(KINDS[kind].forward for kind in kinds),
    )


def resting_boxes(
    num_objects: int = 40,
    *,
    kinds: Sequence[str] = SEEN_THROUGHOUT,
    num_frames: int = 8,
    size: int = 48,
    seed: int = 0,
) -> Tensor:
    """The boxes of the shapes at rest in the clips of `located`, by the same arguments.

    Returns:
        float32 (N, T, 4), the same box in all frames of a clip.
    """
    drawn = _pairs(num_objects, kinds, num_frames, False, seed)
    return torch.from_numpy(np.stack([boxes_of(two, size) for _, two, _ in drawn]))


def _pairs(
    num_objects: int, kinds: Sequence[str], num_frames: int, still: bool, seed: int
) -> list[tuple[Scene, Scene, str]]:
    """For each clip: what moves, what rests, and which of the two is in front."""
    # Others by their seed: no look of a training object is at rest in a test clip.
    moving, resting = (
        scenes(num_objects, kinds=kinds, num_frames=num_frames, seed=number)
        for number in (seed, seed + 1_000_003)
    )
    return [_pair(*both, still) for both in zip(moving, resting, strict=True)]


def _pair(moving: Scene, resting: Scene, still: bool) -> tuple[Scene, Scene, str]:
    """Both in view, and whether the second is "below" or "above" the first."""
    draw = np.random.default_rng(moving.noise_seed)
    frames = draw.integers(moving.num_frames, size=2)
    way = ("below", "above")[draw.integers(2)]
    one, two = in_view(moving), held(in_view(resting), frames[1])
    return (held(one, frames[0]) if still else one), two, way


def _box(path: Path, t: int) -> np.ndarray:
    """Left, top, right and bottom in one frame, as shares of the side."""
    if path.shape[t] < 0:
        return np.full(4, np.nan)
    cos, sin = np.cos(path.angle[t]), np.sin(path.angle[t])
    turn = np.array([[cos, -sin], [sin, cos]])  # clockwise, as down is positive
    corners = _CORNERS[path.shape[t]]
    half = np.ones((2, 2)) * [[-1], [1]]  # of a disc, however it is turned
    if corners is not None:
        turned = np.array(corners) @ turn.T
        half = np.stack([turned.min(axis=0), turned.max(axis=0)])
    return (path.centre[t] + path.size[t] * half).ravel()


def _wound(away: np.ndarray) -> np.ndarray:
    """The shortest way on a circle of length 1, from -0.5 to 0.5."""
    return (away + 0.5) % 1 - 0.5


def _rectangle(x: float, y: float) -> Iterator[tuple[float, float]]:
    return itertools.product((-x, x), (-y, y))


# Outermost corners of a shape of radius about 1, in the order of `SHAPES`; a disc has none.
_CORNERS: tuple[list[tuple[float, float]] | None, ...] = (
    None,
    list(_rectangle(0.85, 0.85)),
    [(0, -1.2), (0.9 / 0.866, 0.6), (-0.9 / 0.866, 0.6)],
    list(_rectangle(1, 0.45)),
    [*_rectangle(1, 0.35), *_rectangle(0.35, 1)],
)
_FARTHEST = 1.21  # how far a corner is from the centre at most: the square's 1.202
