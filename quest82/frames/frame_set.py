"""Clips whose frames are read from their files whenever they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor

from ..data.clip_set import ClipSet, Pairs, fields_of
from ..data.clips import Clip
from ..video import VideoError
from .resizing import scaled
from .view import ViewSpec
from .workers import Workers, enough_workers


@dataclass(frozen=True, kw_only=True)
class FrameSet(ClipSet):
    """N clips for training on pixels, where an `EssenceSet` comes too late; made by `of`.

    Its views are those of a store: with the same `ViewSpec` a frozen extractor makes of it what
    `essences.extract` writes. They are made when they are asked for, so that a hundred cost no
    more than one.

    Attributes:
        clips: N video files.
        spec: how frames are taken; view 0 is the centre, by which clips are judged, the others
            are random.
        backwards: boolean tensor (N,), which clips are played backwards.
        workers: the processes that decode, shared by all parts of a set.
    """

    clips: tuple[Clip, ...]
    spec: ViewSpec
    backwards: Tensor
    workers: Workers = field(repr=False)
    clips_at_once: ClassVar[int] = 8  # 16 frames of 224 pixels are 10 MB, 77 MB in the network

    @classmethod
    def of(
        cls,
        clips: Sequence[Clip],
        spec: ViewSpec | None = None,
        *,
        classes: Sequence[str] | None = None,
        num_workers: int | None = None,
        time_limit_seconds: float = 60,
    ) -> FrameSet:
        """The set of some clips, played forwards.

        No file is read yet, and no process started.

        Args:
            clips: the video files.
            spec: how frames are taken; None: the defaults, with 100 views.
            classes: the K class names; None: those of the clips, in alphabetical order.
            num_workers: processes that decode ahead; None for one per core, four at most; 0 to
                decode in this process, without protection from files that hang or crash.
            time_limit_seconds: for decoding one clip.

        Raises:
            ValueError: if a clip's class is not among the classes, or as in `ClipSet`, or
                num_workers is below 0 or time_limit_seconds not above 0.
        """
        if num_workers is None:
            num_workers = enough_workers(len(clips))
        return cls(
            **fields_of(clips, classes),
            clips=tuple(clips),
            spec=spec or ViewSpec(num_views=100),
            backwards=torch.zeros(len(clips), dtype=torch.bool),
            workers=Workers(num_workers=num_workers, time_limit_seconds=time_limit_seconds),
        )

    @property
    def num_frames(self) -> int:
        """T, the frames per clip."""
        return self.spec.num_frames

    @property
    def num_views(self) -> int:
        """V, the views per clip."""
        return self.spec.num_views

    @property
    def has_views(self) -> bool:
        """Whether there are views to draw from, or the centre alone."""
        return self.num_views > 1  # as in a store

    def batch(self, rows: Tensor, views: Tensor | None = None) -> Tensor:
        """The frames of some clips, float32 (B, T, 3, S, S) in [0, 1].

        Args:
            rows: long tensor (B,), numbers of clips.
            views: long tensor (B,), which view of each; None: the first, which is the centre.

        Raises:
            VideoError: names the first clip that cannot be read.
        """
        return next(self.batches([(rows, views)]))

    def batches(self, wanted: Iterable[tuple[Tensor, Tensor | None]]) -> Iterator[Tensor]:
        """One `batch` after the other, while worker processes decode those that come next.

        At most two batches' worth of clips are decoded and wait. What is wanted is asked for
        before anything is decoded, so that whatever draws it at random does not depend on the
        workers.

        Args:
            wanted: rows and views of each batch, as for `batch`.

        Raises:
            VideoError: names the first clip that cannot be read, or that takes too long.
        """
        pairs = [_pairs(rows, views) for rows, views in wanted]
        clips = ((self.clips[row], [view]) for batch in pairs for row, view in batch)
        ahead = 2 * max(map(len, pairs), default=0)
        with closing(self.workers.read(clips, self.spec, ahead=ahead)) as decoded:
            for batch in pairs:
                frames = [self._shown(row, next(decoded)) for row, _ in batch]
                yield scaled(torch.stack(frames))

    def close(self) -> None:
        """End the worker processes of this set and its parts; asked again, they start anew.

        They end by themselves when the last of these sets is gone.
        """
        self.workers.close()

    def _shown(self, row: int, frames: Tensor | VideoError) -> Tensor:
        """The frames (T, 3, S, S) of a clip, in the direction in which it is played."""
        if isinstance(frames, VideoError):
            text = f"{self.clips[row].id}: {frames}; or leave it out (`subset`)"
            raise VideoError(text) from frames
        return frames[0].flip(0) if self.backwards[row] else frames[0]

    def _take(self, rows: Tensor) -> FrameSet:
        clips = tuple(self.clips[row] for row in rows)
        return replace(self, clips=clips, backwards=self.backwards[rows], **self._names_of(rows))

    def _play(self, pairs: Pairs) -> FrameSet:
        clips = tuple(self.clips[row] for row in pairs.rows)
        backwards = self.backwards[pairs.rows] ^ pairs.backwards
        return replace(self, clips=clips, backwards=backwards, **pairs.clips.names)


def _pairs(rows: Tensor, views: Tensor | None) -> list[tuple[int, int]]:
    """Row and view of each clip of a batch."""
    views = torch.zeros_like(rows) if views is None else views
    return list(zip(rows.tolist(), views.tolist(), strict=True))
