"""The options that commands share, each in one place, and the groups they are handed on in.

A group is a frozen dataclass whose fields are options. A command takes the group as one parameter,
and `expanded` shows its fields to the user as options of the command:

>>> @expanded
... def watch(where: Folder, reading: ReadingOptions) -> None: ...
>>> list(inspect.signature(watch).parameters)
['where', 'workers', 'time_limit', 'device']
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from ..frames.view import ViewSpec

Folder = Annotated[
    Path,
    typer.Argument(
        help="Folder laid out as FOLDER/CLASS/CLIP.mp4, or FOLDER/train/CLASS/CLIP.mp4; a clip may "
        "be a folder of frames, FOLDER/CLASS/CLIP/000001.jpg."
    ),
]
Store = Annotated[Path, typer.Argument(help="Store of essences, made by `quest82 extract`.")]
Task = Annotated[
    str,
    typer.Option(
        help="What to tell apart. classes: as they are; pairs: each clip also played backwards, "
        "as a class of its own; direction: forwards or backwards, whatever the class."
    ),
]
Epochs = Annotated[
    int, typer.Option(min=1, help="At most this many passes over the training clips.")
]
Seeds = Annotated[int, typer.Option(min=1, help="How often, with other initial weights.")]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        help="Name of an aggregator, such as mean or lstm; may be given several times. The others "
        "are compared with the first; without, the LSTM with the mean.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=0, help="Processes that decode; 0: none, and no time limit."),
]
TimeLimit = Annotated[
    float, typer.Option(min=0.1, help="Seconds that reading one clip may take at most.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Groups = Annotated[
    str | None,
    typer.Option(help="Regular expression whose first bracket finds the group in a file name."),
]
Annotations = Annotated[
    list[Path] | None,
    typer.Option(
        help="CSV or JSON that names the clips, instead of class folders: path (in FOLDER, or a "
        "URL), label and, where known, group, split, start, end (seconds). Kinetics' CSV and "
        "Something-Something V2's JSON are read, too. May be given several times.",
    ),
]
Unseen = Annotated[
    float,
    typer.Option(min=0.01, max=0.5, help="Share of the groups kept unseen: a half, a third, ..."),
]
NumFrames = Annotated[int, typer.Option(min=1, help="Frames per clip (T).")]
Views = Annotated[
    int, typer.Option(min=1, help="Views per clip: one centred, the others random, to train on.")
]
Size = Annotated[int, typer.Option(min=32, help="Side of the square of a frame, in pixels.")]
By = Annotated[
    str, typer.Option(help="Segments of equal time, or of equal count of frames: time or count.")
]
Flip = Annotated[bool, typer.Option(help="Let random views mirror clips left to right.")]

Backbone = Annotated[
    str,
    typer.Option(help="Any image network of torchvision, or video_mae (16 frames, 8 essences)."),
]
BackboneWeights = Annotated[
    Path | None,
    typer.Option(
        help="State dict of the backbone (.safetensors or .pth); else torchvision's for ImageNet. "
        "For video_mae model.safetensors, with config.json beside it."
    ),
]
Maps = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Keep feature maps of G x G positions, not their mean: C x G x G numbers per frame.",
    ),
]
Channels = Annotated[
    int | None,
    typer.Option(
        min=1, help="Shorten the maps to C channels, by a PCA of (training) clips without labels."
    ),
]
ProjectionOf = Annotated[
    Path | None,
    typer.Option(
        "--projection", help="Shorten the maps as this store of maps does, in place of --channels."
    ),
]
EngineName = Annotated[
    str | None,
    typer.Option(help="openvino, fused or plain; else the one of the training, if it works here."),
]


@dataclass(frozen=True)
class BackboneOptions:
    """Which network describes the frames."""

    backbone: Backbone = "mobilenet_v2"
    backbone_weights: BackboneWeights = None


@dataclass(frozen=True)
class MapOptions:
    """Whether maps are kept, and how they are shortened."""

    maps: Maps = None
    channels: Channels = None
    projection: ProjectionOf = None

    def __post_init__(self) -> None:
        for name in ("channels", "projection"):
            if self.maps is None and (value := getattr(self, name)) is not None:
                raise ValueError(f"--{name} ({value}) shortens maps: give --maps, too")


@dataclass(frozen=True)
class ClipOptions:
    """Which clips a folder holds, and which belong together."""

    groups: Groups = None
    annotations: Annotations = None


@dataclass(frozen=True)
class ViewOptions:
    """How frames are taken from clips."""

    num_frames: NumFrames = 16
    views: Views = 1
    size: Size = 224
    by: By = "time"
    flip: Flip = True

    @property
    def spec(self) -> ViewSpec:
        """The same as the package knows it."""
        from ..frames.view import ViewSpec

        return ViewSpec(
            num_frames=self.num_frames,
            size=self.size,
            by=self.by,
            flip=self.flip,
            num_views=self.views,
        )


@dataclass(frozen=True)
class ReadingOptions:
    """Who decodes, for how long at most, and where the network runs."""

    workers: Workers = None
    time_limit: TimeLimit = 60
    device: Device = "auto"


def num_decoders(asked: int | None, num_files: int) -> int:
    """How many processes decode: as many as were asked for, else one for each core or file."""
    return min(num_files, os.cpu_count() or 1) if asked is None else asked


@dataclass(frozen=True)
class TrainingOptions:
    """How often, and how long, each model is trained."""

    seeds: Seeds = 3
    epochs: Epochs = 60


@dataclass(frozen=True)
class ComparisonOptions(TrainingOptions):
    """Which models are compared, and how each is trained."""

    models: Models = None


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """The same command, with the options of its groups as parameters of its own.

    Args:
        command: a function of annotated parameters; those annotated with a dataclass are groups.

    Returns:
        A function of the same name and docstring, whose parameters are given by name.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {n: hint for n, hint in hints.items() if is_dataclass(hint)}

    def run(**given: object) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    shown = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            shown += _parameters_of(groups[parameter.name])
        else:
            named = {"kind": parameter.KEYWORD_ONLY, "annotation": hints[parameter.name]}
            shown.append(parameter.replace(**named))
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    vars(run)["__signature__"] = inspect.Signature(shown)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return run


def _parameters_of(group: type) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]
