"""Inflation: every layer of a network for images becomes one for clips, with the same weights.

A kernel w (F, C, k, k) becomes one of n frames, w / n in each (Carreira & Zisserman 2017). The
sum over time is then what it was: shown one frame over and over, the clip's network answers in
every frame what the image's network answers. At the two ends of a clip there are frames missing.
I3D puts zeros there, which no still clip would show; then the law fails in the first and last
frames, and further inside with every layer. Here the first and the last frame are repeated, and it
holds everywhere.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

_ENDS = {"repeat": "replicate", "zeros": "constant"}


class InflatedConv(nn.Conv3d):
    """A 3D convolution that says itself what lies before the first and after the last frame.

    Args:
        image: the convolution of images to inflate, with zeros around, if anything.
        time_kernel: n, odd: frames that a kernel sees.
        time_stride: frames from one output to the next.
        ends: "repeat" or "zeros".
    """

    def __init__(self, image: nn.Conv2d, time_kernel: int, time_stride: int, ends: str) -> None:
        if image.padding_mode != "zeros" or isinstance(image.padding, str):
            raise ValueError(
                f"padding ({image.padding!r}, {image.padding_mode}) must be numbers, of zeros; "
                "exchange the layer before inflating"
            )
        super().__init__(
            image.in_channels,
            image.out_channels,
            _cube(time_kernel, image.kernel_size),
            stride=_cube(time_stride, image.stride),
            padding=_cube(0, image.padding),
            dilation=_cube(1, image.dilation),
            groups=image.groups,
            bias=image.bias is not None,
            device="meta",
        )
        self.ends = ends
        weight = image.weight.detach()[:, :, None].repeat(1, 1, time_kernel, 1, 1) / time_kernel
        self.weight = nn.Parameter(weight, requires_grad=image.weight.requires_grad)
        if image.bias is not None:
            bias = image.bias.detach().clone()
            self.bias = nn.Parameter(bias, requires_grad=image.bias.requires_grad)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, C, T, H, W) -> (B, F, T', H', W')."""
        around = self.kernel_size[0] // 2
        if around:
            clips = F.pad(clips, (0, 0, 0, 0, around, around), mode=_ENDS[self.ends])
        return super().forward(clips)


def inflate(
    network: nn.Module,
    *,
    time_kernel: int | None = 3,
    time_strides: Mapping[str, int] | None = None,
    ends: str = "repeat",
) -> nn.Module:
    """A network for clips (B, C, T, H, W) from one for images (B, C, H, W); that one is left as is.

    Convolutions that look around (3 x 3 and larger) also look around in time; those of 1 x 1 mix
    channels at one place and one time, as in I3D. In MobileNetV2 these are the first convolution
    and all depthwise ones. Pools stay within a frame, but for one over the whole map, which becomes
    one over the whole clip. What does its work in functions of its own, not in layers, must not
    depend on the number of dimensions: of torchvision's MobileNetV2 inflate `features`; a ResNet
    can be inflated whole.

    Args:
        network: convolutions, batch norms, pools, and layers that work number by number.
        time_kernel: n, odd; None: as many as the kernel's rows, a cube.
        time_strides: names of parts, such as "layer2" or "4", and the frames from one output of
            their strided layers to the next; all others keep every frame.
        ends: what lies before the first and after the last frame: "repeat" that frame, or "zeros".

    Raises:
        ValueError: if time_kernel is even or below 1, there is no part of such a name, ends is
            another word, or there is a layer for images that cannot be inflated.
    """
    if ends not in _ENDS:
        raise ValueError(f"ends ({ends!r}) must be one of {', '.join(_ENDS)}")
    if time_kernel is not None and (time_kernel < 1 or time_kernel % 2 == 0):
        raise ValueError(f"time_kernel ({time_kernel}) must be odd, such as 3, or None for a cube")
    parts, strides = dict(network.named_modules()), dict(time_strides or {})
    if unknown := strides.keys() - parts.keys():
        raise ValueError(f"time_strides ({min(unknown)!r}) must name parts, as named_modules does")

    def inflated(name: str, layer: nn.Module) -> nn.Module:
        stride = _stride_of(name, layer, strides)
        if isinstance(layer, nn.Conv2d):
            rows = layer.kernel_size[0]
            n = 1 if max(layer.kernel_size) == 1 else rows if time_kernel is None else time_kernel
            return InflatedConv(layer, n, stride, ends)
        return _without_kernel(name, layer, stride)

    return _exchanged(copy.deepcopy(network), "", inflated)


def _exchanged(
    module: nn.Module, name: str, inflated: Callable[[str, nn.Module], nn.Module]
) -> nn.Module:
    """The same module, with every layer in it exchanged; a layer alone gives another one."""
    if not list(module.children()):
        return inflated(name, module).train(module.training)
    for key, child in module.named_children():
        setattr(module, key, _exchanged(child, f"{name}.{key}".lstrip("."), inflated))
    return module


def _stride_of(name: str, layer: nn.Module, strides: Mapping[str, int]) -> int:
    """Of a layer that strides in space, that of the part that it stands in; of others 1."""
    step: Any = getattr(layer, "stride", 1)
    if max(step if isinstance(step, tuple) else (step,)) == 1:
        return 1
    found = [s for part, s in strides.items() if f"{name}.".startswith(f"{part}.") or not part]
    return found[0] if found else 1


def _without_kernel(name: str, layer: nn.Module, time_stride: int) -> nn.Module:
    """A layer without a kernel that is learned."""
    if isinstance(layer, nn.BatchNorm2d):
        return _same_norm(layer)
    if isinstance(layer, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
        if layer.output_size not in (1, (1, 1)):
            raise ValueError(f"{name} ({layer}) must pool the whole map to be inflated")
        return nn.AdaptiveAvgPool3d(1) if "Avg" in type(layer).__name__ else nn.AdaptiveMaxPool3d(1)
    if isinstance(layer, nn.MaxPool2d):
        return nn.MaxPool3d(
            _cube(1, layer.kernel_size),
            _cube(time_stride, layer.stride),
            _cube(0, layer.padding),
            _cube(1, layer.dilation),
            ceil_mode=layer.ceil_mode,
        )
    if isinstance(layer, nn.AvgPool2d):
        return nn.AvgPool3d(
            _cube(1, layer.kernel_size),
            _cube(time_stride, layer.stride),
            _cube(0, layer.padding),
            ceil_mode=layer.ceil_mode,
            count_include_pad=layer.count_include_pad,
        )
    if "2d" in type(layer).__name__:
        raise ValueError(f"{name} ({layer}) cannot be inflated; exchange it before")
    return layer


def _same_norm(image: nn.BatchNorm2d) -> nn.BatchNorm3d:
    """Statistics and weights of the images' norm, for clips."""
    norm = nn.BatchNorm3d(
        image.num_features,
        image.eps,
        image.momentum,
        image.affine,
        image.track_running_stats,
    )
    norm.load_state_dict(image.state_dict(), assign=True)
    return norm.requires_grad_(all(p.requires_grad for p in image.parameters()))


def _cube(time: int, size: int | tuple[int, ...]) -> tuple[int, int, int]:
    """A size in space with one in time before it."""
    rows, columns = (size, size) if isinstance(size, int) else size
    return time, rows, columns
