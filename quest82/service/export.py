"""A model as an ONNX file, for phones, browsers and other runtimes, held to PyTorch first.

The extra `quest82[export]` is needed. A file is written only if ONNX Runtime, reading it, gives
what PyTorch gives.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast

import onnx
import onnxruntime
import torch
from torch import Tensor

from .. import __version__
from ..frames.view import ViewSpec
from ..outputs import write_whole
from ..systems import classifier
from ..systems.calibration import Calibration
from . import graphs
from .graphs import BATCH, FRAMES, Graph
from .predictor import backbone_of

TOLERANCE = 1e-4
"""Largest difference from PyTorch, of any number that comes out."""

PARTS = ("whole", "head", "step")
SCOPE = "pkg.torch.onnx.name_scopes"
"""Under this key each node says which layer of the network it comes from."""

Shapes = dict[str, tuple[int | str, ...]]
"""Name of an input or output -> its dimensions, by number or, where they may vary, by name."""

_OPSET = 18  # ONNX Runtime of 2023 reads it; phones keep old ones
_USUAL_FRAMES = 16  # where a model does not say how many it was trained on


@dataclass(frozen=True)
class Exported:
    """What an export has made.

    Attributes:
        content: the ONNX file.
        inputs: their shapes.
        outputs: theirs.
        metadata: what stands in the file for applications (see `export`).
        difference: largest difference from PyTorch in the trials, at most `TOLERANCE`.
    """

    content: bytes
    inputs: Shapes
    outputs: Shapes
    metadata: dict[str, str]
    difference: float

    @property
    def view(self) -> ViewSpec:
        """How frames are taken for a whole network."""
        return ViewSpec.of(json.loads(self.metadata["view"]))

    def write(self, path: str | Path) -> None:
        """Write the file as a whole or not at all."""
        write_whole(path, self.content)


def export(
    path: str | Path, *, part: str = "whole", backbone_weights: str | Path | None = None
) -> Exported:
    """A model of `quest82 train` as ONNX, tried in ONNX Runtime on the processor.

    Tried on clips of noise and a drawn one (of essences: noise), in batches of 1 and 3. In the
    file's metadata stand `classes` and `view` (JSON), `task`, `backbone`, `aggregator`,
    `temperature` and `quest82`, the version.

    Args:
        path: the model.
        part: "whole" for frames -> probabilities, "head" for essences -> logits, "step" for one
            essence and a state -> logits and the next state. See `graphs` for names and shapes.
        backbone_weights: as for `Predictor.load`; of use to "whole" alone.

    Raises:
        ValueError: if the file is not a model, there is no such part, the model does not say how
            its frames were taken ("whole"), is not recurrent ("step"), or what ONNX Runtime
            answers is not what PyTorch answers.
        WeightsError: if weights of the backbone cannot be fetched.
    """
    network, settings = classifier.load(path)
    graph = _graph(part, network, settings, path, backbone_weights)
    model = _traced(graph)
    metadata = _metadata(network, settings)
    content = with_metadata(model, metadata)
    inputs, outputs = _shapes(model.graph.input), _shapes(model.graph.output)
    return Exported(content, inputs, outputs, metadata, _tried(content, graph, inputs, path))


def with_metadata(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """The file of a model, with these texts in it and no others."""
    del model.metadata_props[:]
    for name, text in metadata.items():
        model.metadata_props.add(key=name, value=text)
    return model.SerializeToString()


def _graph(
    part: str,
    network: classifier.Classifier,
    settings: Mapping,
    path: str | Path,
    backbone_weights: str | Path | None,
) -> Graph:
    """The part that is wanted."""
    if part not in PARTS:
        raise ValueError(f"part ({part!r}) must be one of {', '.join(PARTS)}")
    made = settings["extraction"]
    if part == "head":
        return graphs.head(network, made.get("num_frames", _USUAL_FRAMES))
    if part == "step":
        return graphs.step(network)
    spec = _view_of(made, path)
    backbone = backbone_of(made, path, backbone_weights)
    return graphs.whole(network, backbone, spec, _temperature(settings["calibration"]))


def _view_of(made: Mapping, path: str | Path) -> ViewSpec:
    """How a model's frames were taken, or that it does not say."""
    try:
        return ViewSpec.of(made)
    except ValueError as error:
        raise ValueError(
            f"{path}: {error}; export its head alone (--head), or train it on a store of "
            "`quest82 extract`"
        ) from error


def _temperature(calibration: Calibration | None) -> float:
    return calibration.temperature if calibration else 1.0


def _traced(graph: Graph) -> onnx.ModelProto:
    """The network as ONNX, with the names of the graph."""
    sizes = {name: torch.export.Dim(name) for name in (BATCH, FRAMES)}
    free = [{axis: sizes[name] for axis, name in axes.items()} for axes in graph.inputs.values()]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's about itself; what counts is tried afterwards
        program = torch.onnx.export(
            graph.network,
            graph.examples(2, graph.num_frames),  # a batch of 1 would be taken for a constant
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            opset_version=_OPSET,
            dynamic_shapes=(free[0], tuple(free[1:])) if len(free) > 1 else (free[0],),
            dynamo=True,
            verbose=False,
        )
    model = cast(torch.onnx.ONNXProgram, program).model_proto
    for node in model.graph.node:  # keep the layer's name alone: the rest names files of ours
        kept = [entry for entry in node.metadata_props if entry.key == SCOPE]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    return model


def _metadata(network: classifier.Classifier, settings: Mapping) -> dict[str, str]:
    """What an application has to know, as texts."""
    made = settings["extraction"]
    view = {field.name: made[field.name] for field in fields(ViewSpec) if field.name in made}
    return {
        "classes": json.dumps(settings["classes"]),
        "view": json.dumps(view),
        "task": settings["task"],
        "backbone": made.get("backbone", ""),
        "aggregator": settings["aggregator"],
        "temperature": json.dumps(_temperature(settings["calibration"])),
        "quest82": __version__,
    }


def _tried(content: bytes, graph: Graph, inputs: Shapes, path: str | Path) -> float:
    """The largest difference from PyTorch, unless it is too large."""
    session, T = opened(content), graph.num_frames
    trials = [(1, T), (3, T)]
    if FRAMES in inputs[next(iter(graph.inputs))]:
        trials.append((3, T + 1))
    worst = max(_difference(session, graph, graph.examples(B, T)) for B, T in trials)
    if not worst <= TOLERANCE:
        raise ValueError(
            f"{path}: ONNX Runtime gives other numbers than PyTorch (by {worst:.1e}, allowed are "
            f"{TOLERANCE:.0e}); nothing was written, try another version of onnxruntime or torch"
        )
    return worst


def opened(content: bytes) -> onnxruntime.InferenceSession:
    """An ONNX file at work, on the processor, with as many threads as PyTorch."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors alone
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _difference(
    session: onnxruntime.InferenceSession, graph: Graph, inputs: tuple[Tensor, ...]
) -> float:
    """The largest, of any number that comes out; NaN where one is no number."""
    with torch.no_grad():
        expected = graph.reference(*inputs)
    expected = expected if isinstance(expected, tuple) else (expected,)
    given = {name: tensor.numpy() for name, tensor in zip(graph.inputs, inputs, strict=True)}
    got = session.run(list(graph.outputs), given)
    pairs = zip(expected, map(torch.from_numpy, got), strict=True)
    return torch.stack([(a - b).abs().max() for a, b in pairs]).max().item()


def _shapes(values: Iterable[onnx.ValueInfoProto]) -> Shapes:
    return {
        value.name: tuple(
            size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim
        )
        for value in values
    }
