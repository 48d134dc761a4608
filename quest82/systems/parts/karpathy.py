"""The image network of Karpathy et al. 2014, for counting shapes and costs as they were."""

from __future__ import annotations

from torch import nn


class PaperImages(nn.Sequential):
    """C(96,11,3)-N-P-C(256,5,1)-N-P-C(384,3,1)-C(384,3,1)-C(256,3,1)-P, as the paper writes it.

    C(d, f, s) is a convolution to d channels with f x f kernels and stride s, and a ReLU; N is
    local response normalisation; P is the maximum of 2 x 2. The paper is silent on edges. None
    around the frame, zeros around feature maps, and pooling that keeps an incomplete last row give
    the 256 x 7 x 7 numbers that it names, of 178 pixels and of 89 without the last pooling.

    Args:
        in_channels: 3, or 3 T for early fusion.
        last_pool: whether the last P is there; the networks for fovea and context have none.
    """

    def __init__(self, in_channels: int = 3, *, last_pool: bool = True) -> None:
        layers = [
            *(*_convolution(in_channels, 96, 11, stride=3), _norm(), _pool()),
            *(*_convolution(96, 256, 5), _norm(), _pool()),
            *_convolution(256, 384, 3),
            *_convolution(384, 384, 3),
            *_convolution(384, 256, 3),
        ]
        super().__init__(*layers, *([_pool()] if last_pool else []))


def _convolution(ins: int, outs: int, side: int, *, stride: int = 1) -> tuple[nn.Module, ...]:
    padding = 0 if stride > 1 else side // 2
    return nn.Conv2d(ins, outs, side, stride=stride, padding=padding), nn.ReLU()


def _norm() -> nn.Module:
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.5, k=2)  # PyTorch divides alpha by 5


def _pool() -> nn.Module:
    return nn.MaxPool2d(2, ceil_mode=True)
