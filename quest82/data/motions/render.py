"""From what a scene says of its shape to pixels, and to where each pixel goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .scene import Scene, Texture

_EDGE = 0.75  # half the width in pixels over which the shape's edge is smoothed


class Flow(NamedTuple):
    """Where the pixels of a clip go.

    Attributes:
        flow: float32 (T - 1, 2, S, S), right and down, in pixels: what is at p in frame t is at
            p + flow[t, :, p] in frame t + 1.
        known: boolean (T - 1, S, S), False where it is not visible in frame t + 1: it has left
            the frame, is covered, or has begun anew elsewhere.
    """

    flow: np.ndarray
    known: np.ndarray


def render(
    scene: Scene, size: int = 32, *, below: Sequence[Scene] = (), above: Sequence[Scene] = ()
) -> np.ndarray:
    """The frames of a scene.

    Args:
        scene: what is visible.
        size: side S of the frames in pixels, at least 8.
        below: scenes of as many frames, whose shapes lie between this one and its ground.
        above: scenes of as many frames, whose shapes cover this one.

    Returns:
        uint8 (T, 3, S, S).

    Raises:
        ValueError: if size is below 8.
    """
    if size < 8:
        raise ValueError(f"size ({size}) must be at least 8 pixels: a shape is an eighth of it")
    ground = _texture(scene.ground, _grid(size) / size)  # (3, S, S)
    noise = np.random.default_rng(scene.noise_seed)
    frames = []
    for t in range(scene.num_frames):
        frame = ground
        for shown in (*below, scene, *above):
            inner = _inner(shown, t, size)
            inside = _inside(shown, t, inner, size)
            frame = inside * _texture(shown.inside, inner) + (1 - inside) * frame
        frame = frame + scene.noise * noise.standard_normal(frame.shape)
        frames.append(np.rint(255 * frame.clip(0, 1)))
    return np.stack(frames).astype(np.uint8)


def flow_of(scene: Scene, size: int = 32) -> Flow:
    """The exact optical flow of a scene, known from its formula; the ground is at rest.

    Args:
        scene: as for `render`.
        size: side S of the frames in pixels.
    """
    steps = [_step(scene, t, size) for t in range(scene.num_frames - 1)]
    flow, known = zip(*steps, strict=True)
    return Flow(np.stack(flow).astype(np.float32), np.stack(known))


def _step(scene: Scene, t: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Flow (2, S, S) from frame t to the next, and where it is known (S, S)."""
    here, path = _inner(scene, t, size), scene.path
    inside = _inside(scene, t, here, size) > 0.5
    covered = _inside(scene, t + 1, _inner(scene, t + 1, size), size) > 0.5
    there = _turned(here, path.angle[t + 1]) * path.size[t + 1]
    before = _turned(here, path.angle[t]) * path.size[t]
    moved = _wound(path.centre[t + 1] - path.centre[t])[:, None, None] + there - before
    flow = np.where(inside & ~path.jumps[t], size * moved, 0)
    lands = _grid(size) + flow
    stays = ((lands >= 0) & (lands <= size)).all(axis=0)
    return flow, stays & np.where(inside, ~path.jumps[t], ~covered)


def _grid(size: int) -> np.ndarray:
    """Middles of the pixels (2, S, S), right and down, in pixels."""
    down, right = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5, indexing="ij")
    return np.stack([right, down])


def _inner(scene: Scene, t: int, size: int) -> np.ndarray:
    """The pixels (2, S, S) as the shape sees them: from its centre, turned back, radius 1."""
    path = scene.path
    away = _wound(_grid(size) / size - path.centre[t][:, None, None])
    return _turned(away, -path.angle[t]) / path.size[t]


def _inside(scene: Scene, t: int, inner: np.ndarray, size: int) -> np.ndarray:
    """How much of each pixel (S, S) the shape covers, 0 to 1."""
    if scene.path.shape[t] < 0:
        return np.zeros(inner.shape[1:])
    distance = _DISTANCES[scene.path.shape[t]](*inner) * scene.path.size[t] * size  # in pixels
    return (0.5 - distance / (2 * _EDGE)).clip(0, 1)


def _texture(texture: Texture, place: np.ndarray) -> np.ndarray:
    """Colours (3, S, S) in about [0, 1]: waves of each colour about its mean."""
    waves = np.einsum("cwd,dxy->cwxy", texture.waves, place) + texture.phases[..., None, None]
    depth = texture.depth * np.sin(waves).mean(axis=1)  # (3, waves, S, S) -> (3, S, S)
    return texture.colour[:, None, None] + depth


def _wound(away: np.ndarray) -> np.ndarray:
    """The shortest way on a circle of length 1, from -0.5 to 0.5."""
    return (away + 0.5) % 1 - 0.5


def _turned(place: np.ndarray, angle: float) -> np.ndarray:
    """Places (2, S, S), right and down, turned clockwise."""
    right, down = place
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * right - sin * down, sin * right + cos * down])


# Distance from the edge of a shape of radius about 1, negative inside; in the order of `SHAPES`.
_DISTANCES = (
    lambda x, y: np.hypot(x, y) - 1,
    lambda x, y: np.maximum(abs(x), abs(y)) - 0.85,
    lambda x, y: np.maximum.reduce([y, abs(x) * 0.866 - y / 2]) - 0.6,
    lambda x, y: np.maximum(abs(x) - 1, abs(y) - 0.45),
    lambda x, y: np.minimum(
        np.maximum(abs(x) - 1, abs(y) - 0.35), np.maximum(abs(y) - 1, abs(x) - 0.35)
    ),
)
