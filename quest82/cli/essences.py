"""The command that turns videos into essences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .found import clips_in, tell_left_over
from .options import BackboneOptions, ClipOptions, Folder, ReadingOptions, ViewOptions
from .stores import essences_of


def extract(
    folder: Folder,
    out: Annotated[Path, typer.Argument(help="Folder of the store; a stopped run goes on.")],
    *,
    which: ClipOptions,
    views: ViewOptions,
    network: BackboneOptions,
    engine: Annotated[
        str | None, typer.Option(help="openvino, fused or plain; else the fastest that works.")
    ] = None,
    reading: ReadingOptions,
) -> None:
    """Turn a folder of videos into a store of essences: T x 1280 numbers per clip.

    Example: `quest82 extract weizmann weizmann.essences --groups "^([a-z]+)_"`

    Example: `quest82 extract videos some.essences --annotations labels.csv`, with lines such as
    `path,label,start,end` and `monday.mp4,wave,12.5,15`
    """
    found = clips_in(folder, which)
    essences = essences_of(found, out, views, reading, network=network, engine=engine)
    num_others = tell_left_over(folder, which, found)
    typer.echo(
        f"{len(essences)} clips, {len(essences.classes)} classes, {len(set(essences.groups))} "
        f"groups in {out} by the engine {essences.settings['engine']}; {len(essences.skipped)} "
        f"clips skipped, {num_others} files passed over"
    )
