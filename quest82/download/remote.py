"""Files and folders by URL: web servers by the standard library, all other stores by fsspec.

fsspec's own caches (simplecache, filecache, blockcache) know no bound and no second process, so
it only lists and sends here; what has come is kept by `Part` and `cache`.
"""

from __future__ import annotations

import errno
import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from . import pages
from .fetching import fetch
from .on_disk import CHUNK_BYTES, DiskError, FetchError, Part, check_room, difference
from .stat import Stat

_ATTEMPTS = 3  # in a row that bring nothing new; what a store's own library repeats comes on top
_PAUSE_SECONDS = 2
_VERSIONS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "created")
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError)  # waiting would not help
_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_url(text: object) -> bool:
    """Whether a text names a place elsewhere: s3://bucket/clips, but not C:/clips."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", str(text)) is not None


def shown(url: str) -> str:
    """A URL for people to read: without user, password and query, which may be secret."""
    if not _is_web(url):
        return re.sub(r"(?<=://)[^/@]*@", "", url)
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def join(url: str, name: str) -> str:
    """The URL of a file below a folder; the name is as it would be on a disk."""
    return pages.join(url, name) if _is_web(url) else f"{url.rstrip('/')}/{name}"


def name_of(url: str) -> str:
    """What a file is called, as it would be on a disk."""
    last = shown(url).rstrip("/").rpartition("/")[2]
    return unquote(last) if _is_web(url) else last


def listed(url: str) -> dict[str, Stat]:
    """All files below a folder, at any depth (of a web server's: three), by relative name.

    Raises:
        FetchError: if it cannot be listed; says what to do.
    """
    if _is_web(url):
        return pages.listed(url)
    with _told(url):
        files, root = _opened(url)
        files.invalidate_cache()
        found = files.find(root, detail=True)
    if not found or root in found:
        raise FetchError(f"{shown(url)}: there is no such folder, or it is empty; check the name")
    start = f"{root.rstrip('/')}/"
    return {name.removeprefix(start): _stat_of(info) for name, info in found.items()}


def stat(url: str) -> Stat:
    """What a store says of a file, without sending it; nothing, where it does not answer."""
    if _is_web(url):
        return pages.stat(url)
    try:
        with _told(url):
            files, path = _opened(url)
            return _stat_of(files.info(path))
    except FetchError:  # the attempt to fetch it says why
        return Stat()


def transfer(url: str, target: Path, known: Stat) -> Path:
    """Fetch a file; it goes on with what an earlier attempt has left, and is held to its size.

    Args:
        url: where it is.
        target: the file to write, in place of what is there.
        known: what the store has said of it.

    Raises:
        FetchError: if it cannot be fetched, or another one comes than was promised.
    """
    target.unlink(missing_ok=True)
    if _is_web(url):
        return fetch(url, target, num_bytes=known.num_bytes, progress=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    part, earlier = Part(target), ""
    while True:
        with _told(url):
            _complete(url, part, known)
        if wrong := difference(part.path, known.num_bytes, None):
            part.drop()
            raise FetchError(f"{shown(url)}: another file came ({wrong}); run the same again")
        found = _unlike_its_etag(part.path, known.version)
        # An ETag of an encrypted object looks like an MD5 and is none: two equal copies are right.
        if not found or found == earlier:
            return part.finish()
        part.drop()
        if earlier:
            raise FetchError(f"{shown(url)}: arrives damaged (its MD5 differs); try again later")
        earlier = found


def _is_web(url: str) -> bool:
    return url.lower().startswith(("http://", "https://"))


def _opened(url: str) -> tuple[Any, str]:
    """The store that fsspec knows for a URL, and the path in it."""
    from fsspec.core import url_to_fs  # half of the import of this wing, and few have URLs

    return url_to_fs(url)


def _stat_of(info: dict) -> Stat:
    version = next((str(info[name]) for name in _VERSIONS if info.get(name)), "")
    return Stat(info.get("size"), version)


def _complete(url: str, part: Part, known: Stat) -> None:
    """Attempt after attempt until all has come, or attempts bring nothing new."""
    files, path = _opened(url)
    begun = known.version and part.version() == known.version
    if not begun or part.num_bytes() > (known.num_bytes or 0):
        part.start(known.version)
    check_room(part.target.parent, (known.num_bytes or 0) - part.num_bytes(), shown(url))
    most, failures = part.num_bytes(), 0
    while True:
        try:
            return _append(files, path, part)
        except _FINAL:
            raise
        except Exception as error:  # every store has errors of its own
            if getattr(error, "errno", None) in _FULL:
                raise DiskError(f"{part.target.parent}: the disk is full; make room") from error
            failures = 0 if part.num_bytes() > most else failures + 1
            most = max(most, part.num_bytes())
            if failures == _ATTEMPTS:
                raise
            time.sleep(_PAUSE_SECONDS)


def _append(files: Any, path: str, part: Part) -> None:
    with files.open(path, "rb") as source, part.path.open("ab") as file:
        source.seek(file.tell())
        while chunk := source.read(CHUNK_BYTES):
            file.write(chunk)


def _unlike_its_etag(path: Path, version: str) -> str:
    """The MD5 of a file where S3's ETag promises another one; else nothing."""
    etag = version.strip('"')
    if not re.fullmatch("[0-9a-f]{32}", etag):
        return ""  # of an object in several parts, or of another kind of store
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return "" if digest.hexdigest() == etag else digest.hexdigest()


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Turn what goes wrong at a store into one sentence, which names the URL and the remedy."""
    try:
        yield
    except FetchError:
        raise
    except Exception as error:  # every store has errors of its own
        raise FetchError(f"{shown(url)}: {_what_to_do(url, error)}") from error


def _what_to_do(url: str, error: Exception) -> str:
    protocol = url.partition("://")[0]
    said = (str(error).splitlines() or [""])[0] or type(error).__name__
    if isinstance(error, ImportError):
        missing = getattr(error.__cause__ or error, "name", None) or ""
        package = missing.partition(".")[0] or said
        return f"{protocol}:// needs the package {package}: pip install {package}"
    if said.startswith("Protocol not known"):
        return f"there is no kind of store {protocol}://; known are s3://, gs://, https:// and more"
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
        return (
            "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or "
            "AWS_PROFILE, or for a public bucket FSSPEC_S3='{\"anon\": true}'"
        )
    if isinstance(error, PermissionError):
        return f"access is refused ({said}); check the credentials and what they allow"
    if isinstance(error, FileNotFoundError):
        return "there is no such bucket, folder or file; check the name"
    return f"cannot be read ({said}); check the connection and run the same again"
