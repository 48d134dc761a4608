"""Batch normalisation when a trained network goes on to other data."""

from __future__ import annotations

from typing import cast

from torch import nn


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
