"""What has come of a file, whether it is the right one, and whether there is room for it."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

CHUNK_BYTES = 1 << 18


class FetchError(OSError):
    """A file could not be fetched; the text says which, why and what to do."""


class DiskError(FetchError):
    """The disk that files are fetched to is full or refuses; the next file would fare no better."""


@dataclass(frozen=True)
class Part:
    """What has come so far of a file, and which version of the file it belongs to."""

    target: Path

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def version_path(self) -> Path:
        """Where its version lies."""
        return self.target.with_name(f"{self.target.name}.part.version")

    def num_bytes(self) -> int:
        """How much has come."""
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self) -> str:
        """Of the file of which it is a part; empty where that is not known."""
        return self.version_path.read_text("utf-8") if self.version_path.exists() else ""

    def start(self, version: str) -> None:
        """Begin anew, with a version."""
        self.drop()  # first: an old part must never lie beside a new version
        self.version_path.write_text(version, encoding="utf-8")

    def drop(self) -> None:
        """Forget what has come."""
        self.path.unlink(missing_ok=True)
        self.version_path.unlink(missing_ok=True)

    def finish(self) -> Path:
        """The whole file, under its name."""
        self.version_path.unlink(missing_ok=True)
        return self.path.replace(self.target)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def check_room(folder: Path, num_bytes: int, purpose: str) -> None:
    """Refuse to begin what the disk of a folder has no room for.

    Raises:
        DiskError: if less than num_bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < num_bytes:
        raise DiskError(
            f"{folder}: {free / 1e9:.1f} GB are free and {purpose} needs {num_bytes / 1e9:.1f} GB; "
            "make room or choose another disk"
        )


def difference(path: Path, num_bytes: int | None, sha256: str | None) -> str:
    """What is wrong with a file, in a few words; empty if nothing is."""
    size = path.stat().st_size
    if num_bytes is not None and size != num_bytes:
        return f"it has {size:,} bytes instead of {num_bytes:,}"
    if sha256 is not None and not (found := sha256_of(path)).startswith(sha256):
        return f"its SHA-256 begins with {found[:16]} instead of {sha256[:16]}"
    return ""
