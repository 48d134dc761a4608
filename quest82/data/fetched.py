"""Clips whose files lie elsewhere: here while they are read, and known without being fetched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ..download import DiskError, FetchError
from ..download.remote import shown
from ..video import VideoError
from .clips import Clip, digest_of


@contextmanager
def held(clip: Clip) -> Iterator[None]:
    """Have a clip's file at its path, at least for as long as this lasts.

    Raises:
        VideoError: if it lies elsewhere and cannot be fetched: it costs itself, as a file does that
            cannot be read.
        DiskError: if the cache is full or cannot be written, which would cost every clip.
    """
    with ExitStack() as holding:
        if clip.remote is not None:
            url = clip.remote.url
            try:
                holding.enter_context(clip.remote.held())
            except DiskError:
                raise
            except FetchError as error:
                raise VideoError(str(error).replace(url, shown(url))) from error
        yield


def digest_noted(clip: Clip) -> str | None:
    """What `clips.digest_of` says of a clip's file, which the cache remembers where it has one."""
    digest = digest_of(clip.path)
    if clip.remote is not None:
        clip.remote.note(digest)
    return digest


def digest_told(clip: Clip, believed: str | None) -> str | None:
    """The same without fetching a file.

    Args:
        clip: whose file.
        believed: the digest that it had when it was read last.

    Returns:
        As `clips.digest_of`; for a file that lies elsewhere see `download.RemoteFile.told`.
    """
    return digest_of(clip.path) if clip.remote is None else clip.remote.told(believed)
