"""Write a store clip by clip, so that a run that was killed goes on where it stopped."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..outputs import write_whole
from .files import (
    FILES,
    FORMAT,
    INDEX,
    LINES,
    MANIFEST,
    NUMBERS,
    PROJECTION,
    REMEDY,
    StoreError,
    checksum_of,
    half,
    header_of,
    parse_lines,
    require_same,
    unchecked,
)
from .index import read_index, write_index
from .reader import begun_store

_PARTIAL = "manifest.json.part"


class StoreWriter:
    """Writes a store clip by clip, going on where an earlier run with the same settings stopped.

    Args:
        path: the folder; made if it is missing.
        settings: how the essences are made; JSON values.
        classes: the K class names.
        row_shape: (T, D) or (V, T, D).
        name: what errors call it; None: the folder.

    Attributes:
        lines: one dictionary per clip that is already written or skipped, in order.
        num_rows: how many of these clips have essences.
        complete: whether an earlier run has finished the store.
        indexed: whether it has the index that belongs to it, too.

    Raises:
        StoreError: if the folder holds something else, or a store made with other settings in
            which something is written, or cannot be written.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping,
        classes: Sequence[str],
        row_shape: tuple[int, ...],
        *,
        name: Path | None = None,
    ) -> None:
        self.path, self.settings, self.classes = path, dict(settings), list(classes)
        self.row_shape, self.name = list(row_shape), name or path
        require_folder(path)
        self.lines: list[dict] = []
        begun = begun_store(path)
        if begun:
            require_same(path, begun["settings"], self.settings)
            require_same(path, {"row_shape": begun["row_shape"]}, {"row_shape": self.row_shape})
            self.complete = begun["complete"]
        else:
            self.complete = False
            self._begin()
        self.indexed = self.complete and read_index(path, begun) is not None
        self.lines = (
            [line for _, line in parse_lines(path)] if self.complete else self._cut_unfinished()
        )
        self.num_rows = len(self.lines) - len(self.skipped)

    def _begin(self) -> None:
        """Write the manifest first of all, so that a run killed here is known by it."""
        with self._nothing_lost():
            self.path.mkdir(parents=True, exist_ok=True)
            require_own(self.path, beside=(PROJECTION,) if self.settings.get("projection") else ())
            for name in (NUMBERS, LINES, INDEX):
                (self.path / name).unlink(missing_ok=True)
            self._write_manifest(complete=False)

    def add(self, line: Mapping, essences: np.ndarray) -> None:
        """Append one clip: its essences (T, D) or (V, T, D), then its line."""
        row = half(np.asarray(essences), f"{self.name}: the essences of {line['id']}")
        with self._nothing_lost():
            _append(self.path / NUMBERS, row.tobytes())
        self._append_line({**line, "checksum": checksum_of(row, line)})
        self.num_rows += 1

    def skip(self, line: Mapping) -> None:
        """Note a clip that could not be read; `skipped` in its line says why."""
        self._append_line(dict(line))

    @property
    def skipped(self) -> list[dict]:
        """The lines of the clips that could not be read."""
        return [line for line in self.lines if "skipped" in line]

    def finish(self, *, may_be_empty: bool = False) -> None:
        """Write the final counts; from now on the store can be opened, unless it is empty."""
        written = self.num_rows
        if not written and not may_be_empty:
            reasons = "; ".join(line["skipped"] for line in self.lines[:3])
            for name in (*FILES, PROJECTION):
                (self.path / name).unlink(missing_ok=True)
            raise StoreError(f"{self.name}: not one clip could be read ({reasons})")
        with self._nothing_lost():
            with (self.path / NUMBERS).open("r+b") as file:
                file.write(header_of(written, self.row_shape))
            for name in (NUMBERS, LINES):
                bring_to_disk(self.path / name)
        self.complete = True
        self.write_index()

    def write_index(self) -> None:
        """Write the index of a store that is complete, then the manifest that vouches for it."""
        with self._nothing_lost():
            told = write_index(self.path, self.lines, self.classes)
            bring_to_disk(self.path / INDEX)
            counts = {"num_clips": self.num_rows, "num_skipped": len(self.skipped)}
            self._write_manifest(complete=True, **counts, **told)
        self.indexed = True

    def _append_line(self, line: dict) -> None:
        text = json.dumps(line, ensure_ascii=False) + "\n"
        with self._nothing_lost():
            _append(self.path / LINES, text.encode())
        self.lines.append(line)

    @contextmanager
    def _nothing_lost(self) -> Iterator[None]:
        """A disk that is full costs at most the clip being written, which comes again."""
        try:
            yield
        except OSError as error:
            raise cannot_be_written(self.name, error) from error

    def _cut_unfinished(self) -> list[dict]:
        """Bring both files back to the last clip of which all was written."""
        numbers, lines = self.path / NUMBERS, self.path / LINES
        header, row_bytes = header_of(0, self.row_shape), 2 * int(np.prod(self.row_shape))
        with self._nothing_lost():
            lines.touch()
            numbers.touch()
            if lines.stat().st_size == 0:  # the run was killed, or the disk full, at the beginning
                numbers.write_bytes(header)
        if numbers.stat().st_size < len(header):
            raise StoreError(f"{numbers}: is damaged; {REMEDY}")
        kept, num_bytes, num_rows = [], 0, 0
        with numbers.open("rb") as file:
            file.seek(len(header))
            for raw, line in parse_lines(self.path):
                if "checksum" in line:
                    row = np.frombuffer(file.read(row_bytes), np.uint8)
                    if checksum_of(row, unchecked(line)) != line["checksum"]:
                        break  # numbers that did not reach the disk when the power went
                    num_rows += 1
                kept.append(line)
                num_bytes += len(raw)
        with self._nothing_lost():
            os.truncate(lines, num_bytes)
            os.truncate(numbers, len(header) + num_rows * row_bytes)
        return kept

    def _write_manifest(self, **counts: object) -> None:
        manifest = {
            "format": FORMAT,
            **counts,
            "classes": self.classes,
            "row_shape": self.row_shape,
            "settings": self.settings,
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        write_whole(self.path / MANIFEST, text.encode())


def require_folder(path: Path) -> None:
    """Refuse a file in the place of a store's folder.

    Raises:
        StoreError: says so.
    """
    if path.exists() and not path.is_dir():
        raise StoreError(f"{path}: is a file; choose another folder for the store")


def require_own(path: Path, *, beside: Sequence[str] = ()) -> None:
    """Refuse to begin a store in a folder of somebody's files.

    Args:
        path: the folder; it may be missing.
        beside: files that are part of the store and written before its manifest.

    Raises:
        StoreError: if it is a file, or holds others.
    """
    require_folder(path)
    names = {file.name for file in path.iterdir()} if path.exists() else set()
    names -= {_PARTIAL, *beside, *(f"{name}.part" for name in beside)}
    if names and MANIFEST not in names:
        raise StoreError(f"{path}: holds other files; delete them or choose another folder")


def cannot_be_written(name: Path, error: OSError) -> StoreError:
    """What to raise where the system refuses to write."""
    return StoreError(
        f"{name}: cannot be written ({error.strerror}); what was written before is safe: "
        f"{_remedy(error)} and run the same again to go on"
    )


def bring_to_disk(path: Path) -> None:
    """Wait until a file would survive a loss of power."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def _remedy(error: OSError) -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return "make space" if full else "make the folder writable"
