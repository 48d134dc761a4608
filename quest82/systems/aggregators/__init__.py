"""From T essences to one vector per clip: the two answers that the course compares, and others.

Every aggregator takes essences (B, T, D) and returns (B, out_features); it names its widths in
`in_features` and `out_features`, and its hyper-parameters in `options`, from which an equal one
can be made. One that stands in `AGGREGATORS` can be named in model files and on the command line.
"""

from torch import nn

from .attention import Attention, SelfAttention
from .attentive_probe import AttentiveProbe
from .convolved import Convolved
from .mean import MeanPool
from .pooled import LatePool, LocalPool, MaxPool, SlowPool, TimeDomainPool
from .projected import Projected
from .recurrent import GRU, LSTM, LSTM5
from .relations import Relations
from .shifted import Shifted, shift
from .side_by_side import SideBySide

AGGREGATORS: dict[str, type[nn.Module]] = {
    "mean": MeanPool,
    "lstm": LSTM,
    "lstm5": LSTM5,
    "gru": GRU,
    "attention": Attention,
    "self_attention": SelfAttention,
    "attentive_probe": AttentiveProbe,
    "conv_pool": Convolved,
    "max_pool": MaxPool,
    "late_pool": LatePool,
    "slow_pool": SlowPool,
    "local_pool": LocalPool,
    "time_domain_pool": TimeDomainPool,
    "trn": Relations,
    "tsm": Shifted,
    "two_frames": SideBySide,
}

__all__ = [
    "AGGREGATORS",
    "GRU",
    "LSTM",
    "LSTM5",
    "Attention",
    "AttentiveProbe",
    "Convolved",
    "LatePool",
    "LocalPool",
    "MaxPool",
    "MeanPool",
    "Projected",
    "Relations",
    "SelfAttention",
    "Shifted",
    "SideBySide",
    "SlowPool",
    "TimeDomainPool",
    "shift",
]
