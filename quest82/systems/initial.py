"""Initial weights: drawn in double precision, or hardly drawn at all where a file brings them.

Both are modes of the thread that enters them: PyTorch's default type and random state, which all
threads share, stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import init
from torch.overrides import TorchFunctionMode

Network = TypeVar("Network", bound=nn.Module)

_FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn)
# What most layers draw weights by: a mode is told of these as a whole, and can pass them over.
_WHOLE = (init.uniform_, init.normal_, init.kaiming_uniform_)
# What other ways come down to. Some go on until every number is within bounds: these must draw.
_DRAWS = (Tensor.uniform_, Tensor.normal_, torch.rand, torch.randn)


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


def drawn(make: Callable[[], Network], *, seed: int, dtype: torch.dtype = torch.float32) -> Network:
    """A network whose initial weights depend on the seed alone, on every processor.

    Args:
        make: makes it, such as ``lambda: SegmentScores(3, 5)``.
        seed: of the weights; the global random state is left as it was.
        dtype: floating type of the weights, once they are drawn.
    """
    with torch.random.fork_rng(devices=[]), InDouble():
        torch.manual_seed(seed)
        return make().to(dtype)


class Undrawn(TorchFunctionMode):
    """Nothing is drawn from the random state: weights hold any numbers, until a file brings theirs.

    Most are not drawn at all, which spares seconds; the others come from a generator of their own.
    """

    def __init__(self) -> None:
        super().__init__()
        self._generator = torch.Generator().manual_seed(0)

    def __torch_function__(
        self, func: Callable, types: Iterable, args: tuple = (), kwargs: Mapping | None = None
    ) -> object:
        """Call a function of torch, away from the random state that all share."""
        kwargs = dict(kwargs or {})
        if func in _WHOLE:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        if func in _DRAWS:
            kwargs["generator"] = self._generator
        return func(*args, **kwargs)
