"""Views of a clip: which frames of it, through which crop, the network gets to see."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import torch
from torch import Tensor

from .. import video
from ..data.clips import Clip
from .resizing import scaled
from .sampling import segment_indices, window_indices
from .spans import Span, span_of
from .transforms import ClipTransform

SAMPLERS = ("segments", "strided")
WAYS = ("time", "count")


@dataclass(frozen=True)
class ViewSpec:
    """How frames are taken from a clip: one value for stores, models and predictions.

    View 0 is the same whenever it is asked for: the centre of each segment (or the window in the
    middle of the clip), through the centre crop. Every other one is drawn from seed, view and
    clip id: a random frame of each segment (or a random window), through one random crop.

    Attributes:
        num_frames: T, frames per clip.
        size: side S of the crop in pixels.
        sampler: "segments" cuts the whole clip into T segments and takes a frame of each (Wang
            et al. 2016); "strided" takes a window of T frames at a fixed step, as networks on
            pixels do.
        stride: step of "strided", in frames; None with "segments".
        by: "time" gives segments and steps equal time, "count" equally many frames. They differ
            only where the frame rate varies, as in videos of phones and screens: there "count"
            gives the slow parts of a clip less than their share of time. A folder of frames has no
            times: its frames count as equally long, and both are the same.
        flip: let the random views mirror the clip; off where the label depends on the side.
        seed: of the random views.
        num_views: V, views per clip.

    Raises:
        ValueError: if a number is too small, or there is no such sampler or way to cut.
    """

    num_frames: int = 16
    size: int = 224
    sampler: str = "segments"
    stride: int | None = None
    by: str = "time"
    flip: bool = True
    seed: int = 0
    num_views: int = 1

    def __post_init__(self) -> None:
        for name in ("num_frames", "size", "num_views"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} ({value!r}) must be a whole number of at least 1")
        for name, known in (("sampler", SAMPLERS), ("by", WAYS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} ({getattr(self, name)!r}) must be one of {', '.join(known)}"
                )
        if (self.sampler == "strided") != (self.stride is not None):
            raise ValueError(
                f"stride ({self.stride}) belongs to the sampler 'strided', which needs it, and to "
                f"no other: the sampler is {self.sampler!r}"
            )
        if self.stride is not None and self.stride < 1:
            raise ValueError(f"stride ({self.stride}) must be at least 1 frame")

    @property
    def settings(self) -> dict:
        """The same as JSON values, for a manifest or a model file."""
        return asdict(self)

    @classmethod
    def of(cls, settings: Mapping) -> ViewSpec:
        """Read it from the settings of a store or a model, which may say more than this.

        Raises:
            ValueError: names what they do not say.
        """
        names = [field.name for field in fields(cls)]
        if missing := [name for name in names if name not in settings]:
            raise ValueError(f"how frames were taken is not known: {missing[0]} is missing")
        return cls(**{name: settings[name] for name in names})

    def indices(
        self, length: int, times: Tensor | None, generator: torch.Generator | None
    ) -> Tensor:
        """Which frames (T,) of a clip of so many; see `sampling` for times and generator."""
        if self.sampler == "segments":
            return segment_indices(length, self.num_frames, times=times, generator=generator)
        return window_indices(
            length, self.num_frames, stride=self.stride or 1, times=times, generator=generator
        )


def frames_of_view(clip: Clip, view: int, spec: ViewSpec) -> Tensor:
    """The frames of one view of a clip, as the network sees them.

    Args:
        clip: the clip; its file is read.
        view: number of the view, at least 0.
        spec: how frames are taken.

    Returns:
        float32 tensor (T, 3, S, S) in [0, 1].

    Raises:
        VideoError: if the clip's file cannot be read.
    """
    return scaled(pixels_of_view(clip, view, spec))


def pixels_of_view(clip: Clip, view: int, spec: ViewSpec) -> Tensor:
    """The same before scaling: uint8 (T, 3, S, S), a quarter of the bytes."""
    return take_view(clip, view, spec)[1]


def take_view(clip: Clip, view: int, spec: ViewSpec) -> tuple[Tensor, Tensor]:
    """Which frames (T,) of the clip's file were taken, and their pixels, uint8 (T, 3, S, S)."""
    generator = None
    if view:
        key = hashlib.sha256(f"{spec.seed} {view} {clip.id}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(key[:8], "little", signed=True))

    def read(span: Span) -> tuple[Tensor, Tensor]:
        times = span.times if spec.by == "time" else None
        indices = span.first + spec.indices(span.num_frames, times, generator)
        transform = ClipTransform(spec.size, train=view > 0, flip=spec.flip)
        crop = transform.cropper(generator)
        return indices, video.read_frames(clip.path, indices, transform=crop)

    try:
        return read(span_of(clip))
    except video.MissingFrame:  # damage has cost some frames: take those that are left
        if clip.is_part:  # but nobody knows which of them lie within it
            raise
        return read(Span(0, video.count_frames(clip.path), None))
