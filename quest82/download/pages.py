"""Folders on a web server: the pages that list their files, and what the server says of a file.

fsspec reads such pages, too, but takes web files for ones that never change, and needs aiohttp;
`fetch` goes on where it broke off and holds a file to its ETag, with the standard library alone.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from http.client import HTTPException
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

from .on_disk import FetchError
from .stat import Stat

_TIMEOUT_SECONDS = 30
_AT_ONCE = 8  # pages; each class folder has one
_DEEPEST = 3  # folders: split, class and those below it, which are told of rather than searched
_MOST_BYTES = 1 << 26  # of one page


def join(url: str, name: str) -> str:
    """The address of a file below a folder; the name is as it would be on a disk."""
    return f"{url.rstrip('/')}/{quote(name)}"


def listed(url: str) -> dict[str, Stat]:
    """The files below a folder, by name relative to it; nothing is known of them yet.

    Raises:
        FetchError: if a page cannot be read, or is none.
    """
    root = f"{url.rstrip('/')}/"
    files: dict[str, Stat] = {}
    folders, seen = [root], {root}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in range(_DEEPEST + 1):
            links = [link for page in pool.map(_links, folders) for link in page]
            below = sorted({link for link in links if link.startswith(root) and link not in seen})
            seen.update(below)
            folders = [link for link in below if link.endswith("/")]
            files |= {unquote(li.removeprefix(root)): Stat() for li in below if li[-1] != "/"}
    return files


def stat(url: str) -> Stat:
    """What a server says of a file without sending it; nothing, where it says nothing."""
    request = urllib.request.Request(url, headers={"User-Agent": "quest82"}, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
            headers = response.headers
    except (OSError, HTTPException):  # some servers refuse the question and send the file
        return Stat()
    length, etag = headers.get("Content-Length", ""), headers.get("ETag", "")
    version = etag if etag.startswith('"') else headers.get("Last-Modified", "")
    return Stat(int(length) if length.isdecimal() else None, version)


class _Page(HTMLParser):
    """Collects where the links of a page lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of a link."""
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _links(url: str) -> list[str]:
    """Where the links of a page lead, whole addresses without a query."""
    request = urllib.request.Request(url, headers={"User-Agent": "quest82"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
            kind, text = response.headers.get_content_type(), response.read(_MOST_BYTES)
    except (OSError, HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise FetchError(
            f"{url}: the folder cannot be listed ({error}); check the address, or name its files "
            "in a table (--annotations)"
        ) from error
    if kind != "text/html":
        raise FetchError(
            f"{url}: is no page that lists files ({kind}); give the address of a folder, or name "
            "its files in a table (--annotations)"
        )
    page = _Page()
    page.feed(text.decode(errors="replace"))
    links = [urldefrag(urljoin(url, link)).url for link in page.found]
    return [link for link in links if not urlsplit(link).query]
