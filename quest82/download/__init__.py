"""A file from the web: it goes on where it broke off, and has its name only when it is whole."""

from .fetching import fetch
from .on_disk import FetchError, check_room, sha256_of

__all__ = ["FetchError", "check_room", "fetch", "sha256_of"]
