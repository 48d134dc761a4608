"""Clips whose flow is found whenever it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ..data.clips import Clip
from ..video import VideoError
from .flow import flow_of, require_method
from .flow_bytes import in_bounds
from .frame_set import FrameSet
from .view import ViewSpec


@dataclass(frozen=True)
class FlowSpec:
    """How flow is found between the frames of a view, and in which range it is read.

    Attributes:
        method: a name in `flow.METHODS`.
        bound: motions beyond it are clipped, in pixels of the view. 20 is what the
            code of Wang et al. 2016 has for frames of 340 x 256 pixels; small views move less.

    Raises:
        ValueError: if there is no such method, or bound is not above 0.
    """

    method: str = "pyramid"
    bound: float = 20.0

    def __post_init__(self) -> None:
        require_method(self.method)
        if not self.bound > 0:
            raise ValueError(f"bound ({self.bound}) must be above 0 pixels")

    def of_frames(self, frames: Tensor) -> Tensor:
        """Flow of frames, uint8 (T, 3, H, W) -> float32 (T - 1, 2, H, W) in [-1, 1].

        The unit is the bound: 1 is so many pixels to the right or down.
        """
        return in_bounds(flow_of(frames, self.method), bound=self.bound)


@dataclass(frozen=True, kw_only=True)
class FlowSet(FrameSet):
    """N clips for training on flow; made by `of`.

    A batch is float32 (B, T - 1, 2, S, S) in [-1, 1], in units of the bound. Flow is taken of the
    frames that a network would see: after sampling, cropping, mirroring and reversal. So a
    mirrored clip moves to the other side, and a clip played backwards has a flow of its own.

    Attributes:
        flow: how flow is found.

    Raises:
        ValueError: if the frames of a view are not neighbours, or fewer than 2.
    """

    flow: FlowSpec

    def __post_init__(self) -> None:
        super().__post_init__()
        sampler, stride, num_frames = self.spec.sampler, self.spec.stride, self.spec.num_frames
        if sampler != "strided" or stride != 1 or num_frames < 2:
            raise ValueError(
                f"spec (sampler {sampler!r}, stride {stride}, {num_frames} frames) must take 2 or "
                "more frames that are neighbours, or points move too far: "
                "ViewSpec(sampler='strided', stride=1)"
            )

    @classmethod
    def of(
        cls,
        clips: Sequence[Clip],
        spec: ViewSpec | None = None,
        *,
        flow: FlowSpec | None = None,
        **options,
    ) -> FlowSet:
        """The set of some clips, played forwards.

        Args:
            clips: the video files.
            spec: how frames are taken, by the sampler "strided" with stride 1; None: 16 of them,
                with 100 views.
            flow: how flow is found; None: the defaults.
            options: as in `FrameSet.of`.

        Raises:
            ValueError: if the frames are not neighbours, or as in `FrameSet.of`.
        """
        spec = spec or ViewSpec(sampler="strided", stride=1, num_views=100)
        frames = FrameSet.of(clips, spec, **options)
        return cls(**vars(frames), flow=flow or FlowSpec())

    def _shown(self, row: int, frames: Tensor | VideoError) -> Tensor:
        """The flow (T - 1, 2, S, S) of a clip, in the direction in which it is played."""
        return self.flow.of_frames(super()._shown(row, frames))
