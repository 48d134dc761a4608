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


def frames_of_view(
    clip: Clip,
    view: int,
    *,
    num_frames: int = 16,
    size: int = 224,
    flip: bool = True,
    seed: int = 0,
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

    Returns:
        float32 tensor (T, 3, S, S) in [0, 1].

    Raises:
        VideoError: if the clip's file cannot be read.
    """
    pixels = pixels_of_view(clip, view, num_frames=num_frames, size=size, flip=flip, seed=seed)
    return F.to_dtype(pixels, torch.float32, scale=True)


def pixels_of_view(
    clip: Clip, view: int, *, num_frames: int, size: int, flip: bool, seed: int
) -> Tensor:
    """The same before scaling: uint8 (T, 3, S, S), a quarter of the bytes."""
    generator = None
    if view:
        key = hashlib.sha256(f"{seed} {view} {clip.id}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(key[:8], "little", signed=True))
    transform = ClipTransform(size, train=view > 0, flip=flip)

    def read(length: int) -> Tensor:
        indices = segment_indices(length, num_frames, generator=generator)
        return video.read_frames(clip.path, indices)

    try:
        frames = read(video.probe(clip.path).num_frames)
    except video.MissingFrame:  # damage has cost some frames: take those that are left
        frames = read(video.count_frames(clip.path))
    return transform.crop(frames, generator)
