"""Views of a clip: which frames of it, through which crop, the network gets to see."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from . import video
from .clips import Clip
from .sampling import segment_indices
from .transforms import ClipTransform

WAYS = ("time", "count")


def frames_of_view(
    clip: Clip,
    view: int,
    *,
    num_frames: int = 16,
    size: int = 224,
    flip: bool = True,
    seed: int = 0,
    by: str = "time",
) -> Tensor:
    """The frames of one view of a clip, as the network sees them.

    View 0 shows the centre of each segment through the centre crop. Every other one shows a
    random frame of each segment through one random crop, drawn from seed, view and clip id.

    Args:
        clip: the clip; its file is read.
        view: number of the view, at least 0.
        num_frames: T, segments per clip.
        size: side S of the crop in pixels.
        flip: let the random views mirror the clip; off where the label depends on the side.
        seed: of the random views.
        by: "time" cuts the clip into segments of equal time, "count" into segments of equally many
            frames. They differ only where the frame rate varies, as in videos of phones and
            screens: there "count" gives the slow parts of a clip less than their share of time.

    Returns:
        float32 tensor (T, 3, S, S) in [0, 1].

    Raises:
        VideoError: if the clip's file cannot be read.
        ValueError: if there is no such way to cut.
    """
    how = {"num_frames": num_frames, "size": size, "flip": flip, "seed": seed, "by": by}
    pixels = pixels_of_view(clip, view, **how)
    return F.to_dtype(pixels, torch.float32, scale=True)


def pixels_of_view(
    clip: Clip, view: int, *, num_frames: int, size: int, flip: bool, seed: int, by: str = "time"
) -> Tensor:
    """The same before scaling: uint8 (T, 3, S, S), a quarter of the bytes."""
    require_by(by)
    generator = None
    if view:
        key = hashlib.sha256(f"{seed} {view} {clip.id}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(key[:8], "little", signed=True))

    def read(length: int, times: Tensor | None) -> Tensor:
        indices = segment_indices(length, num_frames, times=times, generator=generator)
        transform = ClipTransform(size, train=view > 0, flip=flip)
        return video.read_frames(clip.path, indices, transform=transform.cropper(generator))

    try:
        times = video.frame_times(clip.path) if by == "time" else None
        return read(video.probe(clip.path).num_frames, times)
    except video.MissingFrame:  # damage has cost some frames: take those that are left
        return read(video.count_frames(clip.path), None)


def require_by(by: str) -> None:
    """Refuse an unknown way to cut a clip into segments.

    Raises:
        ValueError: names the ways that there are.
    """
    if by not in WAYS:
        raise ValueError(f"by ({by!r}) must be one of {', '.join(WAYS)}")
