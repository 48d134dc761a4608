"""Where does the maximum over time stand? The five pooling architectures of Ng et al. 2015.

(Beyond Short Snippets, section 3.1.) Each has convolutional features of every frame at one end and
a softmax at the other; they differ in where between the fully connected layers the frames meet.
Here essences stand for the convolutional features, every architecture has two layers, and the
softmax is that of the classifier. "Conv pooling" is called `MaxPool` here: no convolution is in it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .projected import Projected


class MaxPool(Projected):
    """Conv pooling: the maximum over time of the features themselves, then two layers.

    A feature counts by the one frame in which it is largest: blind to order.

    Args:
        in_features: width D of an essence.
        projection_size: width P of both layers.
        dropout: share of the first layer's outputs set to zero in training.

    Attributes:
        out_features: P.
    """

    def __init__(
        self, in_features: int, *, projection_size: int = 256, dropout: float = 0.5
    ) -> None:
        super().__init__(in_features, projection_size=projection_size, dropout=dropout)
        self.second = nn.Sequential(nn.Linear(projection_size, projection_size), nn.ReLU())

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> (B, P)."""
        return self.second(self.projection(essences.amax(dim=1)))


class LatePool(MaxPool):
    """Late pooling: two layers on every frame, and the maximum over time at the end.

    What is pooled are no longer features of an image but what the layers make of them. It has the
    weights of `MaxPool`, and is blind to order as well.
    """

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> (B, P)."""
        return self.second(self.projection(essences)).amax(dim=1)


class _Windowed(MaxPool):
    """What architectures with windows in time share: their length and their distance."""

    def __init__(
        self,
        in_features: int,
        *,
        projection_size: int = 256,
        window: int = 4,
        stride: int = 2,
        dropout: float = 0.5,
    ) -> None:
        require_windows(window, stride)
        super().__init__(in_features, projection_size=projection_size, dropout=dropout)
        self.options |= {"window": window, "stride": stride}

    def _windows(self, essences: Tensor) -> Tensor:
        """The maximum of each window: (B, T, D) -> (B, windows, D)."""
        spans = windows(essences.shape[1], self.options["window"], self.options["stride"])
        return torch.stack([essences[:, span].amax(dim=1) for span in spans], dim=1)


class SlowPool(_Windowed):
    """Slow pooling: the maximum of each window, a layer, the maximum of all windows, a layer.

    It is blind to the order within a window, and to the order of windows. So it can tell a clip
    from a shuffled one, but never from its reverse where the windows fit the clip: the reverse has
    the same windows, the last one first.

    Args:
        in_features: width D of an essence.
        projection_size: width P of both layers.
        window: frames in a window; in the paper 10, of 30 or 120.
        stride: frames from window to window, at most `window`; in the paper 5.
        dropout: share of the first layer's outputs set to zero in training.

    Attributes:
        out_features: P.

    Raises:
        ValueError: if stride is below 1 or above window.
    """

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> (B, P)."""
        first = self.projection(self._windows(essences))  # (B, T, D) -> (B, windows, P)
        return self.second(first.amax(dim=1))


class LocalPool(_Windowed):
    """Local pooling: the maximum of each window, two layers, and all windows side by side.

    The softmax has weights of its own for each window, which makes this the only one of the five
    that can know which window came first.

    Args:
        in_features: width D of an essence.
        projection_size: width P of both layers.
        num_windows: W, windows that there are places for, at least 1.
        window: frames in a window (see `SlowPool`).
        stride: frames from window to window, at most `window`.
        dropout: share of the first layer's outputs set to zero in training.

    Attributes:
        out_features: W P.

    Raises:
        ValueError: if num_windows is below 1, stride below 1 or above window, or (in `forward`) a
            clip has more windows than there are places for. A shorter clip leaves places at zero.
    """

    def __init__(
        self,
        in_features: int,
        *,
        projection_size: int = 256,
        num_windows: int = 7,
        window: int = 4,
        stride: int = 2,
        dropout: float = 0.5,
    ) -> None:
        if num_windows < 1:
            raise ValueError(f"num_windows ({num_windows}) must be at least 1; 7 fit 16 frames")
        super().__init__(
            in_features,
            projection_size=projection_size,
            window=window,
            stride=stride,
            dropout=dropout,
        )
        self.out_features = num_windows * projection_size
        self.options["num_windows"] = num_windows

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> (B, W P)."""
        pooled, places = self._windows(essences), self.options["num_windows"]
        if pooled.shape[1] > places:
            raise ValueError(
                f"num_windows ({places}) must be at least the {pooled.shape[1]} windows of "
                f"{essences.shape[1]} frames; make another, or take a longer stride"
            )
        towers = self.second(self.projection(pooled))  # (B, windows, P)
        return F.pad(towers, (0, 0, 0, places - towers.shape[1])).flatten(1)


class TimeDomainPool(Projected):
    """Time-domain convolution: filters over a window of frames, and then the maximum over time.

    A filter tells the frames of its window apart, so order counts within a window; where in the
    clip it found something does not. (`conv_pool` is the same with three frames and stride 1.)

    Args:
        in_features: width D of an essence.
        projection_size: width P of both layers.
        window: frames that a filter sees; in the paper 10, of 30 or 120.
        stride: frames from window to window, at most `window`; in the paper 5.
        dropout: share of the first layer's outputs set to zero in training.

    Attributes:
        out_features: P.

    Raises:
        ValueError: if stride is below 1 or above window.
    """

    def __init__(
        self,
        in_features: int,
        *,
        projection_size: int = 256,
        window: int = 4,
        stride: int = 2,
        dropout: float = 0.5,
    ) -> None:
        require_windows(window, stride)
        super().__init__(in_features, projection_size=projection_size, dropout=dropout)
        self.options |= {"window": window, "stride": stride}
        self.convolution = nn.Conv1d(projection_size, projection_size, window, stride)

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D) -> what the filters found in some window (B, P)."""
        projected = self.projection(essences).transpose(1, 2)  # (B, T, D) -> (B, P, T)
        T = essences.shape[1]
        end = windows(T, self.options["window"], self.options["stride"])[-1].stop
        return self.convolution(F.pad(projected, (0, end - T))).relu().amax(dim=2)


def windows(T: int, window: int, stride: int) -> list[slice]:
    """Windows that cover T frames: of T = 8 with 4 and 2, frames 0 to 3, 2 to 5 and 4 to 7.

    The last one may reach beyond the clip, so that no frame is left out.
    """
    T = int(T)  # when a network is traced, T becomes a constant of the file
    begins = range(0, max(T - window, 0) + stride, stride)
    return [slice(begin, begin + window) for begin in begins]


def require_windows(window: int, stride: int) -> None:
    """Raises a ValueError if windows at that distance would leave frames out."""
    if not 1 <= stride <= window:
        raise ValueError(
            f"stride ({stride}) must be at least 1 and at most window ({window}), or frames "
            "between windows would be left out"
        )
