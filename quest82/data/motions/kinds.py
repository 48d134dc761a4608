"""The kinds of motion: where the shape is, how large and how turned, frame by frame.

What would give a direction away in one frame is wound round: a shape that leaves the frame on the
right comes in on the left, one that has grown too large begins anew small. With a beginning at
random on that circle, every frame shows the same in both directions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

SHAPES = ("disc", "square", "triangle", "bar", "cross")
# Radius of the shape as a share of the side of the frame.
SMALLEST, LARGEST = 0.13, 0.34


@dataclass(frozen=True)
class Path:
    """What the shape does in T frames.

    Attributes:
        centre: (T, 2), right and down, as shares of the side of the frame, on a circle of
            length 1.
        size: (T,), radius as a share of the side.
        angle: (T,), in radians, clockwise as one sees it.
        shape: (T,), number in `SHAPES`; -1 where there is none.
        jumps: (T - 1,), whether it is another one, or has begun anew, from a frame to the next.
    """

    centre: np.ndarray
    size: np.ndarray
    angle: np.ndarray
    shape: np.ndarray
    jumps: np.ndarray

    @property
    def backwards(self) -> Path:
        """The same, played backwards."""
        return Path(**{name: values[::-1] for name, values in vars(self).items()})


@dataclass(frozen=True)
class Kind:
    """One kind of motion.

    Attributes:
        forward: name of its class.
        reverse: name of the class of its reverse.
        path: draws what the shape does in a number of frames.
        needs: what tells the two directions apart, in words.
    """

    forward: str
    reverse: str
    path: Callable[[int, Generator], Path]
    needs: str


def still(num_frames: int, draw: Generator) -> Path:
    """A shape somewhere, of some size, turned somehow, at rest."""
    ones = np.ones(num_frames)
    return Path(
        centre=np.outer(ones, draw.uniform(size=2)),
        size=ones * SMALLEST * (LARGEST / SMALLEST) ** draw.uniform(),
        angle=ones * draw.uniform(0, 2 * np.pi),
        shape=np.full(num_frames, draw.integers(len(SHAPES))),
        jumps=np.zeros(num_frames - 1, dtype=bool),
    )


def _moves(axis: int, sign: int) -> Callable[[int, Generator], Path]:
    """A straight way along an axis, 0 right or 1 down, of 5 to 10 % of the side a frame."""

    def path(num_frames: int, draw: Generator) -> Path:
        rest, speed = still(num_frames, draw), draw.uniform(0.05, 0.10)
        centre = rest.centre.copy()
        centre[:, axis] = (centre[:, axis] + sign * speed * np.arange(num_frames)) % 1
        return _with(rest, centre=centre)

    return path


def _grows(num_frames: int, draw: Generator) -> Path:
    """The radius grows by 6 to 12 % a frame, and begins anew when it is largest."""
    rest, span = still(num_frames, draw), np.log(LARGEST / SMALLEST)
    steps = np.log(draw.uniform(1.06, 1.12)) / span * np.arange(num_frames)
    share = np.log(rest.size[0] / SMALLEST) / span + steps
    size = SMALLEST * np.exp(span * (share % 1))
    return _with(rest, size=size, jumps=np.diff(np.floor(share)) > 0)


def _turns(num_frames: int, draw: Generator) -> Path:
    """A turn about its centre, 12 to 25 degrees a frame, clockwise."""
    rest, speed = still(num_frames, draw), np.deg2rad(draw.uniform(12, 25))
    return _with(rest, angle=rest.angle + speed * np.arange(num_frames))


def _hops(num_frames: int, draw: Generator) -> Path:
    """From corner to corner of an equilateral triangle, clockwise.

    Two frames show one side of the triangle, and not on which side of it the third corner is.
    """
    rest, radius = still(num_frames, draw), draw.uniform(0.15, 0.22)
    turn, hold = draw.uniform(0, 2 * np.pi), _hold(num_frames)
    corner = (np.arange(num_frames) + draw.integers(3 * hold)) // hold
    where = turn + 2 * np.pi / 3 * corner
    around = radius * np.stack([np.cos(where), np.sin(where)], axis=1)
    return _with(rest, centre=(rest.centre + around) % 1)


def _visits(num_frames: int, draw: Generator) -> Path:
    """A disc, a square and a triangle show up in turn, each at a place of its own; else nothing.

    They come round in a circle of T frames, so that the first visible one says nothing.
    """
    rest, hold = still(num_frames, draw), _hold(num_frames)
    thirds = np.array([num_frames // 3 + (k < num_frames % 3) for k in range(3)])
    gaps = thirds[draw.permutation(3)]
    begins = draw.integers(num_frames) + np.cumsum(gaps)
    shape, centre = np.full(num_frames, -1), rest.centre.copy()
    for number, begin in enumerate(begins):
        frames = (begin + np.arange(hold)) % num_frames
        shape[frames], centre[frames] = number, draw.uniform(size=2)
    return _with(rest, centre=centre, shape=shape, jumps=np.diff(shape) != 0)


def _hold(num_frames: int) -> int:
    """For how many frames something stays where it is: 1 of 8, 2 of 16."""
    return max(1, num_frames // 8)


def _with(path: Path, **changes: np.ndarray) -> Path:
    return Path(**{**vars(path), **changes})


KINDS: dict[str, Kind] = {
    "across": Kind("right", "left", _moves(0, 1), "two neighbouring frames"),
    "upright": Kind("up", "down", _moves(1, -1), "two neighbouring frames"),
    "size": Kind("grow", "shrink", _grows, "two neighbouring frames"),
    "turn": Kind("turn right", "turn left", _turns, "two neighbouring frames, and detail"),
    "hop": Kind("hop right", "hop left", _hops, "three frames"),
    "visit": Kind("disc square", "square disc", _visits, "memory over frames without anything"),
}
REVERSED = {kind.forward: kind.reverse for kind in KINDS.values()}
