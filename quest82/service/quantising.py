"""Eight bits for thirty-two: a whole network whose convolutions count in whole numbers.

Static quantisation of ONNX Runtime (the extra `quest82[export]`): ranges of activations are taken
from real clips, weights get a scale for each channel (depthwise convolutions need that: their
channels differ by orders of magnitude). What joins frames stays in single precision; it is small,
and a recurrence would add its roundings up.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quant_pre_process,
    quantize_static,
)
from torch import Tensor

from .export import SCOPE, opened, with_metadata
from .exported import Exported


def quantised(made: Exported, clips: Iterable[Tensor]) -> Exported:
    """An exported whole (frames -> probabilities) with its backbone in eight bits.

    The range of an activation is the mean over clips of its smallest and largest value in each:
    with the extremes of all clips the steps are wider, and essences two fifths farther off.

    Args:
        made: of `export`, with the part "whole".
        clips: uint8 frames (T, 3, S, S) of training clips; some 30 are enough.

    Returns:
        The same inputs, outputs and metadata, and `precision` "int8" beside them.

    Raises:
        ValueError: if there are no clips.
    """
    reader = _Clips(clips)
    with tempfile.TemporaryDirectory() as folder:
        given, prepared, small = (Path(folder, f"{k}.onnx") for k in range(3))
        given.write_bytes(made.content)
        # Shapes alone: the exporter has fused the batch norms already.
        quant_pre_process(given, prepared, skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            small,
            reader,
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            nodes_to_quantize=_of_backbone(onnx.load_model_from_string(made.content)),
            extra_options={"CalibMovingAverage": True},
        )
        metadata = made.metadata | {"precision": "int8"}
        content = with_metadata(onnx.load_model(small), metadata)
    return replace(made, content=content, metadata=metadata)


def agreement(made: Exported, small: Exported, clips: Iterable[Tensor]) -> tuple[int, int, float]:
    """How well a quantised network repeats the other.

    Args:
        made: the network as it was.
        small: the quantised one.
        clips: uint8 frames (T, 3, S, S), of others than the ranges come from.

    Returns:
        For how many clips the most probable class is the same, of how many clips, and the largest
        difference of any probability.
    """
    sessions = [opened(network.content) for network in (made, small)]
    same, largest = [], 0.0
    for frames in clips:
        a, b = (session.run(None, {"frames": as_input(frames)})[0][0] for session in sessions)
        same.append(bool(a.argmax() == b.argmax()))
        largest = max(largest, float(np.abs(a - b).max()))
    return sum(same), len(same), largest


def _of_backbone(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes that describe frames."""
    scopes = {
        node.name: entry.value
        for node in model.graph.node
        for entry in node.metadata_props
        if entry.key == SCOPE
    }
    return [name for name, scope in scopes.items() if "'backbone" in scope]


class _Clips(CalibrationDataReader):
    """Clips one by one, as ONNX Runtime asks for them."""

    def __init__(self, clips: Iterable[Tensor]) -> None:
        self.left = iter(clips)
        first = next(self.left, None)
        if first is None:
            raise ValueError("clips (none) must be at least one; give videos that can be read")
        self.left = itertools.chain([first], self.left)

    def get_next(self) -> dict[str, np.ndarray] | None:
        frames = next(self.left, None)
        return None if frames is None else {"frames": as_input(frames)}


def as_input(frames: Tensor) -> np.ndarray:
    """uint8 (T, 3, S, S) -> float32 (1, T, 3, S, S) in [0, 1], as the exported network takes it."""
    return (frames[None].float() / 255).numpy()
