"""Long videos in which a shape rests, acts, and rests again; what happens when is known exactly.

The shape, its texture and the ground behind it are those of `motions`. Each action goes on from
where the last one left the shape, and at rest the shape stays there; so no frame says whether
something happens in it, nor what. All the while it trembles: two frames say little, more say more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from . import motions
from .motions.kinds import LARGEST, SMALLEST, Path, still
from .segments import Segment, frame_labels
from .tensor_set import TensorSet

FRAMES_PER_SECOND = 10
_ACTION, _REST = (8, 32), (5, 20)  # the fewest frames and the most
_SPAN = np.log(LARGEST / SMALLEST)


@dataclass(frozen=True, kw_only=True)
class Timelines:
    """N long videos of T frames, and what happens in them when.

    Attributes:
        frames: uint8 (N, T, 3, S, S), at `FRAMES_PER_SECOND`.
        segments: of each video, in order; their labels are indices into `classes`.
        groups: N names, of the object that each video shows.
        classes: the K actions, and as the last one "rest".
    """

    frames: Tensor
    segments: tuple[tuple[Segment, ...], ...]
    groups: tuple[str, ...]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        """N, the number of videos."""
        return len(self.frames)

    @property
    def background(self) -> int:
        """K, the number of the class "rest"."""
        return len(self.classes) - 1

    @property
    def labels(self) -> Tensor:
        """What happens in each frame, long (N, T)."""
        how = {"frames_per_second": FRAMES_PER_SECOND, "background": self.background}
        num_frames = self.frames.shape[1]
        return torch.stack([frame_labels(found, num_frames, **how) for found in self.segments])

    def subset(self, rows: Sequence[int]) -> Timelines:
        """Some of the videos, by number."""
        return replace(
            self,
            frames=self.frames[list(rows)],
            segments=tuple(self.segments[row] for row in rows),
            groups=tuple(self.groups[row] for row in rows),
        )

    def split(self, fraction: float) -> tuple[Timelines, Timelines]:
        """The first videos, and the last ones for a test; each shows an object of its own.

        Args:
            fraction: share of the second part, above 0 and below 1.

        Raises:
            ValueError: if a part would be empty.
        """
        last = round(fraction * len(self))
        if not 0 < last < len(self):
            raise ValueError(
                f"fraction ({fraction}) of {len(self)} videos must leave some in both parts: take "
                "another one, or more videos"
            )
        numbers = range(len(self))
        return self.subset(numbers[:-last]), self.subset(numbers[-last:])

    def windows(self, num_frames: int) -> list[tuple[float, float]]:
        """Start and end in seconds of the snippets of `snippets(num_frames)` of one video."""
        starts = range(self.frames.shape[1] - num_frames + 1)
        return [(t / FRAMES_PER_SECOND, (t + num_frames) / FRAMES_PER_SECOND) for t in starts]

    def snippets(self, num_frames: int, *, stride: int = 1) -> TensorSet:
        """Short clips cut out of the videos, labelled by the frame in their middle.

        Args:
            num_frames: n, of a snippet; frame n // 2 counts as its middle.
            stride: frames from the start of one to that of the next.

        Returns:
            uint8 (N * M, n, 3, S, S), video by video, ``M = (T - n) // stride + 1`` of each.
        """
        cut = self.frames.unfold(1, num_frames, stride).movedim(-1, 2)  # (N, M, n, 3, S, S)
        N, M = cut.shape[:2]
        middles = torch.arange(M) * stride + num_frames // 2
        names = [(group, t) for group in self.groups for t in range(0, M * stride, stride)]
        return TensorSet(
            tensors=cut.flatten(0, 1),
            labels=self.labels[:, middles].flatten(),
            groups=tuple(group for group, _ in names),
            clip_ids=tuple(f"{group}, frame {t}" for group, t in names),
            classes=self.classes,
        )


def timelines(
    num_objects: int,
    *,
    kinds: Sequence[str] = ("across", "upright", "size"),
    num_frames: int = 192,
    size: int = 32,
    tremble: float = 0.04,
    still_videos: bool = False,
    seed: int = 0,
) -> Timelines:
    """A long video of each of several objects, which moves now and then.

    An action lasts 0.8 to 3.2 seconds, a rest 0.5 to 2. A frame belongs to an action if the shape
    has moved since the frame before.

    Args:
        num_objects: N, a video of each.
        kinds: names in `motions.KINDS` but "visit", in which the shape does not stay; each kind is
            two classes, one for each direction.
        num_frames: T, at least 60, which hold an action between two rests.
        size: side S of the frames in pixels, at least 8.
        tremble: standard deviation of the places of the shape from frame to frame, as a share of
            the side, and of its radius, as a share of the way from the smallest to the largest.
        still_videos: let the shape rest all the time, under the segments of the video in which it
            acts: what is found then is made up.
        seed: of everything.

    Raises:
        ValueError: if a kind cannot be part of a long video, there are too few frames, or as
            `motions.scenes` does.
    """
    if "visit" in kinds:
        raise ValueError("kinds ('visit') must keep the shape in view: take other kinds")
    if num_frames < 60:
        raise ValueError(f"num_frames ({num_frames}) must be at least 60: an action and two rests")
    drawn, found = [], []
    for scene in motions.scenes(num_objects, kinds=kinds, seed=seed):
        if scene.kind != kinds[0]:
            continue  # of the scenes of an object only what it looks like is taken
        draw = np.random.default_rng([seed, scene.number, len(motions.KINDS)])
        path, segments = _story(kinds, num_frames, draw)
        if still_videos:
            path = _resting(_resting(path, 1), num_frames)
        path = _trembling(path, tremble, draw)
        drawn.append(motions.render(replace(scene, path=path), size))
        found.append(tuple(segments))
    both = [name for kind in kinds for name in _names(kind)]
    return Timelines(
        frames=torch.from_numpy(np.stack(drawn)),
        segments=tuple(found),
        groups=tuple(f"object {number:04d}" for number in range(num_objects)),
        classes=(*both, "rest"),
    )


def _names(kind: str) -> tuple[str, str]:
    return motions.KINDS[kind].forward, motions.KINDS[kind].reverse


def _story(kinds: Sequence[str], num_frames: int, draw: Generator) -> tuple[Path, list[Segment]]:
    """What the shape does in all frames, and the segments of its actions."""
    path, segments = _resting(still(1, draw), 1), []
    for start, end in _actions(num_frames, draw):
        label = int(draw.integers(2 * len(kinds)))
        action = motions.KINDS[kinds[label // 2]].path(end - start + 1, draw)
        path = _resting(path, start)
        path = _going_on(path, action.backwards if label % 2 else action)
        segments.append(Segment(start / FRAMES_PER_SECOND, end / FRAMES_PER_SECOND, label))
    return _resting(path, num_frames), segments


def _actions(num_frames: int, draw: Generator) -> Iterator[tuple[int, int]]:
    """First frame of each action and the first one after it; a rest before, between and after."""
    start = int(draw.integers(*_REST, endpoint=True))
    end = start + int(draw.integers(*_ACTION, endpoint=True))
    while end + _REST[0] <= num_frames:
        yield start, end
        start = end + int(draw.integers(*_REST, endpoint=True))
        end = start + int(draw.integers(*_ACTION, endpoint=True))


def _resting(path: Path, num_frames: int) -> Path:
    """So many frames: those that there are, cut off, or the last one again and again."""
    rows = np.minimum(np.arange(num_frames), len(path.size) - 1)
    kept = {name: values[rows] for name, values in vars(path).items() if name != "jumps"}
    jumps = np.zeros(num_frames - 1, dtype=bool)
    known = min(num_frames - 1, len(path.jumps))
    jumps[:known] = path.jumps[:known]
    return Path(**kept, jumps=jumps)


def _going_on(path: Path, action: Path) -> Path:
    """An action from where the shape is; its first frame is the last one that there is already."""
    moved = action.centre[1:] - action.centre[0]
    grown = (_share(action.size[1:]) - _share(action.size[0]) + _share(path.size[-1])) % 1
    size = SMALLEST * np.exp(_SPAN * grown)
    sizes = np.concatenate([path.size, size])
    return Path(
        centre=np.concatenate([path.centre, (path.centre[-1] + moved) % 1]),
        size=sizes,
        angle=np.concatenate([path.angle, path.angle[-1] + action.angle[1:] - action.angle[0]]),
        shape=np.resize(path.shape, len(sizes)),
        jumps=abs(np.diff(_share(sizes))) > 0.5,
    )


def _trembling(path: Path, tremble: float, draw: Generator) -> Path:
    """The same, each frame a little off by itself."""
    sizes = (_share(path.size) + tremble * draw.standard_normal(len(path.size))) % 1
    return replace(
        path,
        centre=(path.centre + tremble * draw.standard_normal(path.centre.shape)) % 1,
        size=SMALLEST * np.exp(_SPAN * sizes),
        jumps=abs(np.diff(sizes)) > 0.5,
    )


def _share(size: np.ndarray) -> np.ndarray:
    """How far a radius has grown from the smallest to the largest, from 0 to 1."""
    return np.log(size / SMALLEST) / _SPAN
