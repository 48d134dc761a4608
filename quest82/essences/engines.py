"""Engines: the frozen network as a chapter explains it, run as fast as this machine can.

An engine takes uint8 frames (N, 3, S, S) and gives float32 essences (N, D): the same numbers as the
backbone up to rounding. Any backbone runs as it is written; MobileNetV2, and its maps, several
times faster on a CPU. Two ideas carry that:

- After training, a batch norm is a multiplication and an addition, and so is a convolution: the
  two are fused into one (`nn.utils.fusion.fuse_conv_bn_eval`).
- What is left, some fifty convolutions, OpenVINO runs with kernels made for the processor at
  hand, one frame per core at a time. benchmarks/README.md has the measurements of the choice.
"""

from __future__ import annotations

import copy
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.mobilenetv2 import InvertedResidual

from ..systems.backbones import Backbone
from ..systems.maps import FeatureMaps
from ..systems.mobilenet import MobileNetV2Extractor

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


_MobileNetV2 = MobileNetV2Extractor | FeatureMaps  # what the faster engines know


class FusedEngine:
    """PyTorch with the batch norms fused away; on a GPU in half precision."""

    name = "fused"

    def __init__(self, extractor: _MobileNetV2, size: int) -> None:
        self.device, self.pool = extractor.device, extractor.pool
        self.dtype = torch.half if self.device.type == "cuda" else torch.float32
        features = fused(extractor).to(self.dtype)
        self.features = features.to(memory_format=torch.channels_last)
        self.scale, self.shift = (
            tensor.to(self.device) for tensor in _normalisation(extractor.mean, extractor.std)
        )

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
    on the frames beside it.

    Raises:
        EngineError: if OpenVINO is not installed or does not work here.
    """

    name = "openvino"

    def __init__(self, extractor: _MobileNetV2, size: int) -> None:
        if importlib.util.find_spec("openvino") is None:
            raise EngineError("openvino is not installed")
        # On import OpenVINO would tell its makers so. Without this module it does not.
        sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))
        try:
            import openvino

            network = openvino.Core().compile_model(
                _openvino_graph(extractor, size),
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": "f32",
                    "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                    "PERFORMANCE_HINT": "THROUGHPUT",
                },
            )
            self.num_features = extractor.num_features
            self.requests = openvino.AsyncInferQueue(network)
        except (ImportError, OSError, RuntimeError) as error:
            raise EngineError(f"openvino does not work here ({error})") from error

    def __call__(self, frames: Tensor) -> Tensor:
        """uint8 frames (N, 3, S, S) -> float32 essences (N, D)."""
        essences = np.empty((len(frames), self.num_features), np.float32)

        def keep(request: Any, row: int) -> None:
            essences[row] = request.get_output_tensor().data

        self.requests.set_callback(keep)
        for row, frame in enumerate(frames.contiguous().numpy()):
            self.requests.start_async({0: frame[None]}, row)
        self.requests.wait_all()
        return torch.from_numpy(essences)


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
        name: "openvino", "fused" or "plain"; None tries them in this order. The first two know
            MobileNetV2 alone.

    Raises:
        ValueError: if there is no engine of that name.
        EngineError: if the engine that was named does not work here, or with this network.
    """
    if name is not None:
        if name not in ENGINES:
            raise ValueError(f"engine ({name!r}) must be one of {', '.join(ENGINES)}")
        if name != PlainEngine.name and not isinstance(extractor, _MobileNetV2):
            raise EngineError(
                f"{name} runs {MobileNetV2Extractor.name} alone, not {extractor.name}: take "
                f"{PlainEngine.name}"
            )
        return _checked(ENGINES[name](extractor, size), extractor, size)
    if not (type(extractor) is MobileNetV2Extractor or isinstance(extractor, FeatureMaps)):
        return PlainEngine(extractor, size)  # somebody's own network
    on_cpu = extractor.device.type == "cpu"
    for engine in (OpenVINOEngine, FusedEngine) if on_cpu else (FusedEngine,):
        try:
            return _checked(engine(extractor, size), extractor, size)
        except EngineError:
            continue  # which one ran stands in the store's settings
    return PlainEngine(extractor, size)


