"""The clips that a command is to work on: from folders, here or elsewhere, or from annotations."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import ClipOptions
from .telling import tell_passed_over, tell_remote_others

if TYPE_CHECKING:
    from ..data.clips import Clip
    from ..data.places import Place

Source = Annotated[
    str,
    typer.Argument(
        help="Folder laid out as FOLDER/CLASS/CLIP.mp4, or FOLDER/train/CLASS/CLIP.mp4; a clip may "
        "be a folder of frames, FOLDER/CLASS/CLIP/000001.jpg. Or the URL of such a folder: "
        "s3://bucket/clips, https://host/clips, or what else fsspec knows; frames are then "
        "in videos.",
    ),
]


@dataclass(frozen=True)
class SourceOptions(ClipOptions):
    """Likewise, and how much of what lies elsewhere is kept here."""

    cache_gb: Annotated[
        float | None,
        typer.Option(
            help="Room for files fetched from URLs, in GB; the longest unused make way. Without, "
            "$QUEST82_CACHE_GB, else 20. They lie below $QUEST82_CACHE, on a disk of this machine."
        ),
    ] = None


def place_of(source: str, which: SourceOptions) -> Place:
    """The folder that is named, here or elsewhere."""
    from ..data import places
    from ..download import default_cache

    return places.place_of(source, default_cache(which.cache_gb))


def clips_in(
    folder: Path | Place, which: ClipOptions, *, endings: Collection[str] | None = None
) -> list[Clip]:
    """The clips of a folder, by its layout or by annotations; without endings: the videos."""
    from ..data import annotations, clips, places
    from ..data.files import EXTENSIONS

    endings, groups = endings or EXTENSIONS, which.groups
    if which.annotations:
        return annotations.from_annotations(
            folder, which.annotations, groups=groups, endings=endings
        )
    try:
        return clips.from_folder(folder, groups=groups, endings=endings)
    except places.TooDeep as error:
        command = [str(error.inner[0]) if _is_same(a, folder) else a for a in sys.argv[1:]]
        raise ValueError(f"{error}: {shlex.join(['quest82', *command])}") from error


def _is_same(argument: str, folder: Path | Place) -> bool:
    return argument == str(folder) or str(Path(argument)) == str(folder)


def tell_left_over(folder: Path | Place, which: ClipOptions, found: Sequence[Clip]) -> int:
    """Name the files that are no clips, and count them; with annotations the unnamed videos."""
    from ..data.places import LocalFolder, RemoteFolder

    if isinstance(folder, RemoteFolder):
        return 0 if which.annotations else tell_remote_others(folder)
    root = folder.root if isinstance(folder, LocalFolder) else folder
    if not which.annotations:
        return tell_passed_over(root)
    from ..data.files import videos_below

    named = {clip.path for clip in found}
    others = [path for path in videos_below(root)[0] if path not in named]
    if others:
        first = others[0].relative_to(root)
        typer.echo(f"{len(others)} videos are not in the annotations, such as {first}")
    return len(others)
