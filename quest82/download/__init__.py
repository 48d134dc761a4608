"""A file from elsewhere: it goes on where it broke off, and has its name only when it is whole.

Example: a file that is there already is verified, not fetched again.
    >>> import tempfile
    >>> from pathlib import Path
    >>> from quest82.download import fetch, sha256_of
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "weights.pt"
    ...     _ = path.write_bytes(b"weights")
    ...     digest = sha256_of(path)
    ...     fetch("https://example.org/weights.pt", path, sha256=digest, progress=False).name
    'weights.pt'
"""

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
