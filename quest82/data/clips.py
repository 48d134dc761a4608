"""A clip and where it comes from, and lists of clips from folders."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

# Formats that hold moving pictures; files with another ending are not taken for clips.
EXTENSIONS = frozenset(
    [".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4"]
    + [".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv"]
)
_NUM_BLOCKS, _BLOCK_BYTES = 16, 64 * 1024


@dataclass(frozen=True)
class Clip:
    """One video file with its label.

    Attributes:
        id: name that is unique in a list, the same on every machine: "walk/ido_walk.avi".
        label: name of its class.
        group: clips that share a group (a person, a scene, one long film cut in pieces) must
            stay on one side of a split, or the test measures recognition of the group.
        path: the video file.
    """

    id: str
    label: str
    group: str
    path: Path


def from_folder(root: str | Path, *, groups: str | None = None) -> list[Clip]:
    """The clips of a folder laid out as ``root/<class>/<clip>.<ext>``, sorted by id.

    Only files with a video's ending and a name without control characters are taken (`passed_over`
    lists the others); whether they can be read is found out by reading. Hidden files are left
    alone. A folder to which several links lead is read once.

    Args:
        root: the folder.
        groups: a regular expression searched in each file name; its first bracket (or the
            whole match, where it has none) names the group. None: each file is a group.
            Spellings of one name (see `unified`) are one group.

    Raises:
        ValueError: if the folder is missing or holds no clip, one below it cannot be opened, or a
            name has no group.

    Examples:
        ``from_folder("weizmann", groups="^([a-z]+)_")`` groups ``walk/ido_walk.avi`` under "ido".
    """
    root, pattern = Path(root), _compile(groups)
    if not root.is_dir():
        raise ValueError(f"{root}: there is no such folder; give the folder of the class folders")
    paths = _at_clip_level(root)
    if not paths:
        raise ValueError(
            f"{root}: holds no clips; expected root/<class>/<clip> with one of the endings "
            f"{' '.join(sorted(EXTENSIONS))}"
        )
    found = [_clip(path, pattern) for path in paths]
    names = unified([clip.group for clip in found])
    return [replace(clip, group=name) for clip, name in zip(found, names, strict=True)]


def group_key(name: str) -> str:
    """What all spellings of a group's name have in common.

    Case, Unicode's normal form and blanks around the name differ by accident; taken for two
    groups, "Eli" and "ELI " would put one person on both sides of a split.
    """
    folded = unicodedata.normalize("NFKD", str(name)).casefold()
    return unicodedata.normalize("NFKC", folded).strip()


def unified(groups: Sequence[str]) -> tuple[str, ...]:
    """Group names with one spelling for each group: the first in sorted order.

    Examples:
        >>> unified(["eli", "ida", "ELI", "Eli "])
        ('ELI', 'ida', 'ELI', 'ELI')
    """
    spellings: dict[str, str] = {}
    for name in sorted(set(groups)):
        spellings.setdefault(group_key(name), name)
    return tuple(spellings[group_key(name)] for name in groups)


def classes_of(clips: Iterable[Clip]) -> list[str]:
    """The class names of a list of clips, in alphabetical order without regard to case."""
    return sorted({clip.label for clip in clips}, key=lambda name: (name.lower(), name))


def digest_of(path: Path) -> str | None:
    """Tells a file by its content: its size in bytes and 16 hexadecimal digits.

    All of a file of up to 1 MiB is read; of a larger one 16 blocks of 64 KiB at even distances, the
    first and the last among them. By content, because times of change differ from copy to copy. It
    cannot see a change between the blocks of a large file that leaves its size the same: a video
    that is encoded again changes everywhere, a byte that is patched by hand does not.

    Returns:
        Such as "48213-5f0c9a7be1d24388"; None for a file that is not there or cannot be opened.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            digest = hashlib.blake2b(digest_size=8)
            for start in _starts(size):
                file.seek(start)
                digest.update(file.read(_BLOCK_BYTES))
    except OSError:
        return None
    return f"{size}-{digest.hexdigest()}"


def _starts(size: int) -> list[int]:
    """Where the blocks begin that are read of a file of so many bytes."""
    if size <= _NUM_BLOCKS * _BLOCK_BYTES:
        return list(range(0, size, _BLOCK_BYTES))
    last = size - _BLOCK_BYTES
    return [last * k // (_NUM_BLOCKS - 1) for k in range(_NUM_BLOCKS)]


def passed_over(root: str | Path) -> list[Path]:
    """What `from_folder` does not take: files with a wrong ending or at a wrong depth, links."""
    return sorted(set(_files_below(Path(root))) - set(_at_clip_level(Path(root))))


def videos_below(root: str | Path) -> tuple[list[Path], list[Path]]:
    """All files at any depth below a folder: those with a video's ending, and the others."""
    files = _files_below(Path(root))
    videos = [path for path in files if _named_like_a_video(path)]
    return videos, sorted(set(files) - set(videos))


def _at_clip_level(root: Path) -> list[Path]:
    depth = len(root.parts) + 2  # root/<class>/<clip>
    videos, _ = videos_below(root)
    return [path for path in videos if len(path.parts) == depth]


def _files_below(root: Path) -> list[Path]:
    """Everything that is not a plain folder, hidden names left alone, links followed.

    A link to a folder that was visited stands in the list itself: a ring of links would be walked
    for ever, and clips that are found twice would lie on both sides of a split.
    """
    if not root.is_dir():
        return []
    found, visited = [], {_identity(root)}
    for folder, folders, files in os.walk(root, onerror=_refuse, followlinks=True):
        below = [Path(folder, name) for name in folders if not name.startswith(".")]
        again = [path for path in sorted(below, key=_links_last) if _was_visited(path, visited)]
        below = sorted(set(below) - set(again))
        folders[:] = [path.name for path in below]
        found += [Path(folder, name) for name in files if not name.startswith(".")] + again
        # A folder that is named like a video was meant to be one: it is reported, not hidden.
        found += [path for path in below if _named_like_a_video(path)]
    return sorted(found)


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


def _named_like_a_video(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS and not any(map(_breaks_lines, path.name))


def _breaks_lines(character: str) -> bool:
    """Whether a character cannot stand in a list of names: it would end the line, move the cursor
    of a terminal, or (half of a surrogate pair: a name in no encoding) not be written at all.

    Every other one may, such as the narrow space that macOS puts before AM and PM.
    """
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")


def _clip(path: Path, groups: re.Pattern | None) -> Clip:
    label = path.parent.name
    clip_id = f"{label}/{path.name}"
    return Clip(clip_id, label, _group(path.name, groups) if groups else clip_id, path)


def _compile(groups: str | None) -> re.Pattern | None:
    try:
        return re.compile(groups) if groups is not None else None
    except re.error as error:
        raise ValueError(f"groups ({groups!r}) is not a regular expression: {error}") from error


def _group(name: str, groups: re.Pattern) -> str:
    match = groups.search(name)
    found = match and (match.group(1) if groups.groups else match.group(0))
    if not found:
        raise ValueError(
            f"groups ({groups.pattern!r}) finds nothing in the file name {name!r}: "
            "give an expression that names the group of every clip"
        )
    return found
