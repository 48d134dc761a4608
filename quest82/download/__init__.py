"""A file from elsewhere: it goes on where it broke off, and has its name only when it is whole."""

from .cache import Cache, RemoteFile, default_cache
from .fetching import fetch
from .on_disk import DiskError, FetchError, check_room, sha256_of
from .stat import Stat

__all__ = [
    "Cache",
    "DiskError",
    "FetchError",
    "RemoteFile",
    "Stat",
    "check_room",
    "default_cache",
    "fetch",
    "sha256_of",
]
