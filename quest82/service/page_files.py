"""The page at ``/``: its files, and what a browser may do with them.

They load nothing from another host, and the browser is told to see to that.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from .limits import Refused

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mp4": "video/mp4",
}
# By name, so that no path that somebody sends is ever followed.
_FILES = {
    path.name: path
    for path in sorted((Path(__file__).parent / "page").rglob("*"))
    if path.suffix in _KINDS
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # asks whether it has changed: a new version is seen at once
}
router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> FileResponse:
    """The page for people."""
    return _send("index.html")


@router.get("/page/{name}")
async def file(name: str) -> FileResponse:
    """What the page consists of, and its sample clips."""
    if name not in _FILES:
        raise Refused(404, "the page has no such file")
    return _send(name)


def _send(name: str) -> FileResponse:
    path = _FILES[name]
    return FileResponse(path, media_type=_KINDS[path.suffix], headers=_HEADERS)
