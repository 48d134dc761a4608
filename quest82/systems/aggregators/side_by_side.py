"""A few frames side by side: what a comparison of states can tell, and no more."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class SideBySide(nn.Module):
    """A hidden layer on a few essences side by side, the first and the last one by default.

    Where this is as good as a model of all frames, states are to be compared and no motion need be
    followed. (Karpathy et al. 2014 fuse two frames of a clip late, in the same way.)

    Args:
        in_features: width D of an essence.
        frames: numbers of the frames; negative ones count from the end.
        hidden_size: width H of the hidden layer.

    Attributes:
        out_features: H.

    Raises:
        ValueError: if there are no frames, or (in `forward`) a clip has no frame of that number.
    """

    def __init__(
        self, in_features: int, *, frames: Sequence[int] = (0, -1), hidden_size: int = 128
    ) -> None:
        if not frames:
            raise ValueError(f"frames ({frames!r}) must name at least one frame, such as (0, -1)")
        super().__init__()
        self.in_features, self.out_features = in_features, hidden_size
        self.options: dict = {"frames": list(frames), "hidden_size": hidden_size}
        self.layers = nn.Sequential(nn.Linear(len(frames) * in_features, hidden_size), nn.ReLU())

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> hidden layer (B, H)."""
        T, frames = essences.shape[1], self.options["frames"]
        if missing := [t for t in frames if not -T <= t < T]:
            raise ValueError(f"frames ({missing[0]}) must be numbers of the {T} frames of a clip")
        return self.layers(essences[:, frames].flatten(1))  # (B, frames * D) -> (B, H)
