"""Clips whose frames are read from their files whenever they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from .clips import Clip, classes_of, unified
from .store import EssenceSet
from .transforms import ClipTransform
from .video import VideoError
from .views import frames_of_view, require_by


class FrameSet:
    """N clips for training the extractor too, where an `EssenceSet` comes too late.

    Its views are those of a store (`views.frames_of_view`): with the same settings a frozen
    extractor makes of it what `store.extract` writes. They are made when they are asked for, so
    that a hundred cost no more than one.

    Args:
        clips: the video files.
        classes: the K class names; None: those of the clips, in alphabetical order.
        num_frames: T, segments per clip.
        num_views: V; view 0 is the centre, by which clips are judged, the others are random.
        size: side S of the crop in pixels.
        flip: let the random views mirror clips; off where the label depends on the side.
        seed: of the random views.
        by: "time" or "count": what the segments of a clip have in equal measure.

    Attributes:
        labels: long tensor (N,), indices into `classes`.
        groups: N names; clips that share one stay on one side of a split.
        clip_ids: N names.
        has_views: whether there are views to draw from, or the centre alone.

    Raises:
        ValueError: if a number is below 1, a clip's class is not among the classes, or ids or
            class names occur twice.
    """

    clips_at_once = 8  # 16 frames of 224 pixels are 10 MB, and 77 MB inside the network

    def __init__(
        self,
        clips: Sequence[Clip],
        classes: Sequence[str] | None = None,
        *,
        num_frames: int = 16,
        num_views: int = 100,
        size: int = 224,
        flip: bool = True,
        seed: int = 0,
        by: str = "time",
    ) -> None:
        if num_frames < 1 or num_views < 1:
            raise ValueError(
                f"num_frames ({num_frames}) and num_views ({num_views}) must each be at least 1"
            )
        ClipTransform(size)  # refuses a bad size
        require_by(by)
        names = unified([clip.group for clip in clips])
        self.clips = tuple(replace(c, group=name) for c, name in zip(clips, names, strict=True))
        self.classes = tuple(classes or classes_of(clips))
        self.num_frames, self.num_views = num_frames, num_views
        self.has_views = num_views > 1  # as in a store
        self._how = {"num_frames": num_frames, "size": size, "flip": flip, "seed": seed, "by": by}
        # Row numbers in the place of essences: sets of both kinds are cut by the same rules.
        self._rows = EssenceSet(
            essences=torch.arange(len(self.clips)).view(-1, 1, 1),
            labels=torch.tensor([self._number(clip) for clip in self.clips], dtype=torch.long),
            groups=tuple(clip.group for clip in self.clips),
            clip_ids=tuple(clip.id for clip in self.clips),
            classes=self.classes,
        )
        self.labels, self.groups = self._rows.labels, self._rows.groups
        self.clip_ids = self._rows.clip_ids

    def __len__(self) -> int:
        """N, the number of clips."""
        return len(self.clips)

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
        return torch.stack([self._read(self.clips[row], view) for row, view in wanted])

    def subset(self, mask: Tensor | np.ndarray | Sequence) -> FrameSet:
        """The clips that a boolean mask (N,) keeps, or that a list of row numbers names."""
        return self._keep(self._rows.subset(mask))

    def split(
        self, fraction: float, *, seed: int = 0, name: str = "fraction"
    ) -> tuple[FrameSet, FrameSet]:
        """Cut in two, by group and with the classes in proportion (see `EssenceSet.split`)."""
        first, second = self._rows.split(fraction, seed=seed, name=name)
        return self._keep(first), self._keep(second)

    def _keep(self, part: EssenceSet) -> FrameSet:
        clips = [self.clips[row] for row in part.essences.flatten()]
        return FrameSet(clips, self.classes, num_views=self.num_views, **self._how)

    def _read(self, clip: Clip, view: int) -> Tensor:
        try:
            return frames_of_view(clip, view, **self._how)
        except VideoError as error:
            raise VideoError(f"{clip.id}: {error}; or leave it out (`subset`)") from error

    def _number(self, clip: Clip) -> int:
        if clip.label not in self.classes:
            raise ValueError(
                f"{clip.id}: its class {clip.label!r} is not among the classes; add it there"
            )
        return self.classes.index(clip.label)
