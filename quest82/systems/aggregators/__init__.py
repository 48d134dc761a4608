"""From T essences to one vector per clip: the two answers that the course compares, and others.

Every aggregator takes essences (B, T, D) and returns (B, out_features); it names its widths in
`in_features` and `out_features`, and its hyper-parameters in `options`, from which an equal one
can be made. One that stands in `AGGREGATORS` can be named in model files and on the command line.
"""

from torch import nn

from .attention import Attention, SelfAttention
from .convolved import Convolved
from .mean import MeanPool
from .projected import Projected
from .recurrent import GRU, LSTM
from .relations import Relations
from .shifted import Shifted, shift
from .side_by_side import SideBySide

AGGREGATORS: dict[str, type[nn.Module]] = {
    "mean": MeanPool,
    "lstm": LSTM,
    "gru": GRU,
    "attention": Attention,
    "self_attention": SelfAttention,
    "conv_pool": Convolved,
    "trn": Relations,
    "tsm": Shifted,
    "two_frames": SideBySide,
}

__all__ = [
    "AGGREGATORS",
    "GRU",
    "LSTM",
    "Attention",
    "Convolved",
    "MeanPool",
    "Projected",
    "Relations",
    "SelfAttention",
    "Shifted",
    "SideBySide",
    "shift",
]
