"""A clip and where it comes from, and lists of clips from folders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# Formats that hold moving pictures; files with another ending are not taken for clips.
EXTENSIONS = frozenset(
    [".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4"]
    + [".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv"]
)


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

    Only files with a video's ending are taken (`passed_over` lists the others); whether they
    can be read is found out later, by reading. Hidden files are left alone.

    Args:
        root: the folder.
        groups: a regular expression searched in each file name; its first bracket (or the
            whole match, where it has none) names the group. None: each file is a group.

    Raises:
        ValueError: if the folder is missing or holds no clip, or a name has no group.

    Examples:
        ``from_folder("weizmann", groups="^([a-z]+)_")`` groups ``walk/ido_walk.avi`` under "ido".
    """
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"{root}: there is no such folder; give the folder of the class folders")
    paths, _ = _by_ending(root.glob("*/*"))
    if not paths:
        raise ValueError(
            f"{root}: holds no clips; expected root/<class>/<clip> with one of the endings "
            f"{' '.join(sorted(EXTENSIONS))}"
        )
    return [_clip(path, groups) for path in paths]


def classes_of(clips: Iterable[Clip]) -> list[str]:
    """The class names of a list of clips, in alphabetical order without regard to case."""
    return sorted({clip.label for clip in clips}, key=lambda name: (name.lower(), name))


def passed_over(root: str | Path) -> list[Path]:
    """The files of a folder that `from_folder` does not take, for want of a video's ending."""
    return _by_ending(Path(root).glob("*/*"))[1]


def files_below(root: str | Path) -> tuple[list[Path], list[Path]]:
    """All files at any depth below a folder: those with a video's ending, and the others."""
    return _by_ending(Path(root).rglob("*"))


def _by_ending(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    files = sorted(path for path in paths if path.is_file() and not path.name.startswith("."))
    videos = [path for path in files if path.suffix.lower() in EXTENSIONS]
    return videos, [path for path in files if path.suffix.lower() not in EXTENSIONS]


def _clip(path: Path, groups: str | None) -> Clip:
    label = path.parent.name
    clip_id = f"{label}/{path.name}"
    return Clip(clip_id, label, _group(path.name, groups) or clip_id, path)


def _group(name: str, groups: str | None) -> str:
    if groups is None:
        return ""
    match = re.search(groups, name)
    if match is None:
        raise ValueError(
            f"groups ({groups!r}) does not match the file name {name!r}: "
            "give an expression that names the group of every clip"
        )
    return match.group(1) if match.re.groups else match.group(0)
