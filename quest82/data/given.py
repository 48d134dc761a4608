"""What users give, in whatever holds it: numbers as tensors, names as tuples."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .names import Names


def as_tensor(name: str, values: object) -> Tensor:
    """Numbers as a tensor, whatever holds them.

    Raises:
        TypeError: if they are no numbers; names what was given.
    """
    if isinstance(values, Tensor):
        return values
    array = np.asarray(values) if isinstance(values, (np.ndarray, list, tuple)) else None
    if array is None or array.dtype.kind not in "iuf":
        raise TypeError(
            f"{name} ({_kind(values, array)}) must be numbers: a tensor, a numpy array or a list"
        )
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def as_long_tensor(name: str, values: object) -> Tensor:
    """Whole numbers as a tensor.

    Raises:
        TypeError: if they are something else.
    """
    labels = as_tensor(name, values)
    if labels.is_floating_point() and labels.numel():
        raise TypeError(f"{name} ({labels.dtype}) must be whole numbers: indices into the classes")
    return labels.long()


def as_names(name: str, values: object) -> tuple[str, ...] | Names:
    """Names as a tuple; those of a store (`names.Names`) as they are.

    Raises:
        TypeError: if they are no text.
    """
    if isinstance(values, Names):
        return values
    if isinstance(values, (np.ndarray, list, tuple)):
        found = tuple(values.tolist() if isinstance(values, np.ndarray) else values)
        if all(isinstance(value, str) for value in found):
            return found
    raise TypeError(f"{name} ({_kind(values)}) must be a list, tuple or numpy array of text")


def _kind(values: object, array: np.ndarray | None = None) -> str:
    """What was given: its type, and of what."""
    if array is None and isinstance(values, (list, tuple)):
        array = np.asarray(values, dtype=None if values else object)
    of = "" if array is None else f" of {array.dtype.name}"
    return f"{type(values).__name__}{of}"
