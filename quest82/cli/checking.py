"""What `quest82 check` says of a store of essences."""

from __future__ import annotations

from pathlib import Path

import typer

from .telling import printable


def tell_store(path: Path, index: bool) -> None:
    """Hold every clip to its checksum, list the damaged ones, and write the index where asked.

    Raises:
        Exit: with code 1, if anything is damaged.
    """
    from ..essences.checking import check_store, index_store

    found = check_store(path)
    for clip_id in found.damaged:
        typer.echo(f"damaged {printable(Path(clip_id))}")
    if found.has_other_lines:
        typer.echo("damaged clips.jsonl: not as it was when the store was finished")
    typer.echo(
        f"{found.num_clips} clips checked, {len(found.damaged)} damaged; {found.num_skipped} had "
        "been skipped"
    )
    if not found.is_sound:
        typer.echo(f"{path}: delete the folder and extract again")
        raise typer.Exit(1)
    if index and not found.is_indexed:
        index_store(path)
        typer.echo("index written: the store opens at once from now on")
    elif not found.is_indexed:
        typer.echo(f"no index: it is opened line by line; quest82 check {path} --index writes one")
