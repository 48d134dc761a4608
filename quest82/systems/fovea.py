"""Two resolutions: the centre as it is, all around it at half of that, a network for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .fusion import EarlyFusion, LateFusion, SingleFrame
from .parts.system import System
from .slow_fusion import SlowFusion
from .tsn import TSN

_FUSIONS: dict[str, type[System]] = {
    "single_frame": SingleFrame,
    "tsn": TSN,
    "late_fusion": LateFusion,
    "early_fusion": EarlyFusion,
    "slow_fusion": SlowFusion,
}


class FoveaContext(System):
    """Half the pixels: of each frame its centre in full, and the whole at half resolution.

    Two networks with weights apart read them, and a fully connected layer joins their features.

    Args:
        in_features: C.
        fusion: when frames meet in either network: single_frame (never), tsn (an average),
            late_fusion, early_fusion or slow_fusion.
        network: options of either network.
        hidden_size: F, width of the fully connected layer.

    Raises:
        ValueError: if there is no such fusion, or as the network does.
    """

    source = "Karpathy et al. 2014, Large-scale Video Classification with CNNs"
    view = {"num_frames": 10, "size": 178, "sampler": "strided", "stride": 1}
    small = {
        "fusion": "early_fusion",
        "network": {"num_frames": 8, "widths": [32, 64, 128]},
        "hidden_size": 128,
    }
    on_maps = {
        "fusion": "early_fusion",
        "network": {"num_frames": 8, "widths": [64]},
        "hidden_size": 64,
    }

    def __init__(
        self,
        in_features: int,
        *,
        fusion: str = "single_frame",
        network: Mapping | None = None,
        hidden_size: int = 4096,
    ) -> None:
        if fusion not in _FUSIONS:
            raise ValueError(f"fusion ({fusion!r}) must be one of {', '.join(_FUSIONS)}")
        inner = dict(network or {})
        super().__init__(
            in_features, hidden_size, fusion=fusion, network=inner, hidden_size=hidden_size
        )
        self.fovea = _FUSIONS[fusion](in_features, **inner)
        self.context = _FUSIONS[fusion](in_features, **inner)
        both = cast(int, self.fovea.out_features) + cast(int, self.context.out_features)
        self.joined = nn.Sequential(nn.Linear(both, hidden_size), nn.ReLU())

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> what the fully connected layer makes of both (B, F)."""
        found = self.fovea(centre(clips)), self.context(halved(clips))
        return self.joined(torch.cat(found, dim=1))


def centre(clips: Tensor) -> Tensor:
    """The middle half of each side: (B, T, C, H, W) -> (B, T, C, H // 2, W // 2)."""
    H, W = clips.shape[-2:]
    top, left = (H - H // 2) // 2, (W - W // 2) // 2
    return clips[..., top : top + H // 2, left : left + W // 2]


def halved(clips: Tensor) -> Tensor:
    """Means of 2 x 2 pixels: (B, T, C, H, W) -> (B, T, C, H // 2, W // 2).

    The last row or column of an odd side is left out.
    """
    return F.avg_pool2d(clips.flatten(0, 1), 2).unflatten(0, clips.shape[:2])
