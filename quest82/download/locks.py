"""A lock between processes that several may share: who reads shares it, who writes does not.

The system lets go of it when its holder dies, however that happens.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

if sys.platform == "win32":

    @contextmanager
    def locked(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[bool]:
        """Hold a lock, which here cannot be shared: readers wait for each other."""
        lock = FileLock(path, timeout=-1 if wait else 0)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

else:
    import fcntl

    @contextmanager
    def locked(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[bool]:
        """Hold a lock on a file, which is made where it is missing and never removed.

        Args:
            path: the file.
            shared: with others that share it.
            wait: for others to let go.

        Yields:
            Whether it is held; False only where waiting is not wanted.
        """
        how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            try:
                fcntl.flock(number, how)
            except BlockingIOError:
                yield False
                return
            yield True
        finally:
            os.close(number)
