"""Clips whose frames are read from their files whenever they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from ..data.clip_set import ClipSet, Pairs
from ..data.clips import Clip, classes_of
from ..video import VideoError
from .view import ViewSpec, frames_of_view


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
    """

    clips: tuple[Clip, ...]
    spec: ViewSpec
    backwards: Tensor
    clips_at_once: ClassVar[int] = 8  # 16 frames of 224 pixels are 10 MB, 77 MB in the network

    @classmethod
    def of(
        cls,
        clips: Sequence[Clip],
        spec: ViewSpec | None = None,
        *,
        classes: Sequence[str] | None = None,
    ) -> FrameSet:
        """The set of some clips, played forwards.

        Args:
            clips: the video files.
            spec: how frames are taken; None: the defaults, with 100 views.
            classes: the K class names; None: those of the clips, in alphabetical order.

        Raises:
            ValueError: if a clip's class is not among the classes, or as in `ClipSet`.
        """
        classes = tuple(classes or classes_of(clips))
        return cls(
            labels=torch.tensor([_number(clip, classes) for clip in clips], dtype=torch.long),
            groups=tuple(clip.group for clip in clips),
            clip_ids=tuple(clip.id for clip in clips),
            classes=classes,
            clips=tuple(clips),
            spec=spec or ViewSpec(num_views=100),
            backwards=torch.zeros(len(clips), dtype=torch.bool),
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
        views = torch.zeros_like(rows) if views is None else views
        wanted = zip(rows.tolist(), views.tolist(), strict=True)
        return torch.stack([self._read(row, view) for row, view in wanted])

    def batches(self, wanted: Iterable[tuple[Tensor, Tensor | None]]) -> Iterator[Tensor]:
        """The `batch` of each (rows, views), one after the other."""
        return (self.batch(rows, views) for rows, views in list(wanted))

    def _read(self, row: int, view: int) -> Tensor:
        clip = self.clips[row]
        try:
            frames = frames_of_view(clip, view, self.spec)
        except VideoError as error:
            raise VideoError(f"{clip.id}: {error}; or leave it out (`subset`)") from error
        return frames.flip(0) if self.backwards[row] else frames

    def _take(self, rows: Tensor) -> FrameSet:
        clips = tuple(self.clips[row] for row in rows)
        return replace(self, clips=clips, backwards=self.backwards[rows], **self._names_of(rows))

    def _play(self, pairs: Pairs) -> FrameSet:
        clips = tuple(self.clips[row] for row in pairs.rows)
        backwards = self.backwards[pairs.rows] ^ pairs.backwards
        return replace(self, clips=clips, backwards=backwards, **pairs.clips.names)


def _number(clip: Clip, classes: Sequence[str]) -> int:
    if clip.label not in classes:
        raise ValueError(
            f"{clip.id}: its class {clip.label!r} is not among the classes; add it there"
        )
    return classes.index(clip.label)
