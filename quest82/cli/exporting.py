"""The command that takes a model to phones, browsers and other runtimes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .file_options import require_file
from .options import BackboneWeights, Workers, num_decoders
from .telling import printable

if TYPE_CHECKING:
    from torch import Tensor

    from ..frames.view import ViewSpec
    from ..frames.workers import Workers as Pool
    from ..service.exported import Exported

_TIME_LIMIT_SECONDS = 60
# Twice as many changed the ranges little, and each clip takes seconds.
_CALIBRATED, _COMPARED = 32, 32


def export(
    model: Annotated[Path, typer.Argument(help="A model of `quest82 train`.")],
    out: Annotated[Path, typer.Argument(help="File to write (.onnx, or .pte of ExecuTorch).")],
    *,
    head: Annotated[
        bool, typer.Option("--head", help="Essences to logits: without the backbone.")
    ] = False,
    step: Annotated[
        bool,
        typer.Option("--step", help="An essence and a state to logits and a state (lstm, gru)."),
    ] = False,
    int8: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Count in eight bits; ranges from training clips in this folder."
        ),
    ] = None,
    kind: Annotated[
        str, typer.Option("--format", help="onnx, or executorch (one clip at a time).")
    ] = "onnx",
    backbone_weights: BackboneWeights = None,
    workers: Workers = 1,
) -> None:
    """Write a model as ONNX, from frames to probabilities, once ONNX Runtime agrees with PyTorch.

    The file says which classes it knows and how its frames have to be taken (`view`); the chapter
    "On a phone, in the browser" shows how it is used. With --int8 it is a third to a half as
    large; how often it still gives the same answer is told.

    Example: `quest82 export lstm.safetensors lstm.onnx`

    Example: `quest82 export lstm.safetensors lstm.pte --format executorch`
    """
    require_file(out)
    if (head and step) or (int8 and (head or step)):
        raise ValueError("--head, --step and --int8 exclude each other; give one of them")
    if int8 and kind != "onnx":
        raise ValueError(f"format ({kind!r}) has no --int8; leave one of them out")
    make, runtime = _exporter(kind)
    videos = _videos(int8) if int8 else []
    part = "head" if head else "step" if step else "whole"
    made = make(model, part=part, backbone_weights=backbone_weights)
    _tell(made, runtime)
    if int8:
        made = _in_eight_bits(made, videos, workers)
    made.write(out)
    typer.echo(f"{out} written")


def _exporter(kind: str) -> tuple[Callable[..., Exported], str]:
    """What makes such a file, and the name of what runs it.

    Raises:
        ValueError: if there is no such format, or its extra is not installed.
    """
    extras = {"onnx": "export", "executorch": "executorch"}
    if kind not in extras:
        raise ValueError(f"format ({kind!r}) must be one of {', '.join(extras)}")
    try:
        if kind == "executorch":
            from ..service.programs import export_program

            return export_program, "ExecuTorch"
        import onnxscript  # noqa: F401  (PyTorch asks for it late)

        from ..service.export import export

        return export, "ONNX Runtime"
    except ModuleNotFoundError as error:
        wanted = f'pip install "quest82[{extras[kind]}]"'
        raise ValueError(f"{error.name} is not installed; {wanted}") from error


def _tell(made: Exported, runtime: str) -> None:
    """What goes in, what comes out, and how well it was reproduced."""
    given, told = (
        ", ".join(f"{name} ({', '.join(map(str, shape))})" for name, shape in shapes.items())
        for shapes in (made.inputs, made.outputs)
    )
    typer.echo(f"{given} -> {told}: {_megabytes(made)}")
    typer.echo(f"{runtime} against PyTorch: largest difference {made.difference:.1e}")


def _in_eight_bits(made: Exported, videos: Sequence[Path], workers: int | None) -> Exported:
    """The same in eight bits; how often it agrees on other clips is told."""
    from ..frames.workers import Workers
    from ..service.quantising import agreement, quantised

    kept = _spread(videos, _CALIBRATED + _COMPARED)
    asked = num_decoders(workers, len(kept))
    with Workers(num_workers=asked, time_limit_seconds=_TIME_LIMIT_SECONDS) as pool:
        small = quantised(made, _frames(kept[::2], made.view, pool))
        compared = agreement(made, small, _frames(kept[1::2], made.view, pool))
    share = len(small.content) / len(made.content)
    typer.echo(f"in eight bits: {_megabytes(small)}, {share:.2f} of the size")
    typer.echo(
        "the same class as before for {} of {} other clips; largest difference of a probability "
        "{:.2f}".format(*compared)
    )
    return small


def _megabytes(made: Exported) -> str:
    return f"{len(made.content) / 1e6:.1f} MB"


def _videos(where: str) -> list[Path]:
    """The clips for --int8."""
    from .videos import videos_of

    found = videos_of([where])
    if len(found) < 2:
        raise ValueError(
            f"int8 ({where}) must hold at least 2 videos: one to take the ranges from, another to "
            "compare on; give the folder of the training clips"
        )
    return found


def _spread(videos: Sequence[Path], most: int) -> list[Path]:
    """At most so many, from all over the list."""
    count = min(most, len(videos))
    return [videos[k * len(videos) // count] for k in range(count)]


def _frames(videos: Sequence[Path], spec: ViewSpec, pool: Pool) -> Iterator[Tensor]:
    """uint8 frames (T, 3, S, S) of each video; one that cannot be read is told and passed over."""
    from ..data.clips import Clip
    from ..video import VideoError

    clips = (Clip(path.name, "", "", path) for path in videos)
    for path, taken in zip(videos, pool.take(clips, spec), strict=True):
        if isinstance(taken, VideoError):
            typer.echo(f"passed over {printable(path)}: {taken}")
        else:
            yield taken[1]
