"""Files from elsewhere, kept on this machine as long as there is room.

A folder of at most so many bytes, which any number of processes share: who uses a file holds a
lock, and what nobody uses makes way, the longest unused first. Whoever is killed leaves a part that
the next one completes.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..outputs import user_folder
from . import remote
from .index import Contents
from .locks import locked
from .on_disk import DiskError, FetchError, Part
from .stat import Stat

DEFAULT_GB = 20.0
_PAUSE_SECONDS = 0.02
# Files share 4096 locks, so that none has to be made and removed with its file.
_LOCK_DIGITS = 3


@dataclass(frozen=True)
class Cache:
    """A folder for files that were fetched.

    Attributes:
        folder: where they lie, on a disk of this machine.
        max_bytes: of all of them, those that are on their way included.

    Raises:
        ValueError: if max_bytes is not above 0.
    """

    folder: Path
    max_bytes: int

    def __post_init__(self) -> None:
        if self.max_bytes <= 0:
            raise ValueError(f"max_bytes ({self.max_bytes}) of a cache must be above 0")

    @property
    def index(self) -> Contents:
        """What it holds."""
        return Contents(self.folder / "index.sqlite")

    def path_of(self, url: str) -> Path:
        """Where a file lies, or would."""
        key = hashlib.sha256(url.encode(errors="surrogatepass")).hexdigest()[:32]
        ending = re.search(r"\.[A-Za-z0-9]{1,8}$", remote.shown(url))
        return self.folder / key[:2] / f"{key}{ending[0].lower() if ending else ''}"

    @contextmanager
    def held(self, url: str, known: Stat) -> Iterator[Path]:
        """A file, fetched unless it is there, that stays for as long as it is held.

        Args:
            url: where it is.
            known: what the store says of it now; another version is fetched anew.

        Raises:
            FetchError: if it cannot be fetched, or is larger than the cache.
            DiskError: if the cache cannot be written.
        """
        path, lock = self.path_of(url), self._lock(url)
        while True:
            with locked(lock, shared=True):
                if self._has(path, known):
                    self.index.note_use(self._name(path))
                    yield path
                    return
            with locked(lock):
                if not self._has(path, known):
                    self._fetch(url, path, known)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _lock(self, url: str) -> Path:
        folder = self.folder / "locks"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DiskError(
                f"{folder}: cannot be made ({error.strerror}); choose another folder for the cache "
                "($QUEST82_CACHE)"
            ) from error
        return folder / self.path_of(url).stem[:_LOCK_DIGITS]

    def _has(self, path: Path, known: Stat) -> bool:
        entry = self.index.entry(self._name(path))
        return entry is not None and entry.whole and entry.stat.fits(known) and path.is_file()

    def _fetch(self, url: str, path: Path, known: Stat) -> None:
        """Fetch a file whose lock is held."""
        if (known.num_bytes or 0) > self.max_bytes:
            raise FetchError(
                f"{remote.shown(url)}: has {known.num_bytes:,} bytes, more than the cache may hold "
                f"({self.max_bytes:,}); raise its size (--cache-gb)"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        while not self._made_room(path, known.num_bytes or 0):
            time.sleep(_PAUSE_SECONDS)  # others use what is there, for as long as they decode it
        remote.transfer(url, path, known)
        self.index.note_whole(self._name(path), known, path.stat().st_size)

    def _made_room(self, path: Path, num_bytes: int) -> bool:
        """Count a file that is to come; False where all that could make way for it is in use."""
        own = path.stem[:_LOCK_DIGITS]
        with self.index.changing() as table:
            others = self.index.sizes(table, self._name(path))
            left = sum(size for _, size in others)
            for name, size in others:
                if left + num_bytes <= self.max_bytes:
                    break
                if self._removed(self.folder / name, own):
                    self.index.forget(table, name)
                    left -= size
            if left + num_bytes > self.max_bytes:
                return False
            self.index.reserve(table, self._name(path), num_bytes)
        return True

    def _removed(self, path: Path, own: str) -> bool:
        """Remove a file unless somebody uses it, or is fetching it."""
        if path.stem[:_LOCK_DIGITS] == own:  # the lock that is held already
            return _delete(path)
        with locked(self.folder / "locks" / path.stem[:_LOCK_DIGITS], wait=False) as free:
            return free and _delete(path)


def _delete(path: Path) -> bool:
    Part(path).drop()
    path.unlink(missing_ok=True)
    return True


@dataclass(frozen=True)
class RemoteFile:
    """A file elsewhere, and the cache that it comes through.

    Attributes:
        url: where it is.
        cache: where it is kept.
        listed: what the store said of it in a list; nothing: it is asked when the file is used.
    """

    url: str
    cache: Cache
    listed: Stat = Stat()

    @property
    def name(self) -> str:
        """What it is called there."""
        return remote.name_of(self.url)

    @property
    def path(self) -> Path:
        """Where it lies while it is held."""
        return self.cache.path_of(self.url)

    @contextmanager
    def held(self) -> Iterator[Path]:
        """Have it here for a while; see `Cache.held`."""
        with self.cache.held(self.url, self._stat()) as path:
            yield path

    def note(self, digest: str | None) -> None:
        """Remember what tells its content, also when it has made way for others."""
        if digest:
            self.cache.index.note_digest(self.cache._name(self.path), digest)

    def told(self, believed: str | None) -> str:
        """What tells its content, as far as can be said without fetching it.

        Args:
            believed: what did, when it was fetched last, on whatever machine.

        Returns:
            That, unless the store or this machine's cache knows better; empty for a file that has
            changed, or of which nobody knows.
        """
        now, entry = self._stat(), None
        if (self.cache.folder / "index.sqlite").exists():
            entry = self.cache.index.entry(self.cache._name(self.path))
        if entry and entry.digest:
            return entry.digest if entry.stat.fits(now) else ""
        size = (believed or "").partition("-")[0]
        return "" if not believed or size != str(now.num_bytes or size) else believed

    def _stat(self) -> Stat:
        return self.listed if self.listed != Stat() else remote.stat(self.url)


def default_cache(gigabytes: float | None = None) -> Cache:
    """The cache of this user.

    Args:
        gigabytes: its size; None: $QUEST82_CACHE_GB, else `DEFAULT_GB`.

    Returns:
        The folder ``remote`` in $QUEST82_CACHE, else in the user's cache folder.

    Raises:
        ValueError: if the size is no number above 0.
    """
    text = os.environ.get("QUEST82_CACHE_GB") or str(DEFAULT_GB)
    try:
        size = float(text) if gigabytes is None else gigabytes
        return Cache(user_folder() / "remote", int(size * 1e9))
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"the size of the cache ({text if gigabytes is None else gigabytes}) must be a number "
            "of gigabytes above 0, such as 20"
        ) from error
