"""Where a network runs."""

from __future__ import annotations

import torch


def choose_device(name: str = "auto") -> str:
    """The device of that name, or the best there is here.

    Args:
        name: "cuda", "mps", "cpu", or "auto", which takes the first of these that is there.

    Raises:
        ValueError: if there is no such device here; the text says which there are.
    """
    ready = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return next(device for device, available in ready.items() if available)
    if not ready.get(name):
        available = ", ".join(device for device in ready if ready[device])
        raise ValueError(f"device ({name!r}) is not to be had here; choose auto, {available}")
    return name
