"""TimeSformer: a transformer over the patches of all frames, with five ways to divide attention."""

from __future__ import annotations

from torch import Tensor

from .parts.imagenet import Standardised
from .parts.system import System
from .parts.token_groups import SCHEMES
from .parts.transformer import Transformer, positions
from .parts.tubelets import Tubelets, grid_of
from .parts.volume import require_volume


class TimeSformer(System):
    """Patches of single frames are tokens; a scheme says which ones meet in a block.

    Schemes, each with queries, keys and values of its own in every step:

    - "space": only the patches of a frame meet. Each frame has a class token of its own, there are
      no positions in time, and the answer is the mean over frames: blind to order.
    - "joint": all patches of the clip meet.
    - "divided": first those of the same place in all frames, then those of the same frame.
    - "local_global": first those of a quarter of the frame, in all frames, then every second one
      in time, rows and columns. (The paper's neighbourhood is of this size. It does not say whether
      it moves along with the query; here the frame is cut into four.)
    - "axial": those of the same place, then of the same row, then of the same column.

    Args:
        in_features: C.
        scheme: one of these.
        num_frames: T.
        size: side of a frame in pixels.
        patch_size: side of a patch in pixels, a divisor of size.
        width: D of a token.
        depth: blocks.
        heads: of each attention, a divisor of width.

    Raises:
        ValueError: if there is no such scheme, patches do not fit a frame, or (in `forward`) clips
            are of another size.
    """

    source = "Bertasius et al. 2021, Is Space-Time Attention All You Need for Video Understanding?"
    view = {"num_frames": 8, "size": 224, "sampler": "strided", "stride": 32}
    small = {"num_frames": 8, "size": 32, "patch_size": 8, "width": 64, "depth": 2, "heads": 4}
    on_maps = {"num_frames": 8, "size": 4, "patch_size": 1, "width": 64, "depth": 2, "heads": 4}

    def __init__(
        self,
        in_features: int,
        *,
        scheme: str = "divided",
        num_frames: int = 8,
        size: int = 224,
        patch_size: int = 16,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
    ) -> None:
        super().__init__(
            in_features,
            width,
            scheme=scheme,
            num_frames=num_frames,
            size=size,
            patch_size=patch_size,
            width=width,
            depth=depth,
            heads=heads,
        )
        if scheme not in SCHEMES:
            raise ValueError(f"scheme ({scheme!r}) must be one of {', '.join(SCHEMES)}")
        T, H, W = grid_of(num_frames, size, frames=1, patch_size=patch_size)
        self.by_frame = scheme == "space"
        self.standardised = Standardised(in_features)
        self.tubelets = Tubelets(in_features, width, frames=1, patch_size=patch_size)
        self.places = positions(H * W, width)
        self.times = None if self.by_frame else positions(T, 1, width)
        self.transformer = Transformer(
            width,
            depth=depth,
            heads=heads,
            steps=SCHEMES[scheme],
            grid=(1 if self.by_frame else T, H, W),
        )

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> what the class token has collected (B, D)."""
        T = self.options["num_frames"]
        require_volume(clips, T, self.options["size"], "TimeSformer")
        tokens = self.tubelets(self.standardised(clips))  # (B, T S, D)
        tokens = tokens.unflatten(1, (T, -1)) + self.places  # (B, T, S, D)
        if self.times is not None:
            return self.transformer((tokens + self.times).flatten(1, 2))  # (B, T S, D) -> (B, D)
        frames = self.transformer(tokens.flatten(0, 1))  # (B T, S, D) -> (B T, D)
        return frames.unflatten(0, (-1, T)).mean(dim=1)
