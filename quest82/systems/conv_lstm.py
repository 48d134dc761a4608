"""Recurrent networks whose state is a map: memory that keeps its place.

Where a recurrent network multiplies vectors by matrices, these convolve maps: what a position
remembers comes from its neighbourhood in the frame before.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .parts.blocks import Stages2d, each_frame
from .parts.system import System


class ConvLSTMCell(nn.Module):
    """A convolutional LSTM (Shi et al. 2015), without their weights from the cell to the gates.

    Input, forget and output gate i, f, o and the proposal g are maps of F channels each, and * is a
    convolution with zeros around the map:

        i, f, g, o = W * x + U * h + b
        c = sigmoid(f) c + sigmoid(i) tanh(g)
        h = sigmoid(o) tanh(c)

    With 1 x 1 kernels and maps of one position it is `nn.LSTM`.

    Args:
        in_channels: C of the maps x.
        hidden_channels: F of the state.
        kernel_size: odd side of the kernels of W and U.

    Raises:
        ValueError: if kernel_size is even: no position would be in its middle.
    """

    def __init__(self, in_channels: int, hidden_channels: int, *, kernel_size: int = 3) -> None:
        super().__init__()
        F, around = hidden_channels, _around(kernel_size)
        self.hidden_channels = hidden_channels
        self.from_input = nn.Conv2d(in_channels, 4 * F, kernel_size, padding=around)
        self.from_state = nn.Conv2d(F, 4 * F, kernel_size, padding=around, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, T, C, H, W) -> the hidden map after each frame (B, T, F, H, W)."""
        given = each_frame(self.from_input, maps)  # (B, T, C, H, W) -> (B, T, 4 F, H, W)
        h = c = _zeros(given, self.hidden_channels)  # (B, F, H, W)
        hidden = []
        for frame in given.unbind(dim=1):
            i, f, g, o = (frame + self.from_state(h)).chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            hidden.append(h)
        return torch.stack(hidden, dim=1)


class ConvGRUCell(nn.Module):
    """A convolutional gated recurrent unit (Ballas et al. 2016).

    Update gate z, reset gate r and the proposal n are maps of F channels each:

        r, z, a = W * x + b
        r = sigmoid(r + U_r * h)
        z = sigmoid(z + U_z * h)
        n = tanh(a + U * (r h))
        h = (1 - z) n + z h

    The state is reset *before* it is convolved, as Cho et al. 2014 have it; `nn.GRU` resets after
    multiplying. With 1 x 1 kernels and maps of one position both are equal where U is diagonal.
    (Ballas et al. call 1 - z what is z here, as `nn.GRU` has it.)

    Args:
        in_channels: C of the maps x.
        hidden_channels: F of the state.
        kernel_size: odd side of all kernels.

    Raises:
        ValueError: if kernel_size is even.
    """

    def __init__(self, in_channels: int, hidden_channels: int, *, kernel_size: int = 3) -> None:
        super().__init__()
        F, around = hidden_channels, _around(kernel_size)
        self.hidden_channels = hidden_channels
        self.from_input = nn.Conv2d(in_channels, 3 * F, kernel_size, padding=around)
        self.gates_from_state = nn.Conv2d(F, 2 * F, kernel_size, padding=around, bias=False)
        self.from_reset = nn.Conv2d(F, F, kernel_size, padding=around, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, T, C, H, W) -> the state after each frame (B, T, F, H, W)."""
        F = self.hidden_channels
        given = each_frame(self.from_input, maps)  # (B, T, C, H, W) -> (B, T, 3 F, H, W)
        h = _zeros(given, F)  # (B, F, H, W)
        states = []
        for frame in given.unbind(dim=1):
            gates, a = frame.split([2 * F, F], dim=1)
            r, z = (gates + self.gates_from_state(h)).sigmoid().chunk(2, dim=1)
            n = (a + self.from_reset(r * h)).tanh()
            h = (1 - z) * n + z * h
            states.append(h)
        return torch.stack(states, dim=1)


class _RecurrentMaps(System):
    """What both systems share: image stages, a recurrent map, and its maximum over positions."""

    cell: type[ConvLSTMCell] | type[ConvGRUCell]
    view = {"num_frames": 10, "size": 224, "sampler": "strided", "stride": 1}
    small = {"widths": [16, 32], "hidden_channels": 32}
    on_maps = {"widths": [], "hidden_channels": 64}

    def __init__(
        self,
        in_features: int,
        *,
        widths: Sequence[int] = (32, 64, 128),
        hidden_channels: int = 64,
        kernel_size: int = 3,
    ) -> None:
        super().__init__(
            in_features,
            hidden_channels,
            widths=list(widths),
            hidden_channels=hidden_channels,
            kernel_size=kernel_size,
        )
        self.images = Stages2d(in_features, widths) if widths else nn.Identity()
        channels = widths[-1] if widths else in_features
        self.recurrence = self.cell(channels, hidden_channels, kernel_size=kernel_size)

    def hidden_maps(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the state after each frame (B, T, F, H', W')."""
        return self.recurrence(each_frame(self.images, clips))

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the most of each channel anywhere in the last state (B, F)."""
        return self.hidden_maps(clips)[:, -1].amax(dim=(2, 3))


class ConvLSTM(_RecurrentMaps):
    """Image stages, a convolutional LSTM on their maps, the maximum of its last state.

    Shi et al. forecast rain with it. As a classifier, place is kept as long as frames are read and
    pooled away after the last one.

    Args:
        in_features: C.
        widths: channels of the stages of the image network, each of which halves the map; none:
            the frames are feature maps already.
        hidden_channels: F, of the state.
        kernel_size: odd side of the kernels of the recurrence.

    Raises:
        ValueError: if kernel_size is even.
    """

    source = "Shi et al. 2015, Convolutional LSTM Network"
    cell = ConvLSTMCell


class ConvGRU(_RecurrentMaps):
    """Image stages, a convolutional GRU on their maps, the maximum of its last state.

    Ballas et al. put one on each of five maps of VGG-16, from fine to coarse, and average the last
    states over positions; here it is one, on the last map.

    Args:
        in_features: C.
        widths: channels of the stages (see `ConvLSTM`).
        hidden_channels: F, of the state.
        kernel_size: odd side of the kernels of the recurrence.

    Raises:
        ValueError: if kernel_size is even.
    """

    source = "Ballas et al. 2016, Delving Deeper into Convolutional Networks for Learning Video"
    cell = ConvGRUCell


def _zeros(given: Tensor, F: int) -> Tensor:
    """The state before the first frame: (B, T, G, H, W) -> zeros (B, F, H, W)."""
    return torch.zeros_like(given[:, 0, :F])


def _around(kernel_size: int) -> int:
    if kernel_size % 2 == 0:
        raise ValueError(
            f"kernel_size ({kernel_size}) must be odd, so that a position has a middle; take 3 or 5"
        )
    return kernel_size // 2
