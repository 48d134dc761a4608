"""Batch normalisation after training: held still on other data, or fused away."""

from __future__ import annotations

import copy
from typing import TypeVar, cast

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Network = TypeVar("Network", bound=nn.Module)


class StillBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation by the statistics that it has, in training as well; they stay."""

    def train(self, mode: bool = True) -> StillBatchNorm2d:
        """Stay in eval mode."""
        return super().train(False)


def partial_batch_norm(network: nn.Module, *, keep: int = 1) -> nn.Module:
    """Hold the statistics of all batch normalisation but the first (Wang et al. 2016), in place.

    A network that was trained on many images knows better means and variances than a few clips
    can give; those of the first layer are estimated anew, since what comes in is of another kind.
    Scale and shift are learned everywhere. A network without training should be left alone: its
    statistics are 0 and 1, and mean nothing.

    Args:
        network: of 2D convolutions; weights, names and the file of a model stay as they are.
        keep: so many, in the order of its modules, go on estimating.

    Returns:
        The same network.

    Raises:
        ValueError: if keep is below 0, or it has no batch normalisation.
    """
    found = [name for name, m in network.named_modules() if type(m) is nn.BatchNorm2d]
    if keep < 0 or not found:
        raise ValueError(
            f"keep ({keep}) must be at least 0, and the network ({type(network).__name__}) have "
            "batch normalisation in 2D to hold"
        )
    for name in found[keep:]:
        network.set_submodule(name, _held(cast(nn.BatchNorm2d, network.get_submodule(name))))
    return network


def fused(network: Network) -> Network:
    """A frozen copy in which batch norms are part of the convolutions before them.

    After training, a batch norm is a multiplication and an addition, and so is a convolution: one
    does for both. Where the two do not stand in one `nn.Sequential`, they stay as they are.

    Args:
        network: with 2D convolutions; it is left as it was.

    Returns:
        The copy, in eval mode: the same answers, up to rounding.
    """
    network = copy.deepcopy(network).eval().requires_grad_(False)
    for block in list(network.modules()):
        if not isinstance(block, nn.Sequential):
            continue
        for k in range(len(block) - 1):
            convolution, norm = block[k], block[k + 1]
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                block[k] = fuse_conv_bn_eval(convolution, norm)
                block[k + 1] = nn.Identity()
    return network


def _held(norm: nn.BatchNorm2d) -> StillBatchNorm2d:
    """One of the same numbers that holds them."""
    kind = next(norm.buffers())
    held = StillBatchNorm2d(
        norm.num_features,
        norm.eps,
        norm.momentum,
        norm.affine,
        device=kind.device,
        dtype=kind.dtype,
    )
    held.load_state_dict(norm.state_dict())
    return held.eval()
