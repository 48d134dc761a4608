"""Views of a clip: which frames of it, through which crop, the network gets to see."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

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

    Returns:
        float32 tensor (T, 3, S, S) in [0, 1].

    Raises:
        VideoError: if the clip's file cannot be read.
    """
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
    return transform(frames, generator)
