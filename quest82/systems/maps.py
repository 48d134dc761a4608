"""Frames in, feature maps out: what MobileNetV2 sees, and where, before the mean over space."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .mobilenet import MobileNetV2Extractor
from .projection import Projection

_STRIDE = 32  # pixels from one position of the last map to the next


class FeatureMaps(nn.Module):
    """Turns each frame into the last map of MobileNetV2: C channels on g x g positions.

    The map of a frame of S pixels has S/32 x S/32 positions, 7 x 7 for 224. They are averaged to
    g x g, so that the mean over these is the essence (exactly where g divides S/32; else some
    positions count for two of the g x g). A projection then shortens the channels. It is a backbone
    like others: what it gives is a row of C*g*g numbers, in the order (C, g, g).

    Args:
        extractor: the network; its weights are shared, not copied.
        grid: g, positions along each side.
        projection: from 1280 channels to C; None: all are kept.

    Attributes:
        name: what stores call the network.
        num_features: C*g*g.
        num_channels: C.

    Raises:
        ValueError: if grid is below 1, or the projection is of other maps.
    """

    def __init__(
        self, extractor: MobileNetV2Extractor, *, grid: int, projection: Projection | None = None
    ) -> None:
        super().__init__()
        D = extractor.num_features
        if grid < 1:
            raise ValueError(f"maps ({grid}) must be at least 1 position along each side")
        if projection is not None and len(projection.mean) != D:
            raise ValueError(
                f"projection (of {len(projection.mean)} channels) must be of the {D} channels of "
                f"{extractor.name}; fit it on its maps"
            )
        self.name, self.extractor = extractor.name, extractor
        self.grid, self.projection = grid, projection
        self.num_channels = D if projection is None else projection.num_channels
        self.num_features = self.num_channels * grid * grid
        self.to(extractor.device).requires_grad_(False).eval()

    def train(self, mode: bool = True) -> FeatureMaps:
        """Stay in eval mode."""
        return super().train(False)

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.extractor.device

    @property
    def features(self) -> nn.Sequential:
        """The network's convolutions."""
        return self.extractor.features

    @property
    def mean(self) -> Tensor:
        """What is taken from each colour, (3, 1, 1)."""
        return self.extractor.mean

    @property
    def std(self) -> Tensor:
        """By what each colour is divided, (3, 1, 1)."""
        return self.extractor.std

    @property
    def settings(self) -> dict:
        """What a store notes of it beside the name and the fingerprint; JSON values."""
        projection = self.projection and self.projection.fingerprint()
        return {"maps": self.grid, "channels": self.num_channels, "projection": projection}

    def fingerprint(self) -> str:
        """Digest of the network's weights, and that of the projection after a plus sign."""
        parts = (self.extractor, self.projection) if self.projection else (self.extractor,)
        return "+".join(part.fingerprint() for part in parts)

    def forward(self, clips: Tensor) -> Tensor:
        """The maps of every frame of a batch of clips, as rows.

        Args:
            clips: float tensor (B, T, 3, H, W) in [0, 1].

        Returns:
            (B, T, C*g*g); `unflatten(-1, (C, g, g))` gives the maps.

        Raises:
            ValueError: if clips have another shape, or are too small for g x g positions.
        """
        maps = self.extractor.maps(clips)  # (B, T, 1280, H/32, W/32)
        B, T = maps.shape[:2]
        return self.pool(maps.flatten(0, 1)).view(B, T, self.num_features)

    def pool(self, maps: Tensor) -> Tensor:
        """Whole maps (N, 1280, h, w) -> rows (N, C*g*g)."""
        _require_room(self.grid, min(maps.shape[2:]))
        maps = F.adaptive_avg_pool2d(maps, self.grid)  # (N, 1280, g, g)
        if self.projection is not None:
            maps = self.projection(maps)  # (N, C, g, g)
        return maps.flatten(1)

    def require_size(self, size: int) -> None:
        """Refuse frames of so few pixels that the map has fewer than g x g positions.

        Raises:
            ValueError: says how many it has.
        """
        _require_room(self.grid, -(-size // _STRIDE))


def _require_room(grid: int, positions: int) -> None:
    if grid > positions:
        raise ValueError(
            f"maps ({grid}) must be at most {positions}, the positions along a side of the "
            "network's last map; take larger frames, 32 pixels for each"
        )
