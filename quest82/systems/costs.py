"""What a system costs: parameters, and multiplications with their additions, counted by code."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


class Costs(NamedTuple):
    """Of one system on one clip.

    Attributes:
        parameters: numbers that are learned.
        multiply_adds: multiplications each with an addition, of convolutions and matrix products,
            which are nearly all there are.
    """

    parameters: int
    multiply_adds: int


def costs(model: nn.Module, clip_shape: tuple[int, ...]) -> Costs:
    """Count them without computing anything: the network and the clip have shapes, and no numbers.

    Args:
        model: a batch of one such clip -> logits; it stays as it is, be it on the device "meta".
        clip_shape: of one clip, such as (T, 3, H, W) or (T, D).
    """
    shapes = copy.deepcopy(model).to("meta").eval()
    clip = torch.empty(1, *clip_shape, device="meta", dtype=next(model.parameters()).dtype)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        shapes(clip)
    parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return Costs(parameters, counter.get_total_flops() // 2)


def kept_bytes(model: nn.Module, clip_shape: tuple[int, ...]) -> int:
    """Memory that a step of training fills with what its backward pass needs, for one clip.

    Counted without computing anything, as in `costs`, in bytes: whatever PyTorch keeps, each
    storage once, without the parameters. Their gradients and the optimiser's state come on top.

    Args:
        model: a batch of one such clip -> logits; it stays as it is, be it on the device "meta".
        clip_shape: of one clip, such as (T, 3, H, W) or (T, D).
    """
    shapes = copy.deepcopy(model).to("meta").train()
    clip = torch.empty(1, *clip_shape, device="meta", dtype=next(model.parameters()).dtype)
    own = {p.untyped_storage()._cdata for p in shapes.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}  # held, so that no address is used twice

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = shapes(clip)
    del logits
    return sum(storage.nbytes() for address, storage in kept.items() if address not in own)
