"""Engines: the frozen network as a chapter explains it, run as fast as this machine can.

An engine takes uint8 frames (N, 3, S, S) and gives float32 essences (N, D): the same numbers as the
backbone up to rounding. On a CPU OpenVINO runs any backbone several times faster than PyTorch. Two
ideas carry that:

- After training, a batch norm is a multiplication and an addition, and so is a convolution: the
  two are fused into one (`parts.batch_norm.fused`).
- What is left, some fifty convolutions in MobileNetV2, OpenVINO runs with kernels made for the
  processor at hand, one frame per core at a time. benchmarks/README.md has the measurements.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ..systems.backbones import Backbone
from ..systems.maps import FeatureMaps
from ..systems.mobilenet import MobileNetV2Extractor
from ..systems.parts.batch_norm import fused
from .converted import core, frames_per_request, graph_of, is_of_the_package

# Largest difference from the plain network, as a share of its largest number.
_TOLERANCE = 1e-3


class EngineError(ValueError):
    """An engine is missing or wrong on this machine; the text says which and why."""


class PlainEngine:
    """Any backbone, as it is written."""

    name = "plain"

    def __init__(self, extractor: Backbone, size: int) -> None:
        self.extractor = extractor

    @torch.inference_mode()
    def __call__(self, frames: Tensor) -> Tensor:
        """uint8 frames (N, 3, S, S) -> float32 essences (N, D)."""
        pixels = frames.to(self.extractor.device).float() / 255
        return self.extractor(pixels[None])[0].cpu()


_MobileNetV2 = MobileNetV2Extractor | FeatureMaps  # what the fused engine knows


class FusedEngine:
    """PyTorch with the batch norms fused away; on a GPU in half precision."""

    name = "fused"

    def __init__(self, extractor: _MobileNetV2, size: int) -> None:
        self.device, self.pool = extractor.device, extractor.pool
        self.dtype = torch.half if self.device.type == "cuda" else torch.float32
        features = fused(extractor.features).to(self.dtype)
        self.features = features.to(memory_format=torch.channels_last)
        # They take a byte straight to what the network expects.
        self.scale, self.shift = 1 / (255 * extractor.std), -extractor.mean / extractor.std

    @torch.inference_mode()
    def __call__(self, frames: Tensor) -> Tensor:
        """uint8 frames (N, 3, S, S) -> float32 essences (N, D)."""
        pixels = frames.to(self.device).float() * self.scale + self.shift
        maps = self.features(pixels.to(self.dtype, memory_format=torch.channels_last))
        return self.pool(maps.float()).cpu()


class OpenVINOEngine:
    """OpenVINO on the CPU, in single precision: one frame per request, one request per core.

    Left to itself OpenVINO would take half precision where the processor has it, and lose 4 % of
    accuracy in the numbers. Each frame is a request of its own, so that an essence does not depend
    on the frames beside it. A video network reads a whole clip per request, on all cores.

    Raises:
        EngineError: if OpenVINO is not installed, does not work here, or cannot run the network.
    """

    name = "openvino"

    def __init__(self, extractor: Backbone, size: int) -> None:
        if importlib.util.find_spec("openvino") is None:
            raise EngineError("openvino is not installed")
        # On import OpenVINO would tell its makers so. Without this module it does not.
        sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))
        self.num_frames, self.num_features = frames_per_request(extractor), extractor.num_features
        try:
            import openvino

            network = core().compile_model(
                graph_of(extractor, size),
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": "f32",
                    "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                    "PERFORMANCE_HINT": "THROUGHPUT" if self.num_frames == 1 else "LATENCY",
                },
            )
            self.requests = openvino.AsyncInferQueue(network)
        except (ImportError, OSError, RuntimeError) as error:
            raise EngineError(f"openvino does not work here ({error})") from error

    def __call__(self, frames: Tensor) -> Tensor:
        """uint8 frames (N, 3, S, S) -> float32 essences (N, D), or those of N frames' moments."""
        if len(frames) % self.num_frames:
            raise ValueError(f"frames ({len(frames)}) must be whole clips of {self.num_frames}")
        clips = frames.contiguous().numpy().reshape(-1, self.num_frames, *frames.shape[1:])
        essences: list = [None] * len(clips)

        def keep(request: Any, row: int) -> None:
            essences[row] = request.get_output_tensor().data.copy()

        self.requests.set_callback(keep)
        for row, clip in enumerate(clips):
            self.requests.start_async({0: clip}, row)
        self.requests.wait_all()
        return torch.from_numpy(np.concatenate(essences))


Engine = OpenVINOEngine | FusedEngine | PlainEngine
ENGINES: dict[str, Callable[[Any, int], Engine]] = {
    engine.name: engine for engine in (OpenVINOEngine, FusedEngine, PlainEngine)
}


def open_engine(extractor: Backbone, *, size: int = 224, name: str | None = None) -> Engine:
    """The fastest engine that works on this machine, or the one that is named.

    Each is held to the plain network before it is used: on a frame of noise its essence may differ
    by a thousandth of the largest number at most (a hundredth in half precision, on a GPU).

    Args:
        extractor: the network, on the device where it is to run.
        size: side S of the frames in pixels.
        name: "openvino", "fused" or "plain"; None tries them in this order. "fused" knows
            MobileNetV2 alone.

    Raises:
        ValueError: if there is no engine of that name.
        EngineError: if the engine that was named does not work here, or with this network.
    """
    if name is not None:
        if name not in ENGINES:
            raise ValueError(f"engine ({name!r}) must be one of {', '.join(ENGINES)}")
        if name == FusedEngine.name and not isinstance(extractor, _MobileNetV2):
            raise EngineError(
                f"{name} runs {MobileNetV2Extractor.name} alone, not {extractor.name}: take "
                f"{PlainEngine.name}"
            )
        return _checked(ENGINES[name](extractor, size), extractor, size)
    for engine in _engines_for(extractor):
        try:
            return _checked(engine(extractor, size), extractor, size)
        except EngineError:
            continue  # which one ran stands in the store's settings
    return PlainEngine(extractor, size)


def _engines_for(extractor: Backbone) -> list[Callable[[Any, int], Engine]]:
    """Those that may be faster than the plain one; for somebody's own network none is tried."""
    if not is_of_the_package(extractor):
        return []
    fast: list[Callable[[Any, int], Engine]] = []
    if extractor.device.type == "cpu":
        fast.append(OpenVINOEngine)
    if isinstance(extractor, _MobileNetV2):
        fast.append(FusedEngine)
    return fast


def _checked(engine: Engine, extractor: Backbone, size: int) -> Engine:
    if isinstance(engine, PlainEngine):
        return engine
    noise = torch.Generator().manual_seed(0)
    shape = (frames_per_request(extractor), 3, size, size)
    frames = torch.randint(256, shape, dtype=torch.uint8, generator=noise)
    expected = PlainEngine(extractor, size)(frames)
    difference = (engine(frames) - expected).abs().max() / expected.abs().max()
    tolerance = 10 * _TOLERANCE if extractor.device.type == "cuda" else _TOLERANCE
    if not difference <= tolerance:
        raise EngineError(f"{engine.name} gives other essences here (by {difference:.1e})")
    return engine
