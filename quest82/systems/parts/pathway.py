"""A residual network of bottlenecks over clips, stage by stage: one pathway of SlowFast."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .factors import Space, Time

EXPANSION = 4  # a bottleneck's output is this many times wider than its inside


class Bottleneck(nn.Module):
    """t x 1 x 1 to the inside width, 1 x 3 x 3, 1 x 1 x 1 out of it; a short cut beside all three.

    Volumes (B, C, T, H, W) -> (B, 4 inside, T, H / stride, W / stride): no frame is dropped.

    Args:
        ins: C.
        inside: width between the three convolutions.
        time_kernel: t, odd.
        stride: in rows and columns.
    """

    def __init__(self, ins: int, inside: int, *, time_kernel: int, stride: int) -> None:
        super().__init__()
        outs = EXPANSION * inside
        self.network = nn.Sequential(
            *with_norm(Time(ins, inside, t=time_kernel)),
            *with_norm(Space(inside, inside, stride=stride)),
            *with_norm(Space(inside, outs, d=1))[:2],  # the last ReLU comes after the sum
        )
        self.shorter: nn.Module = nn.Identity()
        if stride != 1 or ins != outs:
            self.shorter = nn.Sequential(*with_norm(Space(ins, outs, d=1, stride=stride))[:2])

    def forward(self, volumes: Tensor) -> Tensor:
        """Volumes (B, C, T, H, W) -> (B, 4 inside, T, H', W')."""
        return (self.network(volumes) + self.shorter(volumes)).relu()


class Pathway(nn.Module):
    """A stem and stages, each of which can be given more channels than the one before made.

    Args:
        in_channels: C of the frames.
        widths: inside width of the bottlenecks of each stage; the stem makes ``widths[0]``.
        blocks: bottlenecks of each stage.
        time_kernels: frames that the stem sees, then those that the blocks of each stage see.
        joined: channels joined to the input of each stage; empty: none.
        stem_size: d of the first convolution, t x d x d.
        stem_stride: its step in rows and columns.
        stem_pool: halve rows and columns once more, by the maximum of 3 x 3.
    """

    def __init__(
        self,
        in_channels: int,
        widths: Sequence[int],
        blocks: Sequence[int],
        *,
        time_kernels: Sequence[int],
        joined: Sequence[int],
        stem_size: int,
        stem_stride: int,
        stem_pool: bool,
    ) -> None:
        super().__init__()
        t, d, s = time_kernels[0], stem_size, stem_stride
        around = (t // 2, d // 2, d // 2)
        first = nn.Conv3d(in_channels, widths[0], (t, d, d), (1, s, s), around, bias=False)
        pool = [nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))] if stem_pool else []
        self.stem = nn.Sequential(*with_norm(first), *pool)
        more = list(joined) or [0] * len(widths)
        given = [made + own for made, own in zip(made_by(widths), more, strict=False)]
        stages = zip(given, widths, blocks, time_kernels[1:], strict=True)
        self.stages = nn.ModuleList(
            _stage(*stage, stride=2 if number else 1) for number, stage in enumerate(stages)
        )

    def forward(self, volumes: Tensor, joins: Sequence[Tensor] = ()) -> list[Tensor]:
        """Volumes (B, C, T, H, W) -> what the stem, then each stage makes.

        Args:
            volumes: the clips.
            joins: for each stage volumes that are joined to its input, as further channels.
        """
        made = [self.stem(volumes)]
        for number, stage in enumerate(self.stages):
            given = torch.cat([made[-1], joins[number]], dim=1) if joins else made[-1]
            made.append(stage(given))
        return made


def made_by(widths: Sequence[int]) -> list[int]:
    """Channels that the stem, then each stage of a pathway makes."""
    return [widths[0], *(EXPANSION * inside for inside in widths)]


def _stage(ins: int, inside: int, depth: int, time_kernel: int, *, stride: int) -> nn.Sequential:
    first = Bottleneck(ins, inside, time_kernel=time_kernel, stride=stride)
    outs = EXPANSION * inside
    more = (Bottleneck(outs, inside, time_kernel=time_kernel, stride=1) for _ in range(depth - 1))
    return nn.Sequential(first, *more)


def with_norm(convolution: nn.Conv3d) -> list[nn.Module]:
    """A convolution without bias, its batch norm and ReLU."""
    return [convolution, nn.BatchNorm3d(convolution.out_channels), nn.ReLU()]
