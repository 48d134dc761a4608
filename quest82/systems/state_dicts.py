"""Weights of networks: read from files without running code in them, and named by their digest."""

from __future__ import annotations

import hashlib
import pickle  # only for the name of the error that torch raises
import re
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

_UNREADABLE = (AttributeError, EOFError, KeyError, OSError, RuntimeError, TypeError, ValueError)
# "denselayer1.norm.1.weight": how densenets of 2017 call their parts in files that still go about.
_OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")


def load_into(network: nn.Module, path: Path, *, name: str) -> None:
    """Fill a network with the weights in a file.

    Args:
        network: whose weights are overwritten.
        path: a state dict: .safetensors, or .pth, which is read without running any code in it.
        name: what torchvision calls the network.

    Raises:
        ValueError: if there is no such file, or it does not hold such a network.
    """
    try:
        if path.suffix == ".safetensors":
            state = safetensors.torch.load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        fill(network, state)
    except FileNotFoundError as error:
        raise ValueError(f"weights ({path}): there is no such file") from error
    except (*_UNREADABLE, SafetensorError, pickle.UnpicklingError) as error:
        raise ValueError(f"weights ({path}): not a state dict of torchvision's {name}") from error


def read_safetensors(path: str | Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The text and the tensors in a .safetensors file.

    Raises:
        SafetensorError: if it is no such file.
    """
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return file.metadata() or {}, tensors


def fill(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load a state dict, be it in names of long ago."""
    network.load_state_dict({_OLD_NAME.sub(r"\1\2", key): value for key, value in state.items()})


def fingerprint_of(network: nn.Module) -> str:
    """SHA-256 (first 16 digits) of all weights and their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
