"""What exports have in common: which part of a model, what is said of it, when it is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from .. import __version__
from ..frames.view import ViewSpec
from ..outputs import write_whole
from ..systems import classifier
from ..systems.calibration import Calibration
from . import graphs
from .graphs import Graph
from .predictor import backbone_of

TOLERANCE = 1e-4
"""Largest difference from PyTorch, of any number that comes out."""

PARTS = ("whole", "head", "step")
Shapes = dict[str, tuple[int | str, ...]]
"""Name of an input or output -> its dimensions, by number or, where they may vary, by name."""

_USUAL_FRAMES = 16  # where a model does not say how many it was trained on


@dataclass(frozen=True)
class Exported:
    """What an export has made.

    Attributes:
        content: of the file.
        inputs: their shapes.
        outputs: theirs.
        metadata: what stands in the file for applications (see `metadata_of`).
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


def graph_of(
    part: str,
    network: classifier.Classifier,
    settings: Mapping,
    path: str | Path,
    backbone_weights: str | Path | None,
) -> Graph:
    """What is to be exported of a model.

    Args:
        part: one of `PARTS`.
        network: the classifier.
        settings: what its file says of it.
        path: of the file, for errors.
        backbone_weights: as for `Predictor.load`.

    Raises:
        ValueError: if there is no such part, or the model does not say how its frames were taken.
    """
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


def metadata_of(network: classifier.Classifier, settings: Mapping) -> dict[str, str]:
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


def require_close(difference: float, path: str | Path, runtime: str) -> None:
    """Refuse an export that answers otherwise than PyTorch.

    Raises:
        ValueError: if the largest difference is above `TOLERANCE`, or no number.
    """
    if not difference <= TOLERANCE:
        raise ValueError(
            f"{path}: {runtime} gives other numbers than PyTorch (by {difference:.1e}, allowed are "
            f"{TOLERANCE:.0e}); nothing was written, try another version of it or of torch"
        )
