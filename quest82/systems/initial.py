"""Initial weights: drawn in double precision, or not drawn at all where a file brings them.

Both are modes of the thread that enters them: PyTorch's default type and random state, which all
threads share, stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor
from torch.nn import init
from torch.overrides import TorchFunctionMode

_FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn)
# What PyTorch's other ways of drawing weights come down to.
_IN_PLACE = (
    init.uniform_,
    init.normal_,
    init.kaiming_uniform_,
    Tensor.uniform_,
    Tensor.normal_,
)


class InDouble(TorchFunctionMode):
    """New tensors are of double precision, unless their type is given."""

    def __torch_function__(
        self, func: Callable, types: Iterable, args: tuple = (), kwargs: Mapping | None = None
    ) -> object:
        """Call a function of torch, with the type that its result is to have."""
        kwargs = dict(kwargs or {})
        if func in _FACTORIES and kwargs.get("dtype") is None:
            kwargs["dtype"] = torch.float64
        return func(*args, **kwargs)


class Undrawn(TorchFunctionMode):
    """Nothing is drawn: weights hold whatever the memory held, until a file overwrites them.

    It spares the random state, and the seconds that drawing millions of weights would take.
    """

    def __torch_function__(
        self, func: Callable, types: Iterable, args: tuple = (), kwargs: Mapping | None = None
    ) -> object:
        """Call a function of torch, or leave its tensor as it is if it would draw numbers."""
        kwargs = dict(kwargs or {})
        if func in _IN_PLACE:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        if func in (torch.rand, torch.randn):
            kwargs.pop("generator", None)
            func = torch.empty
        return func(*args, **kwargs)
