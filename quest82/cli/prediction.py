"""The command that asks a model about videos."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .file_options import FileOptions
from .options import BackboneWeights, EngineName, ReadingOptions, num_decoders
from .telling import printable

if TYPE_CHECKING:
    from ..service import Answer, Predictor
    from ..video import VideoError

_ABOUT = ("none_of_these", "distance", "frames", "error")  # columns after the probabilities


def predict(
    model: Annotated[Path, typer.Argument(help="A model of `quest82 train`.")],
    videos: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help='Files, folders (all videos below), patterns ("clips/*.mp4", in quotes); '
            "- reads a list from the standard input, one a line.",
        ),
    ],
    *,
    top: Annotated[int, typer.Option(min=1, help="How many classes to print.")] = 5,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what each frame adds to the answer.")
    ] = False,
    files: FileOptions,
    backbone_weights: BackboneWeights = None,
    engine: EngineName = None,
    reading: ReadingOptions,
) -> None:
    """Name the action in video files: the best classes with their probabilities.

    A file that cannot be read is told and passed over; the exit code is then 1.

    With --explain a line for each frame says what it adds to the score of the answer, its logit
    less the mean of all: exactly for mean pooling, else by asking again without the frame.

    Example: `quest82 predict lstm.safetensors clip.mp4 holidays "walks/*.mov" --csv answers.csv`
    """
    from .videos import videos_of

    files.require_writable()
    paths = videos_of(videos)
    with _opened(model, len(paths), backbone_weights, engine, reading) as predictor:
        failed = _ask(predictor, paths, top, explain, files, model.name)
    raise typer.Exit(1 if failed else 0)


def _opened(
    model: Path, num_videos: int, weights: Path | None, engine: str | None, reading: ReadingOptions
) -> Predictor:
    """The predictor, with as many workers as are of use."""
    from ..frames.workers import ENOUGH_WORKERS
    from ..service import Predictor

    return Predictor.load(
        model,
        device=reading.device,
        backbone_weights=weights,
        engine=engine,
        num_workers=num_decoders(reading.workers, min(num_videos, ENOUGH_WORKERS)),
        time_limit_seconds=reading.time_limit,
    )


def _ask(
    predictor: Predictor,
    paths: Sequence[Path],
    top: int,
    explain: bool,
    files: FileOptions,
    name: str,
) -> int:
    """Ask, print and write; how many files failed."""
    from tqdm import tqdm

    from ..video import VideoError
    from .writing import Table, probability_columns, write_json

    columns = ["path", "label", "probability", *probability_columns(predictor.classes)]
    entries, failed = [], 0
    answers, few = predictor.each(paths, explain=explain), len(paths) < 2
    bar = tqdm(answers, "predicting", len(paths), unit="clip", disable=few)
    try:
        with Table(files.csv, [*columns, *_ABOUT]) as table:
            for path, answer in zip(paths, bar, strict=True):
                failed += isinstance(answer, VideoError)
                _tell(path, answer, top)
                table.add(_row(path, answer))
                entries.append(_entry(path, answer))
    finally:  # stopped by the user, too: what is known is known
        if files.json:
            classes = list(predictor.classes)
            write_json(files.json, {"model": name, "classes": classes, "answers": entries})
    return failed


def _tell(path: Path, answer: Answer | VideoError, top: int) -> None:
    """Print an answer, or its error to the standard error; the bar steps aside for it."""
    from tqdm import tqdm

    from ..video import VideoError

    if isinstance(answer, VideoError):
        tqdm.write(f"quest82: {answer}", file=sys.stderr)
        return
    lines = [f"  {probability:6.1%}  {name}" for name, probability in answer.top(top)]
    if answer.unlike:
        lines.insert(0, f"  none of these: {answer.distance:.1f} from all that was learned")
    if answer.contributions is not None:
        shares = zip(answer.frames, answer.contributions.tolist(), strict=True)
        lines += [f"  frame {frame:>6}  {share:+.2f}" for frame, share in shares]
    tqdm.write("\n".join([printable(path), *lines]), file=sys.stdout)


def _row(path: Path, answer: Answer | VideoError) -> dict[str, object]:
    """A line of the table."""
    from ..video import VideoError
    from .writing import probability_row

    if isinstance(answer, VideoError):
        return {"path": path, "error": answer}
    ((label, best),) = answer.top(1)
    every = probability_row(answer.classes, answer.probabilities.tolist())
    frames = " ".join(map(str, answer.frames))
    sure = {"probability": f"{best:.6f}", **every}
    far = {"none_of_these": answer.unlike, "distance": answer.distance}
    return {"path": path, "label": label, **sure, **far, "frames": frames}


def _entry(path: Path, answer: Answer | VideoError) -> dict[str, object]:
    """The same for programs."""
    from ..video import VideoError

    if isinstance(answer, VideoError):
        return {"path": str(path), "error": str(answer)}
    ((label, best),) = answer.top(1)
    every = dict(zip(answer.classes, answer.probabilities.tolist(), strict=True))
    shares = answer.contributions
    explained = {} if shares is None else {"contributions": shares.tolist()}
    return {
        "path": str(path),
        "label": label,
        "probability": best,
        "probabilities": every,
        "none_of_these": answer.unlike,
        "distance": answer.distance,
        "frames": list(answer.frames),
        **explained,
    }
