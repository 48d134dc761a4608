"""What a cache holds: a table in a file, which processes change one after the other."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .on_disk import DiskError
from .stat import Stat

_WAIT_SECONDS = 60  # for other processes, which need a millisecond each
_TABLE = """CREATE TABLE IF NOT EXISTS files (
    name TEXT PRIMARY KEY, bytes INTEGER NOT NULL, whole INTEGER NOT NULL, used REAL NOT NULL,
    size INTEGER, version TEXT NOT NULL, digest TEXT)"""


@dataclass(frozen=True)
class Entry:
    """What is known of a file that was fetched once.

    Attributes:
        whole: whether it is in the cache.
        stat: what the store said of it.
        digest: tells its content, where somebody has noted that; kept when the file is removed.
    """

    whole: bool
    stat: Stat
    digest: str | None


class Contents:
    """The table of a cache.

    Args:
        path: its file.

    Raises:
        DiskError: (each method) if it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def entry(self, name: str) -> Entry | None:
        """What is known of a file."""
        with self.changing() as table:
            row = table.execute(
                "SELECT whole, size, version, digest FROM files WHERE name = ?", (name,)
            ).fetchone()
        return row and Entry(bool(row[0]), Stat(row[1], row[2]), row[3])

    def note_use(self, name: str) -> None:
        """A file is used now."""
        with self.changing() as table:
            table.execute("UPDATE files SET used = ? WHERE name = ?", (time.time(), name))

    def note_whole(self, name: str, stat: Stat, num_bytes: int) -> None:
        """A file has come."""
        with self.changing() as table:
            table.execute(
                "UPDATE files SET whole = 1, bytes = ?, used = ?, size = ?, version = ?, "
                "digest = NULL WHERE name = ?",
                (num_bytes, time.time(), stat.num_bytes, stat.version, name),
            )

    def note_digest(self, name: str, digest: str) -> None:
        """What tells the content of a file."""
        with self.changing() as table:
            table.execute("UPDATE files SET digest = ? WHERE name = ?", (digest, name))

    def reserve(self, table: sqlite3.Connection, name: str, num_bytes: int) -> None:
        """Count a file that will come."""
        table.execute(
            "INSERT INTO files VALUES (?, ?, 0, ?, NULL, '', NULL) "
            "ON CONFLICT DO UPDATE SET bytes = excluded.bytes, whole = 0, used = excluded.used",
            (name, num_bytes, time.time()),
        )

    def forget(self, table: sqlite3.Connection, name: str) -> None:
        """A file takes no room any more; what was noted of it stays."""
        table.execute("UPDATE files SET bytes = 0, whole = 0 WHERE name = ?", (name,))

    def sizes(self, table: sqlite3.Connection, name: str) -> list[tuple[str, int]]:
        """All files that take room but one, the longest unused first."""
        return table.execute(
            "SELECT name, bytes FROM files WHERE bytes > 0 AND name != ? ORDER BY used", (name,)
        ).fetchall()

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """The table, for one process at a time."""
        try:
            with closing(sqlite3.connect(self.path, timeout=_WAIT_SECONDS)) as table:
                table.isolation_level = None
                table.execute("PRAGMA synchronous = OFF")  # what a crash of the system costs: files
                table.execute("BEGIN IMMEDIATE")
                table.execute(_TABLE)
                yield table
                table.execute("COMMIT")
        except sqlite3.Error as error:
            raise DiskError(
                f"{self.path}: cannot be used ({error}); if the disk is writable and has room, "
                "delete the folder of the cache"
            ) from error
