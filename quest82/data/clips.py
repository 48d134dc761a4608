"""A clip and where it comes from, and lists of clips from folders."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from ..download import Cache, RemoteFile
from .files import EXTENSIONS, SPLITS, named_like_frames
from .places import Place, place_of

_OR_FRAMES = ", or root/<class>/<clip>/ with the clip's frames, 000001.jpg and so on"
_NUM_BLOCKS, _BLOCK_BYTES = 16, 64 * 1024


@dataclass(frozen=True)
class Clip:
    """One video file, a part of one, or a folder of frames, with its label.

    Attributes:
        id: name that is unique in a list, the same on every machine: "walk/ido_walk.avi".
        label: name of its class.
        group: clips that share a group (a person, a scene, one long video cut into pieces) must
            stay on one side of a split, or the test measures recognition of the group.
        path: the video file, or the folder of its frames.
        start: where the clip begins in it, in seconds from its first frame; None: there.
        end: where it ends, in the same seconds; None: with the file.
        split: "train", "val" or "test", where that is laid down; else empty.
        remote: where the file comes from before it is read, and goes to its path; None: it is here.
    """

    id: str
    label: str
    group: str
    path: Path
    start: float | None = None
    end: float | None = None
    split: str = ""
    remote: RemoteFile | None = None

    @property
    def is_part(self) -> bool:
        """Whether it is a part of its file."""
        return self.start is not None or self.end is not None

    @property
    def file_name(self) -> str:
        """What its file is called where it comes from."""
        return self.remote.name if self.remote else self.path.name


def from_folder(
    root: str | Path | Place,
    *,
    groups: str | None = None,
    endings: Collection[str] = EXTENSIONS,
    cache: Cache | None = None,
) -> list[Clip]:
    """The clips of a folder laid out as ``root/<class>/<clip>.<ext>``, sorted by id.

    ``root/train/<class>/<clip>.<ext>``, and the same in ``test`` and ``val``, is understood, too:
    each clip then knows its split, and its id begins with it. A clip may also be a folder of
    frames, ``root/<class>/<clip>/000001.jpg``.

    Only files with a video's ending and a name without control characters are taken
    (`files.passed_over` lists the others); whether they can be read is found out by reading.
    Hidden files are left alone. A folder to which several links lead is read once.

    Args:
        root: the folder, or its URL in an object store or on a web server, such as
            "s3://bucket/clips", where folders of frames are not read; ids are the same.
        groups: a regular expression searched in the name of each file (or folder of frames); its
            first bracket (or the whole match, where it has none) names the group. None: each file
            is a group. Spellings of one name (see `unified`) are one group.
        endings: of the files that are clips, in small letters.
        cache: through which files come from a URL; None: `download.default_cache`.

    Raises:
        FetchError: if a URL cannot be listed.
        places.TooDeep: if the class folders lie one level deeper.
        ValueError: if the folder is missing or holds no clip, one below it cannot be opened, a
            name has no group, or a clip is there as a video and as a folder of its frames.

    Examples:
        ``from_folder("weizmann", groups="^([a-z]+)_")`` groups ``walk/ido_walk.avi`` under "ido".
    """
    place, pattern = place_of(root, cache), pattern_of(groups)
    place.require("the class folders")
    names = place.clip_names(endings)
    if not names:
        raise ValueError(
            f"{place}: holds no clips; expected root/<class>/<clip> with one of the endings "
            f"{' '.join(sorted(endings))}{_OR_FRAMES if EXTENSIONS & set(endings) else ''}"
        )
    _require_once(place, names)
    found = [_clip(place, name, pattern) for name in names]
    one_name = unified([clip.group for clip in found])
    return [replace(clip, group=name) for clip, name in zip(found, one_name, strict=True)]


def _require_once(place: Place, paths: Sequence[PurePath]) -> None:
    """Refuse a video beside its own frames: as two clips they could be on both sides of a split."""
    every = set(paths)
    if twice := [path for path in paths if path.suffix and path.with_suffix("") in every]:
        raise ValueError(
            f"{place}/{twice[0]}: lies beside {twice[0].stem}, a folder of frames of the same "
            "name; keep one of them, or they would be two clips"
        )


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
    return class_names(clip.label for clip in clips)


def class_names(labels: Iterable[str]) -> list[str]:
    """The same for the labels alone."""
    return sorted(set(labels), key=lambda name: (name.lower(), name))


def digest_of(path: Path) -> str | None:
    """Tells a file by its content: its size in bytes and 16 hexadecimal digits.

    All of a file of up to 1 MiB is read; of a larger one 16 blocks of 64 KiB at even distances, the
    first and the last among them. By content, because times of change differ from copy to copy. It
    cannot see a change between the blocks of a large file that leaves its size the same: a video
    that is encoded again changes everywhere, a byte that is patched by hand does not.

    A folder of frames is told by the names and the content of its images, and by no other file.

    Returns:
        Such as "48213-5f0c9a7be1d24388"; None for a file that is not there or cannot be opened.
    """
    if path.is_dir():
        return _digest_of_folder(path)
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


def _digest_of_folder(path: Path) -> str | None:
    """The same of a folder of frames; its size is that of its images."""
    try:
        images = named_like_frames(path.iterdir())
    except OSError:
        return None
    told = [digest_of(image) for image in images]
    if not images or None in told:
        return None
    lines = [f"{image.name} {one}" for image, one in zip(images, told, strict=True)]
    size = sum(int(str(one).split("-")[0]) for one in told)
    digest = hashlib.blake2b("\n".join(lines).encode(errors="surrogateescape"), digest_size=8)
    return f"{size}-{digest.hexdigest()}"


def _starts(size: int) -> list[int]:
    """Where the blocks begin that are read of a file of so many bytes."""
    if size <= _NUM_BLOCKS * _BLOCK_BYTES:
        return list(range(0, size, _BLOCK_BYTES))
    last = size - _BLOCK_BYTES
    return [last * k // (_NUM_BLOCKS - 1) for k in range(_NUM_BLOCKS)]


def _clip(place: Place, name: PurePath, groups: re.Pattern | None) -> Clip:
    clip_id = name.as_posix()
    group = group_in(name.name, groups) if groups else clip_id
    split = SPLITS[name.parts[0].lower()] if len(name.parts) == 3 else ""
    path, remote = place.file(clip_id)
    return Clip(clip_id, name.parent.name, group, path, split=split, remote=remote)


def pattern_of(groups: str | None) -> re.Pattern | None:
    """A regular expression that finds groups; None of None.

    Raises:
        ValueError: if it is none.
    """
    try:
        return re.compile(groups) if groups is not None else None
    except re.error as error:
        raise ValueError(f"groups ({groups!r}) is not a regular expression: {error}") from error


def group_in(name: str, groups: re.Pattern) -> str:
    """The group in a file name: what the first bracket finds, or the whole expression.

    Raises:
        ValueError: if that is nothing.
    """
    match = groups.search(name)
    found = match and (match.group(1) if groups.groups else match.group(0))
    if not found:
        raise ValueError(
            f"groups ({groups.pattern!r}) finds nothing in the file name {name!r}: "
            "give an expression that names the group of every clip"
        )
    return found
