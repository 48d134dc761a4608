"""The command that turns videos into essences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import BackboneOptions, Folder, Groups, ReadingOptions, ViewOptions
from .stores import essences_of
from .telling import tell_passed_over


def extract(
    folder: Folder,
    out: Annotated[Path, typer.Argument(help="Folder of the store; a stopped run goes on.")],
    *,
    groups: Groups = None,
    views: ViewOptions,
    network: BackboneOptions,
    engine: Annotated[
        str | None, typer.Option(help="openvino, fused or plain; else the fastest that works.")
    ] = None,
    reading: ReadingOptions,
) -> None:
    """Turn a folder of videos into a store of essences: T x 1280 numbers per clip.

    Example: `quest82 extract weizmann weizmann.essences --groups "^([a-z]+)_"`
    """
    from ..data import clips

    found = clips.from_folder(folder, groups=groups)
    essences = essences_of(found, out, views, reading, network=network, engine=engine)
    num_others = tell_passed_over(folder)
    typer.echo(
        f"{len(essences)} clips, {len(essences.classes)} classes, {len(set(essences.groups))} "
        f"groups in {out} by the engine {essences.settings['engine']}; {len(essences.skipped)} "
        f"clips skipped, {num_others} files passed over"
    )
