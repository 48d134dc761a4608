"""The command that asks a model about videos."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .file_options import FileOptions
from .options import BackboneWeights, EngineName, ReadingOptions, num_decoders
from .over_time import WindowOptions, ask_over_time
from .pretrained import PretrainedOptions
from .telling import printable

if TYPE_CHECKING:
    from ..service import Answer, Predictor
    from ..video import VideoError


def predict(
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] PATH...",
            help="A model of `quest82 train` (none with --pretrained), then files, folders of "
            'frames, folders (all videos below), patterns ("clips/*.mp4", in quotes); '
            "- reads a list from the standard input, one a line.",
        ),
    ],
    *,
    top: Annotated[int, typer.Option(min=1, help="How many classes to print.")] = 5,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what each frame adds to the answer.")
    ] = False,
    over_time: WindowOptions,
    files: FileOptions,
    pretrained: PretrainedOptions,
    backbone_weights: BackboneWeights = None,
    engine: EngineName = None,
    reading: ReadingOptions,
) -> None:
    """Name the action in video files: the best classes with their probabilities.

    A file that cannot be read is told and passed over; the exit code is then 1.

    With --explain a line for each frame says what it adds to the score of the answer, its logit
    less the mean of all: exactly for mean pooling, else by asking again without the frame. With
    --plot a figure shows it below the frames.

    With --window a long video is answered over time: for each window that lies wholly inside it (a
    shorter video is one window), with the frames that a clip of that part would have. Printed are
    stretches with one answer and its mean probability; the files hold every window. The time limit
    is then for every 32 frames. With --segments it is printed when each class happens instead: a
    video may show nothing for most of the time, or two things at once.

    With --pretrained there is no MODEL: a network that others trained names one of the 400 actions
    of Kinetics, by one window from the middle of the video at the network's own frame rate.

    Example: `quest82 predict lstm.safetensors clip.mp4 holidays "walks/*.mov" --csv answers.csv`

    Example: `quest82 predict lstm.safetensors long.mp4 --window 2 --stride 0.5 --plot long.png`

    Example: `quest82 predict lstm.safetensors long.mp4 --window 2 --segments 0.3`

    Example: `quest82 predict --pretrained r2plus1d_18 clip.mp4 --json kinetics.json`
    """
    from .videos import videos_of

    ours = {"--backbone-weights": backbone_weights, "--engine": engine, "--explain": explain}
    pretrained.require_usable(ours | over_time.given)
    over_time.require_usable(explain)
    files.require_writable()
    model, videos = (None, given) if pretrained.pretrained else _apart(given)
    paths = videos_of(videos)
    over_time.require_one_for_the_plot(paths)
    if model is None:
        with pretrained.opened(_num_workers(len(paths), reading), reading) as network:
            who = str(pretrained.pretrained), network.classes
            failed = _ask(who, network.each(paths), paths, top, None, files)
        raise typer.Exit(1 if failed else 0)
    # A video that is read on is read by one process; several would decode the same frames.
    at_once = 1 if over_time.window else len(paths)
    with _opened(model, at_once, backbone_weights, engine, reading) as predictor:
        if over_time.window:
            failed = ask_over_time(predictor, paths, over_time, files, model.name)
        else:
            answers = predictor.each(paths, explain=explain)
            who = model.name, predictor.classes
            failed = _ask(who, answers, paths, top, over_time.plot, files)
    raise typer.Exit(1 if failed else 0)


def _apart(given: Sequence[str]) -> tuple[Path, Sequence[str]]:
    """The model, and what stands for videos."""
    model, *videos = given
    if not videos:
        raise ValueError(
            f"no videos: give them after the model ({model}), or a network of others before them "
            "(--pretrained)"
        )
    return Path(model), videos


def _num_workers(num_videos: int, reading: ReadingOptions) -> int:
    """As many as are of use."""
    from ..frames.workers import ENOUGH_WORKERS

    return num_decoders(reading.workers, min(num_videos, ENOUGH_WORKERS))


def _opened(
    model: Path, num_videos: int, weights: Path | None, engine: str | None, reading: ReadingOptions
) -> Predictor:
    from ..service import Predictor

    return Predictor.load(
        model,
        device=reading.device,
        backbone_weights=weights,
        engine=engine,
        num_workers=_num_workers(num_videos, reading),
        time_limit_seconds=reading.time_limit,
    )


def _ask(
    who: tuple[str, Sequence[str]],
    answers: Iterable[Answer | VideoError],
    paths: Sequence[Path],
    top: int,
    figure: Path | None,
    files: FileOptions,
) -> int:
    """Print, write and draw; how many files failed.

    Args:
        who: name of the model, and its classes.
        answers: one for each video, asked for on the way.
        paths: of videos.
        top: how many classes to print.
        figure: to draw of what each frame adds.
        files: what to write.
    """
    from tqdm import tqdm

    from ..video import VideoError
    from .predicted import columns_of, entry_of, row_of
    from .writing import Table, write_json

    entries, failed, (name, classes) = [], 0, who
    bar = tqdm(answers, "predicting", len(paths), unit="clip", disable=len(paths) < 2)
    try:
        with Table(files.csv, ["path", *columns_of(classes)]) as table:
            for path, answer in zip(paths, bar, strict=True):
                failed += isinstance(answer, VideoError)
                _tell(path, answer, top)
                table.add(row_of(path, answer))
                entries.append({"path": str(path), **entry_of(answer)})
                if figure and not isinstance(answer, VideoError):
                    _draw(path, answer, figure)
    finally:  # stopped by the user, too: what is known is known
        if files.json:
            about = {"model": name, "classes": list(classes)}
            write_json(files.json, {**about, "answers": entries})
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


def _draw(path: Path, answer: Answer, figure: Path) -> None:
    """The frames that the model was shown, and what each adds to the answer."""
    from .. import plots, video

    assert answer.contributions is not None
    frames = video.read_frames(path, answer.frames)
    y = f'adds to "{answer.label}"'
    plots.save(plots.frame_bars(frames, answer.contributions.tolist(), y=y), figure)
    typer.echo(f"{figure} written")
