"""Ask a server for a file, or for the rest of it, until all has come."""

from __future__ import annotations

import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from tqdm import tqdm

from .on_disk import CHUNK_BYTES, FetchError, Part, check_room, difference

_TIMEOUT_SECONDS = 30
_PAUSE_SECONDS = 2
_ATTEMPTS = 5  # in a row that bring nothing new


class _BrokenOff(Exception):
    """The connection failed; another attempt may bring the rest."""


class _Refused(Exception):
    """The server does not give the file; another attempt would not change that."""


def fetch(
    url: str,
    target: str | Path,
    *,
    num_bytes: int | None = None,
    sha256: str | None = None,
    progress: bool = True,
) -> Path:
    """The path of the whole, verified file; fetches it where it is not there yet.

    What has come is kept in ``<target>.part``. The next attempt, or the next call, asks only for
    the rest, and only for as long as the server's file is the same one (by its ETag or its date,
    kept in ``<target>.part.version``); otherwise it starts over.

    Args:
        url: where the file is.
        target: the file to write; one that is there already is verified and left as it is.
        num_bytes: its size, where it is known; a server that announces another is refused.
        sha256: its SHA-256 in hexadecimal digits, or the first of them, where it is known.
        progress: show a progress bar.

    Raises:
        FetchError: if the server does not answer, keeps breaking off or has another file, if
            the disk is too small, or the file that is there already is another one.
    """
    target = Path(target)
    if target.exists():
        if wrong := difference(target, num_bytes, sha256):
            raise FetchError(f"{target}: {wrong}; delete the file and run again")
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Part(target)
    try:
        _fetch_part(url, part, num_bytes, progress)
    except _Refused as error:
        raise FetchError(f"{url}: {error}; try again later, or fetch it in another way") from error
    if wrong := difference(part.path, num_bytes, sha256):
        part.drop()
        raise FetchError(f"{url}: sent another file ({wrong}), which was deleted; try later")
    return part.finish()


def _fetch_part(url: str, part: Part, num_bytes: int | None, progress: bool) -> None:
    """Attempt after attempt until the part is whole, or until attempts bring nothing new."""
    most, failures = part.num_bytes(), 0
    while num_bytes is None or part.num_bytes() != num_bytes:
        try:
            return _attempt(url, part, num_bytes, progress)
        except _BrokenOff as error:
            failures = 0 if part.num_bytes() > most else failures + 1
            most = max(most, part.num_bytes())
            if failures == _ATTEMPTS:
                raise _Refused(f"{error}, {failures} times in a row") from error
            time.sleep(_PAUSE_SECONDS)
    return None


def _attempt(url: str, part: Part, num_bytes: int | None, progress: bool) -> None:
    """One connection: what the server sends is added to the part."""
    with _ask(url, part) as response:
        total = _announced(response)
        # Before the old part is dropped: a server's error page is no reason to lose it.
        if num_bytes is not None and total != num_bytes:
            size = "no size" if total is None else f"{total:,} bytes"
            raise _Refused(f"the server announces {size} instead of {num_bytes:,} bytes")
        if not _continues(response, part):
            part.start(_version(response))
        check_room(part.target.parent, (total or 0) - part.num_bytes(), part.target.name)
        with part.path.open("ab") as file, _bar(part, total, progress) as bar:
            for chunk in _chunks(response):
                if total is not None and file.tell() + len(chunk) > total:
                    raise _Refused(f"the server sends more than the {total:,} bytes it announces")
                file.write(chunk)
                bar.update(len(chunk))
    if total is not None and part.num_bytes() != total:
        raise _BrokenOff(f"the connection broke off at {part.num_bytes():,} of {total:,} bytes")


def _ask(url: str, part: Part) -> HTTPResponse:
    """The server's answer to a request for the file, or for its rest if it is the same one."""
    headers = {"User-Agent": "quest82"}
    if part.num_bytes() and part.version():
        headers |= {"Range": f"bytes={part.num_bytes()}-", "If-Range": part.version()}
    try:
        return urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_SECONDS
        )
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # there is no such rest: the part belongs to another file
            part.drop()
        answer = f"the server answers {error.code} {error.reason}"
        passing = error.code >= 500 or error.code in (408, 416, 429)
        raise (_BrokenOff if passing else _Refused)(answer) from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise _Refused(
                f"its certificate cannot be verified ({reason.verify_message})"
            ) from error
        raise _BrokenOff(f"no answer ({reason})") from error


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    # Only reading may fail for the network's sake: a full disk is no reason to try again.
    while True:
        try:
            chunk = response.read(CHUNK_BYTES)
        except (OSError, HTTPException) as error:
            raise _BrokenOff(f"the connection broke off ({error})") from error
        if not chunk:
            return
        yield chunk


def _announced(response: HTTPResponse) -> int | None:
    """How many bytes the whole file has, according to the server."""
    if response.status == 206:
        total = re.fullmatch(r"bytes \d+-\d+/(\d+)", response.headers.get("Content-Range", ""))
        return int(total[1]) if total else None
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _continues(response: HTTPResponse, part: Part) -> bool:
    """Whether the answer is the rest of the part; an answer with the whole file is not."""
    if response.status != 206:
        return False
    begins = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    same = _version(response) in ("", part.version())  # a date need not be sent again
    if begins and int(begins[1]) == part.num_bytes() and same:
        return True
    part.drop()
    raise _BrokenOff("the server sends another piece than was asked for")


def _version(response: HTTPResponse) -> str:
    """What tells this version of the file from others; empty where the server gives nothing."""
    etag = response.headers.get("ETag", "")
    # A weak ETag marks files that are alike, not the same to the last byte.
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _bar(part: Part, total: int | None, progress: bool) -> tqdm:
    return tqdm(
        desc=part.target.name,
        total=total,
        initial=part.num_bytes(),
        unit="B",
        unit_scale=True,
        disable=not progress,
    )