def fused(extractor: _MobileNetV2) -> nn.Sequential:
    """A copy of the network's layers without batch norms: each is part of its convolution."""
    features = copy.deepcopy(extractor.features).eval().requires_grad_(False)
    for block in list(features.modules()):
        if not isinstance(block, nn.Sequential):
            continue
        for k in range(len(block) - 1):
            convolution, norm = block[k], block[k + 1]
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                block[k] = fuse_conv_bn_eval(convolution, norm)
                block[k + 1] = nn.Identity()
    return features


def _normalisation(mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and shift (3, 1, 1) that take a byte straight to what the network expects."""
    return 1 / (255 * std), -mean / std


def _checked(engine: Engine, extractor: Backbone, size: int) -> Engine:
    if isinstance(engine, PlainEngine):
        return engine
    noise = torch.Generator().manual_seed(0)
    frames = torch.randint(256, (1, 3, size, size), dtype=torch.uint8, generator=noise)
    expected = PlainEngine(extractor, size)(frames)
    difference = (engine(frames) - expected).abs().max() / expected.abs().max()
    tolerance = 10 * _TOLERANCE if extractor.device.type == "cuda" else _TOLERANCE
    if not difference <= tolerance:
        raise EngineError(f"{engine.name} gives other essences here (by {difference:.1e})")
    return engine


def _openvino_graph(extractor: _MobileNetV2, size: int) -> object:
    """The network as an OpenVINO model: bytes (1, 3, S, S) -> essences (1, D)."""
    import openvino.opset13 as ops
    from openvino import Model

    def constant(tensor: Tensor) -> object:
        return ops.constant(tensor.detach().cpu().float().numpy())

    def convolution(x: object, layer: nn.Conv2d) -> object:
        weight, groups, pad = layer.weight, layer.groups, list(layer.padding)
        settings = [list(layer.stride), pad, pad, list(layer.dilation)]
        if groups == 1:
            x = ops.convolution(x, constant(weight), *settings)
        else:  # (C, 1, k, k) -> (groups, C / groups, 1, k, k)
            x = ops.group_convolution(x, constant(weight.unflatten(0, (groups, -1))), *settings)
        bias = cast(Tensor, layer.bias)  # the batch norm's shift, since they are fused
        return ops.add(x, constant(bias.view(1, -1, 1, 1)))

    def layer(x: object, module: nn.Module) -> object:
        if isinstance(module, nn.Conv2d):
            return convolution(x, module)
        if isinstance(module, nn.ReLU6):
            return ops.clamp(x, 0.0, 6.0)
        y = x
        for child in module.children():
            y = layer(y, child)
        joins = isinstance(module, InvertedResidual) and module.use_res_connect
        return ops.add(x, y) if joins else y

    def pool(maps: object) -> object:
        if not isinstance(extractor, FeatureMaps):
            return ops.reduce_mean(maps, np.array([2, 3]), keep_dims=False)
        maps = ops.adaptive_avg_pool(maps, np.array([extractor.grid] * 2))
        if extractor.projection is not None:
            weight, bias = extractor.projection.as_convolution()
            maps = ops.convolution(maps, constant(weight), [1, 1], [0, 0], [0, 0], [1, 1])
            maps = ops.add(maps, constant(bias.view(1, -1, 1, 1)))
        return ops.reshape(maps, np.array([1, -1]), special_zero=False)

    scale, shift = _normalisation(extractor.mean, extractor.std)
    frame = ops.parameter([1, 3, size, size], np.uint8)
    pixels = ops.add(ops.multiply(ops.convert(frame, "f32"), constant(scale)), constant(shift))
    maps = layer(pixels, fused(extractor))
    return Model([pool(maps)], [frame])
