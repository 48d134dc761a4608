"""ViViT: a clip becomes tokens of tubelets, which a transformer reads in one of four ways."""

from __future__ import annotations

from torch import Tensor, nn

from .parts.imagenet import Standardised
from .parts.system import System
from .parts.transformer import Transformer, positions
from .parts.tubelets import Tubelets, grid_of
from .parts.volume import require_volume

# Model -> what it is called, and the steps of a block.
MODELS: dict[int, tuple[str, tuple[str | tuple[str, ...], ...]]] = {
    1: ("joint space-time attention", ("joint",)),
    2: ("factorised encoder", ("space",)),
    3: ("factorised self-attention", ("space", "time")),
    4: ("factorised dot-product attention", (("space", "time"),)),
}


class ViViT(System):
    """Tubelets are tokens; the paper's four models say how these meet.

    1. All tokens of the clip attend to each other in every block.
    2. A transformer reads the tokens of each moment alone; its class tokens are the tokens of a
       second transformer, over time.
    3. Every block attends over space, and then over time, with weights of their own.
    4. In every block half of the heads attend over space and the other half over time. It has as
       many weights as model 1.

    Models 1 and 2 answer with a class token, 3 and 4 with the mean of all tokens: a class token
    would belong to no place and no moment.

    Args:
        in_features: C.
        model: 1, 2, 3 or 4.
        num_frames: T.
        size: side of a frame in pixels.
        tubelet_frames: t, a divisor of num_frames; 1: patches of single frames.
        patch_size: side of a tubelet in pixels, a divisor of size.
        width: D of a token.
        depth: blocks.
        temporal_depth: blocks of the transformer over time, of model 2 alone.
        heads: of each attention, a divisor of width; even in model 4.

    Raises:
        ValueError: if there is no such model, tubelets do not fit the clip, or (in `forward`)
            clips are of another size.
    """

    source = "Arnab et al. 2021, ViViT: A Video Vision Transformer"
    view = {"num_frames": 32, "size": 224, "sampler": "strided", "stride": 2}
    small = {
        "num_frames": 8,
        "size": 32,
        "tubelet_frames": 2,
        "patch_size": 8,
        "width": 64,
        "depth": 2,
        "heads": 4,
    }
    on_maps = {**small, "size": 4, "patch_size": 1}

    def __init__(
        self,
        in_features: int,
        *,
        model: int = 1,
        num_frames: int = 32,
        size: int = 224,
        tubelet_frames: int = 2,
        patch_size: int = 16,
        width: int = 768,
        depth: int = 12,
        temporal_depth: int = 4,
        heads: int = 12,
    ) -> None:
        super().__init__(
            in_features,
            width,
            model=model,
            num_frames=num_frames,
            size=size,
            tubelet_frames=tubelet_frames,
            patch_size=patch_size,
            width=width,
            depth=depth,
            temporal_depth=temporal_depth,
            heads=heads,
        )
        if model not in MODELS:
            raise ValueError(f"model ({model!r}) must be 1, 2, 3 or 4, as the paper numbers them")
        grid = grid_of(num_frames, size, frames=tubelet_frames, patch_size=patch_size)
        self.standardised = Standardised(in_features)
        self.tubelets = Tubelets(in_features, width, frames=tubelet_frames, patch_size=patch_size)
        self.num_moments = T = grid[0]
        first = (1, *grid[1:]) if model == 2 else grid
        self.positions = positions(first[0] * first[1] * first[2], width)
        self.transformer = Transformer(
            width,
            depth=depth,
            heads=heads,
            steps=MODELS[model][1],
            grid=first,
            class_token=model in (1, 2),
        )
        self.over_time: nn.Module | None = None
        if model == 2:
            self.moments = positions(T, width)
            self.over_time = Transformer(
                width, depth=temporal_depth, heads=heads, steps=["time"], grid=(T, 1, 1)
            )

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> (B, D)."""
        require_volume(clips, self.options["num_frames"], self.options["size"], "ViViT")
        tokens = self.tubelets(self.standardised(clips))  # (B, n, D)
        if self.over_time is None:
            return self.transformer(tokens + self.positions)
        frames = tokens.unflatten(1, (self.num_moments, -1)).flatten(0, 1)  # (B T, S, D)
        found = self.transformer(frames + self.positions)  # (B T, D)
        return self.over_time(found.unflatten(0, (-1, self.num_moments)) + self.moments)


class FactorisedEncoder(ViViT):
    """ViViT's model 2 by its own name, so that it can be compared with model 1.

    Args:
        in_features: C.
        model: 2.
        options: the other arguments of `ViViT`.
    """

    small = {**ViViT.small, "temporal_depth": 1}
    on_maps = {**ViViT.on_maps, "temporal_depth": 1}

    def __init__(self, in_features: int, *, model: int = 2, **options) -> None:
        super().__init__(in_features, model=model, **options)
