"""Where videos are looked for: a folder of this machine, or one elsewhere, named by a URL.

Both give names relative to the folder, so that a list of clips does not depend on where it is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath, PurePosixPath

from ..download import Cache, RemoteFile, Stat, default_cache, remote
from .files import (
    EXTENSIONS,
    at_clip_level,
    lying_as_clips,
    named_like_a_video,
    one_level_deeper,
    videos_below,
)


class TooDeep(ValueError):
    """The class folders do not lie in the folder that was given, but in one below it.

    Attributes:
        inner: the folders below it that would do.
    """

    def __init__(self, root: object, inner: Sequence[object]) -> None:
        self.inner = tuple(inner)
        more = f", or one of {len(inner) - 1} others beside it" if len(inner) > 1 else ""
        super().__init__(
            f"{root}: holds no clips as root/<class>/<clip>, they lie one level deeper; give "
            f"{inner[0]}{more} in its place"
        )


@dataclass(frozen=True)
class LocalFolder:
    """A folder of this machine.

    Attributes:
        root: the folder.
        cache: for files that are named by URLs of their own.
    """

    root: Path
    cache: Cache | None = None
    is_listed = True

    def __str__(self) -> str:
        return str(self.root)

    def require(self, what: str) -> None:
        """Refuse one that is not there.

        Raises:
            ValueError: says what was to be given.
        """
        if not self.root.is_dir():
            raise ValueError(f"{self.root}: there is no such folder; give the folder of {what}")

    def videos(self, endings: Collection[str]) -> list[str]:
        """The names of all videos in it, at any depth."""
        found, _ = videos_below(self.root, endings=endings)
        return [path.relative_to(self.root).as_posix() for path in found]

    def clip_names(self, endings: Collection[str]) -> list[PurePath]:
        """Those that lie as clips do, sorted.

        Raises:
            TooDeep: if they lie one level deeper.
        """
        found = at_clip_level(self.root, endings=endings)
        if not found and (inner := one_level_deeper(self.root, endings=endings)):
            raise TooDeep(self.root, inner)
        return [path.relative_to(self.root) for path in found]

    def holds(self, name: PurePath) -> bool:
        """Whether there is a file of that name."""
        return (self.root / name).is_file()

    def file(self, name: str) -> tuple[Path, RemoteFile | None]:
        """Where a file lies, and where it comes from, if it is named by a URL."""
        if remote.is_url(name):
            return _fetched(RemoteFile(name, self.cache or default_cache()))
        return self.root / name, None


@dataclass(frozen=True)
class RemoteFolder:
    """A folder in an object store or on a web server; folders of frames are not read there.

    Attributes:
        url: of the folder.
        cache: through which its files come.
    """

    url: str
    cache: Cache

    def __str__(self) -> str:
        return remote.shown(self.url)

    @property
    def is_listed(self) -> bool:
        """Whether what it holds is known; a web server need not list its files."""
        return not self.url.lower().startswith("http")

    @cached_property
    def files(self) -> dict[str, Stat]:
        """All files, hidden ones left alone.

        Raises:
            FetchError: if the store does not list them.
        """
        found = remote.listed(self.url)
        return {n: what for n, what in found.items() if not n.startswith(".") and "/." not in n}

    def require(self, what: str) -> None:
        """Nothing: it is listed when its files are wanted."""

    def videos(self, endings: Collection[str]) -> list[str]:
        """The names of all videos in it, at any depth."""
        return sorted(n for n in self.files if named_like_a_video(PurePosixPath(n), endings))

    def clip_names(self, endings: Collection[str]) -> list[PurePath]:
        """Those that lie as clips do, sorted.

        Raises:
            TooDeep: if they lie one level deeper.
        """
        videos = [PurePosixPath(name) for name in self.videos(endings)]
        found = lying_as_clips(PurePosixPath(), videos)
        if not found:
            inner: dict[str, list[PurePath]] = {}
            for path in videos:
                inner.setdefault(path.parts[0], []).append(path)
            if deeper := [f for f, below in inner.items() if lying_as_clips(PurePath(f), below)]:
                raise TooDeep(self, [remote.join(str(self), folder) for folder in deeper])
        return sorted(found)

    def passed_over(self, endings: Collection[str] = EXTENSIONS) -> list[str]:
        """The names of the files that are no clips, sorted."""
        return sorted(set(self.files) - {path.as_posix() for path in self.clip_names(endings)})

    def holds(self, name: PurePath) -> bool:
        """Whether there is a file of that name."""
        return name.as_posix() in self.files

    def file(self, name: str) -> tuple[Path, RemoteFile | None]:
        """Where a file will lie, and where it comes from."""
        if remote.is_url(name):
            return _fetched(RemoteFile(name, self.cache))
        known = self.files.get(name, Stat()) if self.is_listed else Stat()
        return _fetched(RemoteFile(remote.join(self.url, name), self.cache, known))


Place = LocalFolder | RemoteFolder


def place_of(root: str | Path | Place, cache: Cache | None = None) -> Place:
    """The place that a user names.

    Args:
        root: a folder, or the URL of one; a place is given back.
        cache: for what lies elsewhere; None: the user's.
    """
    if isinstance(root, LocalFolder | RemoteFolder):
        return root
    if isinstance(root, str) and remote.is_url(root):
        return RemoteFolder(root, cache or default_cache())
    return LocalFolder(Path(root), cache)


def _fetched(file: RemoteFile) -> tuple[Path, RemoteFile]:
    return file.path, file
