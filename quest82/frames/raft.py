"""Optical flow by a trained network, RAFT, on weights that are here or can be fetched."""

from __future__ import annotations

import pickle  # only for the name of the error that torch raises
from functools import lru_cache
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor, nn
from torchvision.models.optical_flow import Raft_Small_Weights, raft_small

from ..download import FetchError, fetch, sha256_of

ADDRESS = Raft_Small_Weights.C_T_V2.url
LEAST_PIXELS = 128  # a side: the network compares images at 1/64 of it, over 2 pixels or more
_STEP = 8  # sides must be multiples of this
_UNREADABLE = (OSError, KeyError, RuntimeError, TypeError, SafetensorError, pickle.UnpicklingError)


def raft(frames: Tensor, *, weights: str | Path | None = None) -> Tensor:
    """The flow of torchvision's `raft_small` (Teed & Deng 2020; 1 million weights).

    It was trained on rendered scenes with exact flow, and sees colours. Twelve rounds correct the
    flow by how similar the features at its two ends are.

    Args:
        frames: uint8 (T, 3, H, W), at least 128 pixels a side.
        weights: a state dict (.pth or .safetensors), read without running code in it; None:
            torchvision's own, from torch's cache or its address (4 MB).

    Returns:
        Flow, float32 (T - 1, 2, H, W) in pixels.

    Raises:
        ValueError: if frames are too small, or the file holds no such network.
        FetchError: if the weights are not here and cannot be fetched.
    """
    H, W = frames.shape[2:]
    if min(H, W) < LEAST_PIXELS:
        raise ValueError(
            f"frames ({H} x {W}) must have {LEAST_PIXELS} pixels a side for RAFT: take larger ones"
        )
    images = 2 * (frames.float() / 255) - 1  # as torchvision trained it
    padded = F.pad(images, (0, -W % _STEP, 0, -H % _STEP), mode="replicate")
    network = _network(Path(weights) if weights else checkpoint())
    with torch.no_grad():
        flows = [network(a[None], b[None])[-1][0] for a, b in zip(padded, padded[1:], strict=False)]
    return torch.stack(flows)[..., :H, :W]


def checkpoint() -> Path:
    """The file of torchvision's weights in torch's cache; fetched on the first call.

    Raises:
        FetchError: if it is not there and cannot be fetched, or is another file; the text says
            which file to put where.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / ADDRESS.rpartition("/")[2]
    try:
        fetch(ADDRESS, path, progress=False)
    except FetchError as error:
        raise FetchError(
            f"RAFT's weights could not be fetched ({error}): put the file {path.name} into "
            f"{path.parent}, or give a file of weights"
        ) from error
    if not sha256_of(path).startswith(path.stem.rpartition("-")[2]):  # so torch names its files
        raise FetchError(f"{path}: its SHA-256 is not that in its name; delete it and try again")
    return path


@lru_cache(maxsize=1)
def _network(path: Path) -> nn.Module:
    network = raft_small(weights=None)
    try:
        if path.suffix == ".safetensors":
            state = safetensors.torch.load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    except _UNREADABLE as error:
        raise ValueError(
            f"weights ({path}): not a state dict of torchvision's raft_small; give one"
        ) from error
    return network.eval()
