"""A backbone as a graph of OpenVINO: written down by PyTorch, read by OpenVINO, and kept.

That takes some seconds, for a large network half a minute. So the graph is kept in the cache
folder, where the next extraction finds it.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import zipfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from ..outputs import cache_folder
from ..systems.backbones import Backbone, TorchvisionBackbone
from ..systems.maps import FeatureMaps
from ..systems.mobilenet import MobileNetV2Extractor
from ..systems.parts.batch_norm import fused
from ..systems.video_backbone import VideoMAEBackbone

_MOST_KEPT = 16  # graphs; MobileNetV2's has 9 MB, and the least recently used ones go
_PARTS = ("graph.xml", "graph.bin")


@cache
def core() -> Any:
    """OpenVINO's core, one for the whole process.

    Each core gives the thread that loads its plugin another stack for signals (openvino pull
    request 11894). Where two are dropped in the order in which they came, the thread is left with
    a stack that is freed, and the next signal, such as that of Ctrl-C, is a segmentation fault.
    """
    import openvino

    return openvino.Core()


def is_of_the_package(extractor: Backbone) -> bool:
    """Whether a backbone computes what its class here says; somebody's own may do anything."""
    if isinstance(extractor, FeatureMaps):
        extractor = extractor.extractor
    return type(extractor) in (MobileNetV2Extractor, TorchvisionBackbone, VideoMAEBackbone)


def frames_per_request(extractor: Backbone) -> int:
    """How many frames the graph reads at once: one, or all of a clip."""
    return extractor.num_frames if isinstance(extractor, VideoMAEBackbone) else 1


def graph_of(extractor: Backbone, size: int) -> Any:
    """The network as an OpenVINO model: bytes (n, 3, S, S) -> essences (m, D), float32.

    A graph that is damaged is made again; one that cannot be kept is made each time.

    Args:
        extractor: the network.
        size: S of the frames in pixels.

    Raises:
        ImportError: if OpenVINO is not installed.
        RuntimeError: if the network holds what PyTorch or OpenVINO cannot convert.
        ValueError: if it does not take frames of this size.
    """
    if not is_of_the_package(extractor):  # its code may change, and its weights stay
        return _converted(extractor, size)
    path = _place_of(extractor, size)
    with suppress(OSError, zipfile.BadZipFile, KeyError, RuntimeError):
        return _read(path)
    packed = _packed(_converted(extractor, size))
    with suppress(OSError):
        _keep(packed, path)
    return _unpacked(packed)  # what a later run gets from the cache, to the last digit


class _OnBytes(nn.Module):
    """Frames as they are decoded: uint8 (n, 3, S, S) -> essences (m, D)."""

    def __init__(self, extractor: nn.Module) -> None:
        super().__init__()
        self.extractor = extractor

    def forward(self, frames: Tensor) -> Tensor:
        return self.extractor((frames.float() / 255)[None])[0]


def _converted(extractor: Any, size: int) -> Any:
    import openvino
    from openvino.frontend import GeneralFailure, OpConversionFailure
    from openvino.tools.ovc.error import Error

    network = _OnBytes(fused(extractor).cpu())  # a third fewer operations to write down
    frames = torch.zeros(frames_per_request(extractor), 3, size, size, dtype=torch.uint8)
    try:
        with torch.no_grad():
            written = torch.export.export(network.eval(), (frames,), strict=False)
        graph = openvino.convert_model(written)
    except (Error, GeneralFailure, OpConversionFailure) as error:
        raise RuntimeError(f"{extractor.name} cannot be converted ({error})") from error
    graph.reshape(list(frames.shape))
    return graph


def _place_of(extractor: Any, size: int) -> Path:
    """A name for all that the graph depends on."""
    import openvino

    versions = [module.__version__ for module in (openvino, torch, torchvision)]
    settings = extractor.settings if isinstance(extractor, FeatureMaps) else {}
    heads = [getattr(module, "heads", None) for module in extractor.modules()]
    what = [extractor.fingerprint(), settings, str(extractor), heads, size, *versions]
    digest = hashlib.sha256(repr(what).encode()).hexdigest()[:32]
    return cache_folder() / "openvino" / f"{extractor.name}-{digest}.zip"


def _read(path: Path) -> Any:
    """A graph that was kept; its checksums tell damage."""
    graph = _unpacked(path.read_bytes())
    path.touch()
    return graph


def _unpacked(packed: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        return core().read_model(*(file.read(part) for part in _PARTS))


def _packed(graph: Any) -> bytes:
    import openvino

    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        parts = [Path(folder, name) for name in _PARTS]
        openvino.serialize(graph, *parts)
        with zipfile.ZipFile(packed, "w") as file:
            for part in parts:
                file.write(part, part.name)
    return packed.getvalue()


def _keep(packed: bytes, path: Path) -> None:
    """Write a graph as a whole, whoever else does the same; and make room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        own = Path(folder, path.name)
        own.write_bytes(packed)
        own.replace(path)
    kept = sorted(path.parent.glob("*.zip"), key=lambda file: file.stat().st_mtime)
    for old in kept[:-_MOST_KEPT]:
        old.unlink(missing_ok=True)
