"""Extraction on several machines: shards, how far they are, their merger, and what it will cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..data.clips import Clip
    from ..essences.estimate import Estimate
    from ..essences.shards import ShardState
    from ..systems.backbones import Backbone
    from .options import ReadingOptions, ViewOptions


@dataclass(frozen=True)
class ShardOptions:
    """Which share of the clips is worked on, and whether at all."""

    shard: Annotated[
        str | None,
        typer.Option(help="Only this share of the clips, such as 3/16; then `quest82 merge OUT`."),
    ] = None
    list_shards: Annotated[
        bool, typer.Option("--list-shards", help="Say how far each shard in OUT is, and end.")
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Measure a few clips, say what all will cost, and end."),
    ] = False


def merge(
    out: Annotated[Path, typer.Argument(help="Folder below which the shards were extracted.")],
) -> None:
    """Make one store of the shards that `quest82 extract --shard` made, and remove them.

    It is the same, byte for byte, as the store that one machine would have made. Shards that are
    missing, unfinished, of another list of clips or made with other settings are named instead.

    Example: `quest82 merge kinetics.essences`
    """
    from .. import essences

    data = essences.merge(out)
    typer.echo(
        f"{len(data)} clips, {len(data.classes)} classes, {len(set(data.groups))} groups in {out}; "
        f"{len(data.skipped)} clips skipped"
    )


def make_shard(
    clips: Sequence[Clip],
    out: Path,
    shard: str,
    views: ViewOptions,
    reading: ReadingOptions,
    *,
    backbone: Backbone,
    engine: str | None,
) -> None:
    """Extract one shard, and say what is left to do."""
    from ..essences import Shard, extract_shard

    state = extract_shard(
        clips,
        backbone,
        out,
        Shard.of(shard),
        views.spec,
        engine=engine,
        num_workers=reading.workers,
        time_limit_seconds=reading.time_limit,
    )
    typer.echo(
        f"shard {state.shard}: {state.num_done} of {len(clips)} clips; when all "
        f"{state.shard.total} are there: quest82 merge {out}"
    )


def tell_shards(out: Path) -> None:
    """Say of each shard how far it is."""
    from ..essences.shards import states_of

    states = states_of(out)
    for state in states:
        typer.echo(f"shard {state.shard}: {_how_far(state)}")
    typer.echo(f"{sum(state.complete for state in states)} of {len(states)} are finished")


def tell_estimate(
    clips: Sequence[Clip],
    views: ViewOptions,
    reading: ReadingOptions,
    *,
    backbone: Backbone,
    engine: str | None,
    shard: str | None,
) -> None:
    """Measure a few clips, and say what all of them, or those of a shard, will take here."""
    from ..essences import Shard
    from ..essences.estimate import estimate

    if shard:
        share = Shard.of(shard)
        clips = [clip for clip in clips if share.takes(clip.id)]
    found = estimate(
        clips,
        backbone,
        views.spec,
        engine=engine,
        num_workers=reading.workers,
        time_limit_seconds=reading.time_limit,
    )
    typer.echo(_cost(found))


def _cost(found: Estimate) -> str:
    rate = found.num_clips / found.seconds
    skipped = f"; {found.num_skipped} of the sample cannot be read" if found.num_skipped else ""
    return (
        f"{found.num_clips} clips: {_bytes(found.num_bytes)}, about {_time(found.seconds)} on this "
        f"machine ({rate:.1f} clips a second by the engine {found.engine}, from "
        f"{found.num_sampled} clips{skipped}); nothing was written"
    )


def _how_far(state: ShardState) -> str:
    if state.num_clips is None:
        return "not begun"
    return "finished" if state.complete else f"{state.num_done} of {state.num_clips} clips"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _bytes(number: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number / 1000:.0f} kB"
