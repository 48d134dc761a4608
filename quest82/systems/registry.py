"""Every system by its name: those that read essences, and those that read frames."""

from __future__ import annotations

from torch import nn

from .aggregators import AGGREGATORS
from .cnn_lstm import CNNLSTM
from .conv_lstm import ConvGRU, ConvLSTM
from .factorised import MC3, R3D, R2Plus1D
from .fovea import FoveaContext
from .fused_streams import FusedStreams
from .fusion import EarlyFusion, LateFusion, SingleFrame
from .i3d import I3D
from .non_local import NonLocal
from .parts.system import System
from .slow_fusion import SlowFusion
from .slowfast import SlowFast
from .timesformer import TimeSformer
from .tsn import TSN
from .two_stream import TwoStream
from .video_mae import VideoMAE
from .vivit import FactorisedEncoder, ViViT
from .volumes import C3D, Conv3dLecture

# Systems that read frames (B, T, C, H, W); a line for each.
ON_FRAMES: dict[str, type[System]] = {
    "single_frame": SingleFrame,
    "late_fusion": LateFusion,
    "early_fusion": EarlyFusion,
    "slow_fusion": SlowFusion,
    "fovea_context": FoveaContext,
    "two_stream": TwoStream,
    "fused_streams": FusedStreams,
    "tsn": TSN,
    "conv3d_lecture": Conv3dLecture,
    "c3d": C3D,
    "r3d": R3D,
    "mc3": MC3,
    "r2plus1d": R2Plus1D,
    "cnn_lstm": CNNLSTM,
    "conv_lstm": ConvLSTM,
    "conv_gru": ConvGRU,
    "i3d": I3D,
    "non_local": NonLocal,
    "slowfast": SlowFast,
    "vivit": ViViT,
    "vivit_factorised": FactorisedEncoder,
    "timesformer": TimeSformer,
    "video_mae": VideoMAE,
}

# The chapter of the book that builds each, which is also its family: book/systems/<stem>.ipynb.
CHAPTERS: dict[str, str] = {
    "single_frame": "fusion",
    "late_fusion": "fusion",
    "early_fusion": "fusion",
    "slow_fusion": "fusion",
    "fovea_context": "fusion",
    "two_stream": "two-streams",
    "fused_streams": "two-streams",
    "tsn": "segments",
    "conv3d_lecture": "volumes",
    "c3d": "volumes",
    "r3d": "factorise",
    "mc3": "factorise",
    "r2plus1d": "factorise",
    "cnn_lstm": "recurrent-maps",
    "conv_lstm": "recurrent-maps",
    "conv_gru": "recurrent-maps",
    "i3d": "inflate",
    "non_local": "non-local",
    "slowfast": "two-speeds",
    "vivit": "tokens",
    "vivit_factorised": "tokens",
    "timesformer": "attention-schemes",
    "video_mae": "without-labels",
}

SYSTEMS: dict[str, type[nn.Module]] = {**AGGREGATORS, **ON_FRAMES}


def registered(name: str) -> type[nn.Module]:
    """The system of that name.

    Raises:
        ValueError: if there is none; names those there are.
    """
    if name not in SYSTEMS:
        raise ValueError(f"aggregator ({name!r}) must be one of {', '.join(SYSTEMS)}, or a class")
    return SYSTEMS[name]


def name_of(system: nn.Module) -> str:
    """What a file calls a system.

    Raises:
        ValueError: if its class is not registered.
    """
    for name, kind in SYSTEMS.items():
        if type(system) is kind:
            return name
    raise ValueError(
        f"aggregator ({type(system).__name__}) must be registered to be saved, since a file holds "
        "its name and no code; enter it in quest82/systems/registry.py"
    )
