"""A model as an ONNX file, for phones, browsers and other runtimes, held to PyTorch first.

The extra `quest82[export]` is needed. A file is written only if ONNX Runtime, reading it, gives
what PyTorch gives.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

import onnx
import onnxruntime
import torch
from torch import Tensor

from ..systems import classifier
from .exported import Exported, Shapes, graph_of, metadata_of, require_close
from .graphs import BATCH, FRAMES, Graph

SCOPE = "pkg.torch.onnx.name_scopes"
"""Under this key each node says which layer of the network it comes from."""

_OPSET = 18  # ONNX Runtime of 2023 reads it; phones keep old ones


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
    graph = graph_of(part, network, settings, path, backbone_weights)
    model = _traced(graph)
    metadata = metadata_of(network, settings)
    content = with_metadata(model, metadata)
    inputs, outputs = _shapes(model.graph.input), _shapes(model.graph.output)
    return Exported(content, inputs, outputs, metadata, _tried(content, graph, inputs, path))


def with_metadata(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """The file of a model, with these texts in it and no others."""
    del model.metadata_props[:]
    for name, text in metadata.items():
        model.metadata_props.add(key=name, value=text)
    return model.SerializeToString()


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


def _tried(content: bytes, graph: Graph, inputs: Shapes, path: str | Path) -> float:
    """The largest difference from PyTorch, unless it is too large."""
    session, T = opened(content), graph.num_frames
    trials = [(1, T), (3, T)]
    if FRAMES in inputs[next(iter(graph.inputs))]:
        trials.append((3, T + 1))
    worst = max(_difference(session, graph, graph.examples(B, T)) for B, T in trials)
    require_close(worst, path, "ONNX Runtime")
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
