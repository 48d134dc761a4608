"""Space, then time: residual networks whose 3D convolutions are whole, factorised, or flat."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import Tensor, nn

from .parts.factors import Space, Time, middle_width
from .parts.system import System
from .parts.volume import as_volume, drawn_for_relus

_TRAN = "Tran et al. 2018, A Closer Look at Spatiotemporal Convolutions for Action Recognition"
# in_channels, out_channels, M, stride -> a layer for volumes
Convolution = Callable[[int, int, int, int], nn.Module]


def whole(ins: int, outs: int, middle: int, stride: int) -> nn.Module:
    """A 3 x 3 x 3 convolution: space and time in one."""
    return nn.Conv3d(ins, outs, 3, stride, 1, bias=False)


def factorised(ins: int, outs: int, middle: int, stride: int) -> nn.Module:
    """Space to M channels, a ReLU more, then time."""
    space, time = Space(ins, middle, stride=stride), Time(middle, outs, stride=stride)
    return nn.Sequential(space, nn.BatchNorm3d(middle), nn.ReLU(inplace=True), time)


def flat(ins: int, outs: int, middle: int, stride: int) -> nn.Module:
    """Space alone: frames do not meet."""
    return Space(ins, outs, stride=stride)


class _Block(nn.Module):
    """Two convolutions beside a short cut. Names of parts are torchvision's."""

    def __init__(self, ins: int, outs: int, convolution: Convolution, stride: int) -> None:
        super().__init__()
        M = middle_width(ins, outs)  # of both convolutions, as in torchvision
        first, second = convolution(ins, outs, M, stride), convolution(outs, outs, M, 1)
        self.conv1 = nn.Sequential(first, nn.BatchNorm3d(outs), nn.ReLU(inplace=True))
        self.conv2 = nn.Sequential(second, nn.BatchNorm3d(outs))
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or ins != outs:
            steps = (1 if convolution is flat else stride, stride, stride)
            shorter = nn.Conv3d(ins, outs, 1, steps, bias=False)
            self.downsample = nn.Sequential(shorter, nn.BatchNorm3d(outs))

    def forward(self, volumes: Tensor) -> Tensor:
        return (self.conv2(self.conv1(volumes)) + self.downsample(volumes)).relu()


class _VideoResNet(System):
    """What the three have in common: a stem, stages of blocks, the mean over all positions."""

    source = _TRAN
    view = {"num_frames": 16, "size": 112, "sampler": "strided", "stride": 2}
    small = {"widths": [16, 32, 64], "blocks": [1, 1, 1], "stem_size": 3}
    on_maps = {"widths": [64], "blocks": [1], "stem_size": 3, "stem_stride": 1}

    def __init__(
        self,
        in_features: int,
        *,
        widths: Sequence[int] = (64, 128, 256, 512),
        blocks: Sequence[int] = (2, 2, 2, 2),
        stem_size: int = 7,
        stem_stride: int = 2,
        **options,
    ) -> None:
        super().__init__(
            in_features,
            widths[-1],
            widths=list(widths),
            blocks=list(blocks),
            stem_size=stem_size,
            stem_stride=stem_stride,
            **options,
        )
        parts: OrderedDict[str, nn.Module] = OrderedDict(
            stem=self.make_stem(in_features, widths[0])
        )
        ins = widths[0]
        for number, (outs, depth) in enumerate(zip(widths, blocks, strict=True), start=1):
            parts[f"layer{number}"] = self._stage(number, ins, outs, depth)
            ins = outs
        self.network = nn.Sequential(parts)
        self.network.apply(drawn_for_relus)

    def convolution(self, stage: int) -> Convolution:
        """How the blocks of a stage, counted from 1, convolve."""
        raise NotImplementedError(f"{type(self).__name__} must say how its blocks convolve")

    def make_stem(self, ins: int, outs: int) -> nn.Sequential:
        """3 x d x d, whole, as R3D and MC3 begin."""
        d, s = self.options["stem_size"], self.options["stem_stride"]
        first = nn.Conv3d(ins, outs, (3, d, d), (1, s, s), (1, d // 2, d // 2), bias=False)
        return nn.Sequential(first, nn.BatchNorm3d(outs), nn.ReLU(inplace=True))

    def _stage(self, number: int, ins: int, outs: int, depth: int) -> nn.Sequential:
        kind, stride = self.convolution(number), 1 if number == 1 else 2
        first = _Block(ins, outs, kind, stride)
        return nn.Sequential(first, *(_Block(outs, outs, kind, 1) for _ in range(depth - 1)))

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the mean over frames and positions (B, F)."""
        return self.network(as_volume(clips)).mean(dim=(2, 3, 4))


class R3D(_VideoResNet):
    """A residual network of 3 x 3 x 3 convolutions: the 3D sister of `R2Plus1D`.

    With the options as they are it is torchvision's `r3d_18` without its last layer: `network`
    takes the weights of the same names.

    Args:
        in_features: C.
        widths: channels of each stage; from the second on a stage halves frames, rows, columns.
        blocks: how many residual blocks each stage has.
        stem_size: d of the first convolution, 3 x d x d.
        stem_stride: its step in rows and columns.
    """

    def convolution(self, stage: int) -> Convolution:
        """See `_VideoResNet`."""
        return whole


class MC3(_VideoResNet):
    """Mixed convolutions: 3D in the first stage, and 2D from there on, where frames meet no more.

    Without its last layer torchvision's `mc3_18`; the arguments are those of `R3D`, but no stage
    halves the frames.
    """

    def convolution(self, stage: int) -> Convolution:
        """See `_VideoResNet`."""
        return whole if stage == 1 else flat


class R2Plus1D(_VideoResNet):
    """Each 3 x 3 x 3 convolution as 1 x 3 x 3, a ReLU, and 3 x 1 x 1, with as many weights.

    Without its last layer torchvision's `r2plus1d_18`.

    Args:
        in_features: C.
        stem_middle: channels between space and time of the stem; 45 is torchvision's, and no
            result of the formula.
        options: the other arguments of `R3D`.
    """

    small = {**_VideoResNet.small, "stem_middle": 12}
    on_maps = {**_VideoResNet.on_maps, "stem_middle": 64}

    def __init__(self, in_features: int, *, stem_middle: int = 45, **options) -> None:
        super().__init__(in_features, stem_middle=stem_middle, **options)

    def convolution(self, stage: int) -> Convolution:
        """See `_VideoResNet`."""
        return factorised

    def make_stem(self, ins: int, outs: int) -> nn.Sequential:
        """1 x d x d, then 3 x 1 x 1."""
        M = self.options["stem_middle"]
        space = Space(ins, M, d=self.options["stem_size"], stride=self.options["stem_stride"])
        between, after = ((nn.BatchNorm3d(width), nn.ReLU(inplace=True)) for width in (M, outs))
        return nn.Sequential(space, *between, Time(M, outs), *after)
