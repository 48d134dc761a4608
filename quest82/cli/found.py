"""The clips that a command is to work on: from folders, or from annotations."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .options import ClipOptions
from .telling import tell_passed_over

if TYPE_CHECKING:
    from ..data.clips import Clip


def clips_in(
    folder: Path, which: ClipOptions, *, endings: Collection[str] | None = None
) -> list[Clip]:
    """The clips of a folder, by its layout or by annotations; without endings: the videos."""
    from ..data import annotations, clips
    from ..data.files import EXTENSIONS

    endings, groups = endings or EXTENSIONS, which.groups
    if which.annotations:
        return annotations.from_annotations(
            folder, which.annotations, groups=groups, endings=endings
        )
    try:
        return clips.from_folder(folder, groups=groups, endings=endings)
    except clips.TooDeep as error:
        command = [str(error.inner[0]) if Path(a) == folder else a for a in sys.argv[1:]]
        raise ValueError(f"{error}: {shlex.join(['quest82', *command])}") from error


def tell_left_over(folder: Path, which: ClipOptions, found: Sequence[Clip]) -> int:
    """Name the files that are no clips, and count them; with annotations the unnamed videos."""
    if not which.annotations:
        return tell_passed_over(folder)
    from ..data.files import videos_below

    named = {clip.path for clip in found}
    others = [path for path in videos_below(folder)[0] if path not in named]
    if others:
        first = others[0].relative_to(folder)
        typer.echo(f"{len(others)} videos are not in the annotations, such as {first}")
    return len(others)
