"""How a video comes in: as an upload or from an address, into a file that is gone afterwards."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import anyio
import anyio.to_thread
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from .containers import HEAD_BYTES, is_container
from .fetching import Fetcher
from .limits import Limits, Refused

_MOST_JSON_BYTES = 8192
_ENVELOPE_BYTES = 16384  # of multipart around a file
_DRAIN_SECONDS = 1.0
UPLOAD, ADDRESS = "multipart/form-data", "application/json"


class _TooLarge(MultiPartException):
    """Is known to the parser, which then closes its files."""


async def counted(request: Request, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """The body of a request, piece by piece.

    Raises:
        MultiPartException: if it is larger than it may be, or announced to be.
    """
    announced = request.headers.get("Content-Length", "")
    num_bytes = int(announced[:20]) if announced.isdecimal() else 0
    if num_bytes <= max_bytes:
        num_bytes = 0
        async for chunk in request.stream():
            num_bytes += len(chunk)
            if num_bytes > max_bytes:
                break
            yield chunk
    if num_bytes > max_bytes:
        raise _TooLarge("too large")


async def drain(request: Request) -> None:
    """Let some of the rest pass: who is still sending would not hear why it is refused."""
    with anyio.move_on_after(_DRAIN_SECONDS), suppress(ClientDisconnect, RuntimeError):
        async for _ in request.stream():  # RuntimeError: nothing is left
            pass


class Arrivals:
    """Receives videos into files of one folder.

    Args:
        folder: for the files; each is removed as soon as it is answered for.
        limits: how large a video may be, and how long it may take to come in.
        fetcher: who downloads.
    """

    def __init__(self, folder: Path, limits: Limits, fetcher: Fetcher) -> None:
        self.folder, self.limits, self.fetcher = folder, limits, fetcher

    @asynccontextmanager
    async def receive(self, request: Request) -> AsyncIterator[Path]:
        """The file of the video that a request brings or names, until the end of the ``with``.

        Raises:
            Refused: if there is none, it is too large or too slow, or it is no video.
        """
        path = self.folder / uuid.uuid4().hex
        try:
            try:
                with anyio.fail_after(self.limits.arrival_seconds):
                    await self._take_in(request, path)
            except TimeoutError:
                seconds = self.limits.arrival_seconds
                raise Refused(408, f"the video did not arrive within {seconds:g} s") from None
            except ClientDisconnect:
                raise Refused(400, "the request broke off") from None
            _require_container(path)
            yield path
        finally:
            path.unlink(missing_ok=True)

    async def _take_in(self, request: Request, path: Path) -> None:
        kind = request.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if kind == UPLOAD:
            await self._take_upload(request, path)
        elif kind == ADDRESS:
            await self.fetcher.fetch(await _read_address(request), path)
        else:
            raise Refused(
                415, f"send the video as {UPLOAD}, or its address as {ADDRESS}, not as {kind!r}"
            )

    async def _take_upload(self, request: Request, path: Path) -> None:
        body = counted(request, self.limits.max_bytes + _ENVELOPE_BYTES)
        too_large = Refused(413, f"the file is larger than {self.limits.max_bytes} bytes")
        try:
            parser = MultiPartParser(request.headers, body, max_files=1, max_fields=8)
            form = await parser.parse()
        except _TooLarge:
            raise too_large from None
        except MultiPartException as error:
            raise Refused(400, f"the form cannot be read: {error.message}") from None
        try:
            files = [value for value in form.values() if isinstance(value, UploadFile)]
            if not files:
                raise Refused(400, "the form holds no file; send the video as a part named file")
            if (files[0].size or 0) > self.limits.max_bytes:
                raise too_large
            await anyio.to_thread.run_sync(_copy, files[0].file, path)
        finally:
            await form.close()


def _copy(source: BinaryIO, path: Path) -> None:
    with path.open("wb") as target:
        shutil.copyfileobj(source, target, 2**20)


async def _read_address(request: Request) -> str:
    try:
        body = b"".join([chunk async for chunk in counted(request, _MOST_JSON_BYTES)])
        asked = json.loads(body)
    except _TooLarge:
        raise Refused(413, f"JSON is read up to {_MOST_JSON_BYTES} bytes") from None
    except (ValueError, RecursionError):
        raise Refused(400, "the body is not JSON") from None
    if not isinstance(asked, dict) or not isinstance(asked.get("url"), str):
        raise Refused(400, 'the JSON must be {"url": "https://..."}')
    return asked["url"]


def _require_container(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise Refused(422, "the file is empty")
    if not is_container(head):
        raise Refused(415, "the file is no video of a kind that is taken; send MP4, WebM or AVI")
