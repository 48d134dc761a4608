"""The first layer of an image network, made to read something else than colours."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


def across_colours(weight: Tensor, channels: int) -> Tensor:
    """Filters for any number of channels from filters for colours (Wang et al. 2016).

    Each is the mean over the colours, once for each channel. On a stack whose channels are all the
    same image, the answer is channels / C times that of the image network to this image in grey:
    Wang et al. do not divide by it, and batch normalisation takes it out again.

    Args:
        weight: (F, C, ...), filters of a convolution.
        channels: of what is to be read, such as 2 L for L steps of flow.

    Returns:
        (F, channels, ...).
    """
    mean = weight.mean(dim=1, keepdim=True)  # (F, 1, ...)
    return mean.repeat_interleave(channels, dim=1)


def for_channels(images: nn.Module, channels: int) -> nn.Module:
    """A copy of an image network that reads so many channels; its first convolution is changed.

    Args:
        images: a network whose first convolution, in the order of its modules, reads the colours.
        channels: of what is to be read.

    Raises:
        ValueError: if it has no convolution, or one in groups comes first.
    """
    network = copy.deepcopy(images)
    found = [(name, m) for name, m in network.named_modules() if isinstance(m, nn.Conv2d)]
    if not found or found[0][1].groups != 1:
        raise ValueError(
            f"images ({type(images).__name__}) must begin with a convolution over all colours"
        )
    name, first = found[0]
    wide = _like(first, channels)
    with torch.no_grad():
        wide.weight.copy_(across_colours(first.weight, channels))
        if first.bias is not None and wide.bias is not None:
            wide.bias.copy_(first.bias)
    if not name:  # it is nothing but that
        return wide
    network.set_submodule(name, wide)
    return network


def _like(conv: nn.Conv2d, channels: int) -> nn.Conv2d:
    """Another one with other channels in; its weights are still to be filled."""
    return nn.Conv2d(
        channels,
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        conv.dilation,  # type: ignore[arg-type]
        bias=conv.bias is not None,
        padding_mode=conv.padding_mode,
        device=conv.weight.device,
        dtype=conv.weight.dtype,
    )
