"""Answers over time: what `predict --window` prints, writes and draws."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .file_options import FileOptions, require_figure, require_file
from .telling import printable

if TYPE_CHECKING:
    import numpy as np

    from ..service import Moment, OverTime, Predictor, Stretch
    from .writing import Table

_NUM_THUMBNAILS = 12


@dataclass(frozen=True)
class WindowOptions:
    """Whether a video is asked about as a whole, or window by window."""

    window: Annotated[
        float | None,
        typer.Option(
            min=0.01, help="Answer over time: for each window of so many seconds, as for a clip."
        ),
    ] = None
    stride: Annotated[
        float | None,
        typer.Option(
            min=0.01, help="Seconds from one window to the next; else a quarter of --window."
        ),
    ] = None
    segments: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Print when each class happens, start and end, instead of stretches: segments "
            "whose mean probability is above that around them by at least so much, such as 0.3.",
        ),
    ] = None
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Figure of one video (.png, .svg, .pdf): over time with --window, frame by frame "
            "with --explain."
        ),
    ] = None

    @property
    def given(self) -> dict[str, object]:
        """What the user gave for each option, None for those left out."""
        return {f"--{name}": value for name, value in vars(self).items()}

    def require_usable(self, explain: bool) -> None:
        """Refuse options that do not go together, and a figure that cannot be written.

        Raises:
            ValueError: says what to change.
        """
        if self.window is None and self.stride is not None:
            raise ValueError("--stride needs --window: the seconds that each answer looks at")
        if self.window is None and self.segments is not None:
            raise ValueError("--segments needs --window: segments are made of windows' answers")
        if self.window is None and self.plot is not None and not explain:
            raise ValueError("--plot needs --window or --explain: what the figure is to show")
        if self.window is not None and explain:
            raise ValueError("--explain is for whole clips; leave it out, or leave out --window")
        if self.plot is not None:
            require_figure(require_file(self.plot))

    def require_one_for_the_plot(self, paths: Sequence[Path]) -> None:
        """Refuse a figure of several videos.

        Raises:
            ValueError: if there are several.
        """
        if self.plot and len(paths) > 1:
            raise ValueError(f"plot ({self.plot}) shows one video, not {len(paths)}; name one")


def ask_over_time(
    predictor: Predictor,
    paths: Sequence[Path],
    asked: WindowOptions,
    files: FileOptions,
    name: str,
) -> int:
    """Ask about each video window by window, print and write; how many videos failed."""
    from .predicted import columns_of
    from .writing import Table, write_json

    window, stride = _lengths(asked)
    videos: list[dict] = []
    columns = ["path", "start", "end", *columns_of(predictor.classes)]
    try:
        with Table(files.csv, columns) as table:
            for path in paths:
                videos.append({"path": str(path), "windows": [], "stretches": []})
                _ask(predictor, path, (window, stride), table, videos[-1], asked)
    finally:  # stopped by the user, too: what is known is known
        if files.json:
            about = {"model": name, "classes": list(predictor.classes)}
            how = {"window_seconds": window, "stride_seconds": stride}
            write_json(files.json, {**about, **how, "videos": videos})
    return sum("error" in video for video in videos)


def _lengths(asked: WindowOptions) -> tuple[float, float]:
    """Of a window, and from one to the next."""
    window = asked.window or 0.0
    return window, window / 4 if asked.stride is None else asked.stride


def _ask(
    predictor: Predictor,
    path: Path,
    lengths: tuple[float, float],
    table: Table,
    entry: dict,
    asked: WindowOptions,
) -> None:
    """One video; the entry receives what is known of it, until it fails and why."""
    from ..service import OverTime, stretches
    from ..video import VideoError
    from .predicted import row_of

    moments: list[Moment] = []
    try:
        over = OverTime(
            predictor,
            path,
            window_seconds=lengths[0],
            stride_seconds=lengths[1],
            num_thumbnails=_NUM_THUMBNAILS if asked.plot else 0,
        )
        entry["seconds"] = over.seconds
        _collect(over, table, entry, moments)
    except VideoError as error:
        table.add(row_of(path, error))
        entry["error"] = str(error)
    found = stretches(moments)
    entry["stretches"] += [_stretch_entry(stretch) for stretch in found]
    lines = [_stretch_line(stretch) for stretch in found]
    if asked.segments is not None:
        entry["segments"] = _segments(moments, asked.segments)
        lines = [_line(segment) for segment in entry["segments"]]
    _tell(path, lines, entry.get("error", ""))
    if asked.plot and "error" not in entry:
        _draw(over, moments, asked.plot)


def _collect(over: OverTime, table: Table, entry: dict, moments: list[Moment]) -> None:
    """Write each answer as soon as it is there."""
    from tqdm import tqdm

    from .predicted import entry_of, row_of

    few = len(over.windows) < 2
    for moment in tqdm(over, "predicting", len(over.windows), unit="window", disable=few):
        when = {"start": moment.start, "end": moment.end}
        table.add(row_of(over.path, moment.answer) | when)
        entry["windows"].append(when | entry_of(moment.answer))
        moments.append(moment)


def _tell(path: Path, lines: Iterable[str], error: str) -> None:
    typer.echo(printable(path))
    for line in lines:
        typer.echo(f"  {line}")
    if error:
        print(f"quest82: {error}", file=sys.stderr)


def _stretch_line(stretch: Stretch) -> str:
    said = f"{stretch.label}  {stretch.probability:.2f}"
    said = f"none of these ({said})" if stretch.unlike else said
    return f"{stretch.start:.1f}-{stretch.end:.1f} s  {said}"


def _line(segment: dict) -> str:
    return "{start:.1f}-{end:.1f} s  {label}  {score:.2f}".format(**segment)


def _segments(moments: Sequence[Moment], least: float) -> list[dict]:
    """What happens when, in order of time; where an answer is none of the classes, nothing does."""
    from ..learning.grouping import localise

    if not moments:
        return []
    classes = moments[0].answer.classes
    windows = [(moment.start, moment.end) for moment in moments]
    found = localise(windows, _chances(moments))
    kept = sorted(segment for segment in found if segment.score >= least)
    return [segment._asdict() | {"label": classes[segment.label]} for segment in kept]


def _chances(moments: Sequence[Moment]) -> np.ndarray:
    """Probabilities (N, K) of all windows, 0 where the answer is none of the classes."""
    import torch

    answers = torch.stack([moment.answer.probabilities for moment in moments]).double()
    unlike = torch.tensor([moment.answer.unlike for moment in moments])
    return answers.masked_fill(unlike[:, None], 0).numpy()


def _stretch_entry(stretch: Stretch) -> dict[str, object]:
    entry = asdict(stretch)
    return entry | {"none_of_these": entry.pop("unlike")}


def _draw(over: OverTime, moments: Sequence[Moment], path: Path) -> None:
    import torch

    from .. import plots

    answers = torch.stack([moment.answer.probabilities for moment in moments])
    windows = [(moment.start, moment.end) for moment in moments]
    unlike = [moment.answer.unlike for moment in moments]
    classes = over.predictor.classes
    axes = plots.over_time(windows, answers.numpy(), classes, over.thumbnails, unlike=unlike)
    plots.save(axes, path)
    typer.echo(f"{path} written")
