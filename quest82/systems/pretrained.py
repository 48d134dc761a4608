"""Torchvision's networks on pixels with their weights for Kinetics-400: 400 actions, no training.

Which frames they want, at what size, in which colours, and what their classes are called, is all
torchvision's: it stands beside the weights.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision import models

from ..download import FetchError
from .initial import Undrawn
from .mobilenet import require_clips
from .state_dicts import load_into
from .weights import WeightsError, ensure_published

# The frames of a clip, and how many of them a second has, with which torchvision tested each
# network; it says so in prose (`meta["_docs"]`) alone.
_CLIPS = {
    "mc3_18": (16, 15.0),
    "mvit_v1_b": (16, 7.5),
    "mvit_v2_s": (16, 7.5),
    "r2plus1d_18": (16, 15.0),
    "r3d_18": (16, 15.0),
    "s3d": (128, 15.0),
    "swin3d_b": (32, 15.0),
    "swin3d_s": (32, 15.0),
    "swin3d_t": (32, 15.0),
}
NAMES = tuple(_CLIPS)


class PretrainedVideoNetwork(nn.Module):
    """A video network of torchvision, with its weights for Kinetics-400, frozen, in eval mode.

    The networks (`NAMES`): r3d_18, mc3_18 and r2plus1d_18 (Tran et al. 2018), s3d (Xie et al.
    2018), mvit_v1_b (Fan et al. 2021), mvit_v2_s (Li et al. 2022), swin3d_t, _s and _b (Liu et al.
    2022). Torchvision's accuracies are means over several clips of a video (s3d: one).

    Args:
        name: as in torchvision, such as "r2plus1d_18".
        weights: path of a state dict of the network (.safetensors, or .pth read without running any
            code in it); None: torchvision's default ones, which are fetched from its address on
            first use (32 to 364 MB) and kept in torch's cache.
        progress: show a progress bar while fetching.

    Attributes:
        name: the same.
        classes: the K = 400 names, in the order of the logits.
        num_frames: T, frames of the clips on which torchvision tested it.
        fps: frames per second of those clips.
        resize: height and width to which a frame is brought, or the length of its short side alone.
        crop: height and width of the centre of it that the network sees.

    Raises:
        ValueError: if torchvision has no such video network, or the file does not hold its weights.
        WeightsError: if the weights cannot be fetched.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, name: str, weights: str | Path | None = None, *, progress: bool = True
    ) -> None:
        super().__init__()
        published = models.get_model_weights(_require_known(name)).DEFAULT
        preset = published.transforms()
        self.name, self.classes = name, tuple(published.meta["categories"])
        self.num_frames, self.fps = _CLIPS[name]
        self.resize, self.crop = tuple(preset.resize_size), tuple(preset.crop_size)
        path = _fetched(name, published.url, progress) if weights is None else Path(weights)
        with Undrawn():
            self.network = models.get_model(name, weights=None)
        load_into(self.network, path, name=name)
        for what in ("mean", "std"):
            value = torch.tensor(getattr(preset, what)).view(3, 1, 1)
            self.register_buffer(what, value, persistent=False)
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> PretrainedVideoNetwork:
        """Stay in eval mode."""
        return super().train(False)

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.mean.device

    def forward(self, clips: Tensor) -> Tensor:
        """What the network says of a batch of clips.

        Args:
            clips: float tensor (B, T, 3, H, W) in [0, 1], resized and cropped. Any T and size that
                the network takes; the mvit ones take those of the attributes alone.

        Returns:
            Logits (B, K).

        Raises:
            ValueError: if clips have another shape or are not floating point.
        """
        normal = (require_clips(clips) - self.mean) / self.std
        return self.network(normal.transpose(1, 2))  # (B, 3, T, H, W) -> (B, K)


def _require_known(name: str) -> str:
    if name not in NAMES:
        raise ValueError(f"pretrained ({name!r}) must be one of {', '.join(NAMES)}")
    return name


def _fetched(name: str, url: str, progress: bool) -> Path:
    """The verified file of torchvision's weights."""
    try:
        return ensure_published(url, progress=progress)
    except FetchError as error:
        raise WeightsError(
            f"the weights of {name} could not be fetched: {error}; a file that was fetched on "
            "another machine can be given (--pretrained-weights)"
        ) from error
