"""The commands before any essence: the network's weights, synthetic clips, a look at files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .checking import tell_store
from .options import TimeLimit, Workers, num_decoders
from .telling import AGAIN, is_again, printable

if TYPE_CHECKING:
    from ..video import Inspection


def weights() -> None:
    """Find the ImageNet weights of MobileNetV2, or fetch them (14 MB), and verify them.

    Example: `quest82 weights`
    """
    from ..systems.weights import ensure_checkpoint

    typer.echo(f"{ensure_checkpoint()}: verified")


def synthesize(
    out: Annotated[Path, typer.Argument(help="Folder to write the class folders into.")],
    clips_per_action: Annotated[int, typer.Option(help="Clips of each action.")] = 30,
    swing: Annotated[
        str,
        typer.Option(
            help="full: shut to wide open; partial: part of it; still: none; "
            "cycle: a dial, lights, seasons, a day, once round."
        ),
    ] = "full",
    wall: Annotated[
        str | None, typer.Option(help="blue or orange behind every action; else each its own.")
    ] = None,
    coding: Annotated[
        str,
        typer.Option(help="intra: each frame by itself; inter: gives the direction of time away."),
    ] = "intra",
    seed: Annotated[int, typer.Option(help="The same seed gives the same frames.")] = 0,
) -> None:
    """Render reversible actions (doors, drawers, books, ...) as H.264 videos.

    Example: `quest82 synthesize doors --swing partial`
    """
    from ..data import synthetic

    clips = synthetic.synthesize(
        out, clips_per_action=clips_per_action, swing=swing, wall=wall, coding=coding, seed=seed
    )
    typer.echo(f"{len(clips)} clips of {len(synthetic.actions_of(swing))} actions in {out}")


def check(
    where: Annotated[
        Path,
        typer.Argument(
            help="A video, a folder of frames, a store, or any folder; all below it is read."
        ),
    ],
    workers: Workers = None,
    time_limit: TimeLimit = 60,
    index: Annotated[
        bool,
        typer.Option("--index", help="Of a sound store: write its index where that is missing."),
    ] = False,
) -> None:
    """Read every video once and list what is wrong: unreadable, damaged, wrong frame counts.

    Decoders patch damaged frames without a word; this finds them. Of a store of essences, every
    clip is held to its checksum. Ends with exit code 1 if anything was found.

    Example: `quest82 check UCF-101`

    Example: `quest82 check weizmann.essences`
    """
    from ..data.files import videos_below
    from ..essences.reader import is_store
    from ..video import is_frame_folder

    if is_store(where):
        tell_store(where, index)
        return
    if index:
        raise ValueError(f"{where}: is no store of essences, so it has no index; leave --index out")
    is_one = where.is_file() or is_frame_folder(where)
    root = where.parent if is_one else where
    videos, others = ([where], []) if is_one else videos_below(where)
    if not videos and not others:
        raise ValueError(f"{where}: there is no such file or folder, or it is empty")
    bad = _problems(videos, workers, time_limit)
    if bad:
        typer.echo(f"{'promised':>8} {'decoded':>8} {'damaged':>8}  file: what is wrong")
    for path, found in bad:
        name = printable(path.relative_to(root))
        counts = f"{found.promised:>8} {found.decoded:>8} {found.corrupt:>8}"
        typer.echo(f"{counts}  {name}: {found.problem}")
    for path in others:
        why = AGAIN if is_again(path) else "not named like a video"
        typer.echo(f"{'-':>8} {'-':>8} {'-':>8}  {printable(path.relative_to(root))}: {why}")
    typer.echo(f"{len(videos)} videos read, {len(bad)} with problems; {len(others)} other files")
    raise typer.Exit(1 if bad else 0)


def _problems(
    videos: Sequence[Path], workers: int | None, time_limit: float
) -> list[tuple[Path, Inspection]]:
    """The videos with something wrong, and what it is."""
    from tqdm import tqdm

    from ..frames.workers import inspect_all

    num_workers = num_decoders(workers, len(videos))
    inspected = inspect_all(videos, num_workers=num_workers, time_limit_seconds=time_limit)
    bar = tqdm(inspected, "checking", total=len(videos), unit="clip")
    return [(path, found) for path, found in zip(videos, bar, strict=True) if found.problem]
