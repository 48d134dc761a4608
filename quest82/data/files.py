"""Files below a folder: which are videos or folders of frames, and which lie where clips lie."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterable
from pathlib import Path, PurePath
from typing import TypeVar

_AnyPath = TypeVar("_AnyPath", bound=PurePath)

# Formats of videos; files with another ending are not taken for clips.
EXTENSIONS = frozenset(
    [".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"]
    + [".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob", ".webm", ".wmv"]
)


# What files call the parts of a split -> what they are called here.
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def passed_over(root: str | Path, *, endings: Collection[str] = EXTENSIONS) -> list[Path]:
    """What `clips.from_folder` does not take: a wrong ending or depth, links."""
    return sorted(set(_files_below(Path(root))[0]) - set(at_clip_level(root, endings=endings)))


def videos_below(
    root: str | Path, *, endings: Collection[str] = EXTENSIONS
) -> tuple[list[Path], list[Path]]:
    """All files at any depth below a folder: those with a video's ending, and the others.

    Where videos are looked for, a folder of frames is one; its images are not listed themselves.
    """
    files, frames = _files_below(Path(root))
    taken = frames if EXTENSIONS & set(endings) else set()
    videos = [path for path in files if path in taken or named_like_a_video(path, endings)]
    return videos, sorted(set(files) - set(videos))


def at_clip_level(root: str | Path, *, endings: Collection[str] = EXTENSIONS) -> list[Path]:
    """The videos that lie as clips do, sorted.

    That is ``root/<class>/<clip>.<ext>``; or, where none does and every video lies one level deeper
    in folders named like the parts of a split (`SPLITS`), ``root/train/<class>/<clip>.<ext>``.
    """
    videos, _ = videos_below(root, endings=endings)
    return lying_as_clips(Path(root), videos)


def lying_as_clips(root: PurePath, videos: Collection[_AnyPath]) -> list[_AnyPath]:
    """Those of all videos below a folder that lie as `at_clip_level` says."""
    depths = [len(path.parts) - len(root.parts) for path in videos]
    clips, deeper = (
        [path for path, depth in zip(videos, depths, strict=True) if depth == level]
        for level in (2, 3)
    )
    by_split = all(first_folder(root, path).lower() in SPLITS for path in deeper)
    return deeper if by_split and not clips else clips


def one_level_deeper(root: str | Path, *, endings: Collection[str] = EXTENSIONS) -> list[Path]:
    """The folders in ``root`` that are laid out as it should be itself, sorted."""
    inner = [path for path in Path(root).iterdir() if path.is_dir() and path.name[0] != "."]
    return sorted(path for path in inner if at_clip_level(path, endings=endings))


def first_folder(root: PurePath, path: PurePath) -> str:
    """The name of the folder in ``root`` that holds a file below it."""
    return path.parts[len(root.parts)]


def named_like_frames(paths: Iterable[Path]) -> list[Path]:
    """Those of some files that are named like frames of a folder, sorted by name."""
    from ..video import is_frame_name  # here, since fitting is to load no decoder

    return sorted(path for path in paths if is_frame_name(path.name))


def _files_below(root: Path) -> tuple[list[Path], set[Path]]:
    """Everything that is not a plain folder, hidden names left alone, links followed.

    The second of the two are folders of frames; they stand among the first in place of their
    images.

    A link to a folder that was visited stands in the list itself: a ring of links would be walked
    for ever, and clips that are found twice would lie on both sides of a split.
    """
    if not root.is_dir():
        return [], set()
    found: list[Path] = []
    frames, visited = set(), {_identity(root)}
    for folder, folders, files in os.walk(root, onerror=_refuse, followlinks=True):
        below = [Path(folder, name) for name in folders if not name.startswith(".")]
        again = [path for path in sorted(below, key=_links_last) if _was_visited(path, visited)]
        below = sorted(set(below) - set(again))
        folders[:] = [path.name for path in below]
        inside = [Path(folder, name) for name in files if not name.startswith(".")]
        if _are_frames(Path(folder), inside, root):
            frames.add(Path(folder))
            inside = sorted(set(inside) - set(named_like_frames(inside)))
        found += inside + again
        # A folder that is named like a video was meant to be one: it is reported, not hidden.
        found += [path for path in below if named_like_a_video(path)]
    return sorted({*found, *frames}), frames


def _are_frames(folder: Path, files: Collection[Path], root: Path) -> bool:
    """Whether a folder below the root is a clip: images, and no video among them."""
    from ..video import is_frame_folder  # here, as above

    if folder == root or any(map(named_like_a_video, files)):
        return False
    return fits_in_a_line(folder.name) and is_frame_folder(folder)


def _links_last(path: Path) -> tuple[bool, Path]:
    return path.is_symlink(), path


def _was_visited(folder: Path, visited: set[tuple[int, int]]) -> bool:
    """Whether it was; from now on it is."""
    before = len(visited)
    visited.add(_identity(folder))
    return len(visited) == before


def _identity(folder: Path) -> tuple[int, int]:
    """Device and inode: one folder has one pair, by whatever name it is reached."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def _refuse(error: OSError) -> None:
    """A class that is left out without a word would be worse than no answer."""
    raise ValueError(
        f"{error.filename}: cannot be opened ({error.strerror}); change its permissions, or move "
        "it elsewhere"
    ) from error


def named_like_a_video(path: PurePath, endings: Collection[str] = EXTENSIONS) -> bool:
    """Whether a file may be a video by its name: one line, with a known ending."""
    return path.suffix.lower() in endings and fits_in_a_line(path.name)


def fits_in_a_line(name: str) -> bool:
    """Whether a name can stand in a list of names."""
    return not any(map(_breaks_lines, name))


def _breaks_lines(character: str) -> bool:
    """Whether a character would end the line, move the cursor of a terminal, or (half of a
    surrogate pair: a name in no encoding) not be written at all.

    Every other one may, such as the narrow space that macOS puts before AM and PM.
    """
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
