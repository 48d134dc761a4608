"""A model as a program of ExecuTorch, PyTorch's own runtime for phones, held to PyTorch first.

The extra `quest82[executorch]` is needed.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from executorch.runtime import Runtime
from torch import Tensor

from ..systems import classifier
from .exported import Exported, graph_of, metadata_of, require_close
from .graphs import Graph


def export_program(
    path: str | Path, *, part: str = "whole", backbone_weights: str | Path | None = None
) -> Exported:
    """A model of `quest82 train` as a program for one clip at a time, tried in ExecuTorch.

    It runs on XNNPACK, which phones and computers have. What stands in an ONNX file's metadata
    (see `export.export`) are methods here, without arguments, that return texts.

    Args:
        path: the model.
        part: "whole", "head" or "step", as for `export.export`.
        backbone_weights: as for `Predictor.load`; of use to "whole" alone.

    Raises:
        ValueError: as `export.export`.
        WeightsError: if weights of the backbone cannot be fetched.
    """
    network, settings = classifier.load(path)
    graph = graph_of(part, network, settings, path, backbone_weights)
    metadata, given = metadata_of(network, settings), graph.examples(1, graph.num_frames)
    content = _compiled(graph, given, metadata)
    with torch.no_grad():
        expected = graph.reference(*given)
    expected = expected if isinstance(expected, tuple) else (expected,)
    method = Runtime.get().load_program(content).load_method("forward")
    pairs = zip(expected, method.execute(list(given)), strict=True)
    difference = torch.stack([(a - b).abs().max() for a, b in pairs]).max().item()
    require_close(difference, path, "ExecuTorch")
    inputs, outputs = (
        {name: tuple(tensor.shape) for name, tensor in zip(names, tensors, strict=True)}
        for names, tensors in ((graph.inputs, given), (graph.outputs, expected))
    )
    return Exported(content, inputs, outputs, metadata, difference)


def _compiled(graph: Graph, given: tuple[Tensor, ...], metadata: Mapping[str, str]) -> bytes:
    """The program; what the compiler says of itself is not for our users."""
    logging.getLogger("executorch").setLevel(logging.ERROR)
    # XNNPACK arranges the weights itself, and refuses those that lie channels last.
    network = graph.network.to(memory_format=torch.contiguous_format)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lowered = to_edge_transform_and_lower(
            torch.export.export(network, given),
            partitioner=[XnnpackPartitioner()],
            constant_methods=dict(metadata),
        )
        return bytes(lowered.to_executorch().buffer)
