"""The folder that holds essences: three files that any tool can read.

- ``essences.npy``: float16 array (N, T, D), or (N, V, T, D) with V views.
- ``clips.jsonl``: one line per clip, in order: id, label, group, the digest of its file, and the
  checksum of its numbers, or why it was skipped.
- ``manifest.json``: how the essences were made, and counts once all is written.

Clip by clip, the numbers are appended first and the line after them. A killed run therefore
leaves at worst numbers without a line, or half a line; one that lost its power, lines whose numbers
never reached the disk, which the checksum tells. All are cut off, and the run goes on. How a store
follows its files when they change is in `update`.
"""

from __future__ import annotations

import errno
import io
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

_FORMAT = "quest82-essences/1"
_REMEDY = "delete the folder and extract again"
_NUMBERS, _LINES, _MANIFEST = "essences.npy", "clips.jsonl", "manifest.json"
_PARTIAL = "manifest.json.part"
FILES = (_NUMBERS, _LINES, _MANIFEST)
NEXT = "next"  # a folder inside: the state that is about to take the store's place
_NOT_COMPARED = {"clips"}  # version 0.1.0 named the list of clips among the settings


class StoreError(ValueError):
    """A store cannot be read or continued; the text names it, what is wrong and what to do."""


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
        if path.exists() and not path.is_dir():
            raise StoreError(f"{path}: is a file; choose another folder for the store")
        self.lines: list[dict] = []
        begun = begun_store(path)
        if begun:
            require_same(path, begun["settings"], self.settings)
            require_same(path, {"row_shape": begun["row_shape"]}, {"row_shape": self.row_shape})
            self.complete = begun["complete"]
        else:
            self.complete = False
            self._begin()
        self.lines = (
            [line for _, line in _parse_lines(path)] if self.complete else self._cut_unfinished()
        )
        self.num_rows = len(self.lines) - len(self.skipped)

    def _begin(self) -> None:
        """Write the manifest first of all, so that a run killed here is known by it."""
        with self._nothing_lost():
            self.path.mkdir(parents=True, exist_ok=True)
            names = {file.name for file in self.path.iterdir()} - {_PARTIAL}
            if names and _MANIFEST not in names:
                raise StoreError(
                    f"{self.path}: holds other files; delete them or choose another folder"
                )
            for name in (_NUMBERS, _LINES):
                (self.path / name).unlink(missing_ok=True)
            self._write_manifest(complete=False)

    def add(self, line: Mapping, essences: np.ndarray) -> None:
        """Append one clip: its essences (T, D) or (V, T, D), then its line."""
        row = _half(np.asarray(essences), f"{self.name}: the essences of {line['id']}")
        with self._nothing_lost():
            _append(self.path / _NUMBERS, row.tobytes())
        self._append_line({**line, "checksum": _checksum(row, line)})
        self.num_rows += 1

    def skip(self, line: Mapping) -> None:
        """Note a clip that could not be read; `skipped` in its line says why."""
        self._append_line(dict(line))

    @property
    def skipped(self) -> list[dict]:
        """The lines of the clips that could not be read."""
        return [line for line in self.lines if "skipped" in line]

    def finish(self) -> None:
        """Write the final counts; from now on the store can be opened."""
        written = self.num_rows
        if not written:
            reasons = "; ".join(line["skipped"] for line in self.lines[:3])
            for name in FILES:
                (self.path / name).unlink()
            raise StoreError(f"{self.name}: not one clip could be read ({reasons})")
        with self._nothing_lost():
            with (self.path / _NUMBERS).open("r+b") as file:
                file.write(_header(written, self.row_shape))
            for name in (_NUMBERS, _LINES):
                _bring_to_disk(self.path / name)
            self._write_manifest(complete=True, num_clips=written, num_skipped=len(self.skipped))
        self.complete = True

    def _append_line(self, line: dict) -> None:
        text = json.dumps(line, ensure_ascii=False) + "\n"
        with self._nothing_lost():
            _append(self.path / _LINES, text.encode())
        self.lines.append(line)

    @contextmanager
    def _nothing_lost(self) -> Iterator[None]:
        """A disk that is full costs at most the clip being written, which comes again."""
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"{self.name}: cannot be written ({error.strerror}); what was written before is "
                f"safe: {_remedy(error)} and run the same again to go on"
            ) from error

    def _cut_unfinished(self) -> list[dict]:
        """Bring both files back to the last clip of which all was written."""
        numbers, lines = self.path / _NUMBERS, self.path / _LINES
        header, row_bytes = _header(0, self.row_shape), 2 * int(np.prod(self.row_shape))
        with self._nothing_lost():
            lines.touch()
            numbers.touch()
            if lines.stat().st_size == 0:  # the run was killed, or the disk full, at the beginning
                numbers.write_bytes(header)
        if numbers.stat().st_size < len(header):
            raise StoreError(f"{numbers}: is damaged; {_REMEDY}")
        kept, num_bytes, num_rows = [], 0, 0
        with numbers.open("rb") as file:
            file.seek(len(header))
            for raw, line in _parse_lines(self.path):
                if "checksum" in line:
                    row = np.frombuffer(file.read(row_bytes), np.uint8)
                    if _checksum(row, unchecked(line)) != line["checksum"]:
                        break  # numbers that did not reach the disk when the power went
                    num_rows += 1
                kept.append(line)
                num_bytes += len(raw)
        with self._nothing_lost():
            os.truncate(lines, num_bytes)
            os.truncate(numbers, len(header) + num_rows * row_bytes)
        return kept

    def _write_manifest(self, **counts: int) -> None:
        manifest = {
            "format": _FORMAT,
            **counts,
            "classes": self.classes,
            "row_shape": self.row_shape,
            "settings": self.settings,
        }
        partial = self.path / _PARTIAL
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(self.path / _MANIFEST)


def read_store(path: Path) -> tuple[np.ndarray, list[dict], dict]:
    """The essences (memory-mapped float16), the line of every clip, and the manifest.

    Raises:
        StoreError: if there is no finished store, or a file of it is damaged.
    """
    manifest = read_manifest(path)
    if not manifest["complete"] or is_complete(path / NEXT):
        raise StoreError(f"{path}: the extraction was not finished; run it again to go on")
    lines = [line for _, line in _parse_lines(path)]
    written = [line for line in lines if "checksum" in line]
    if len(written) != manifest["num_clips"]:
        raise StoreError(f"{path / _LINES}: lines are missing or too many; {_REMEDY}")
    essences = _map_numbers(path / _NUMBERS, len(written), manifest["row_shape"])
    for row, line in zip(essences, written, strict=True):
        if _checksum(row, unchecked(line)) != line["checksum"]:
            raise StoreError(_damaged(path, line))
    return essences, lines, manifest


def read_manifest(path: Path) -> dict:
    """The manifest of a store.

    Raises:
        StoreError: if there is none, or it is damaged or of another format.
    """
    try:
        manifest = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != _FORMAT:
            raise StoreError(f"{path}: not a store of the format {_FORMAT}; {_REMEDY}")
        complete = {"classes", "row_shape", *(["num_clips"] if manifest["complete"] else [])}
        if missing := complete - manifest.keys():
            raise ValueError(f"{min(missing)} is missing")
        return {**manifest, "settings": dict(manifest["settings"])}
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreError(
            f"{path}: no store of essences; make one with `quest82 extract`"
        ) from error
    except StoreError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path / _MANIFEST}: is damaged ({error}); {_REMEDY}") from error


def begun_store(path: Path) -> dict:
    """The manifest of a store, finished or not; empty where nothing is written yet.

    Raises:
        StoreError: if the manifest is damaged or of another format.
    """
    if not (path / _MANIFEST).exists():
        return {}
    manifest = read_manifest(path)
    lines = path / _LINES
    written = manifest["complete"] or (lines.exists() and _parse_lines(path))
    return manifest if written else {}


def is_complete(path: Path) -> bool:
    """Whether a folder holds a store that was written to its end."""
    return (path / _MANIFEST).exists() and read_manifest(path)["complete"]


def read_row(path: Path, number: int, row_shape: Sequence[int], line: Mapping) -> np.ndarray:
    """One clip's essences, float16 of row_shape: row `number` of a store, finished or not.

    Raises:
        StoreError: if they are damaged, by the checksum in the clip's line.
    """
    header, row_bytes = _header(0, row_shape), 2 * int(np.prod(row_shape))
    with (path / _NUMBERS).open("rb") as file:
        file.seek(len(header) + number * row_bytes)
        data = np.frombuffer(file.read(row_bytes), "<f2")
    if _checksum(data, unchecked(line)) != line["checksum"]:
        raise StoreError(_damaged(path, line))
    return data.reshape(row_shape)


def _map_numbers(path: Path, num_rows: int, row_shape: Sequence[int]) -> np.ndarray:
    header, shape = _header(num_rows, row_shape), (num_rows, *row_shape)
    try:
        with path.open("rb") as file:
            same = file.read(len(header)) == header
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise StoreError(f"{path}: is missing; {_REMEDY}") from error
    if not same or size != len(header) + 2 * int(np.prod(shape)):
        raise StoreError(f"{path}: is damaged or of another shape than {shape}; {_REMEDY}")
    return np.memmap(path, "<f2", mode="c", offset=len(header), shape=shape)


def _header(num_rows: int, row_shape: Sequence[int]) -> bytes:
    """What numpy writes before the numbers of an array; as long for every number of rows."""
    buffer = io.BytesIO()
    description = {"descr": "<f2", "fortran_order": False, "shape": (num_rows, *row_shape)}
    np.lib.format.write_array_header_1_0(buffer, description)
    return buffer.getvalue()


def _checksum(row: np.ndarray, line: Mapping) -> int:
    """Covers a clip's numbers and its line."""
    return zlib.crc32(json.dumps(line, sort_keys=True).encode(), zlib.crc32(row.tobytes()))


def unchecked(line: Mapping) -> dict:
    """A clip's line without the checksum of its numbers."""
    return {name: value for name, value in line.items() if name != "checksum"}


def _parse_lines(path: Path) -> list[tuple[bytes, dict]]:
    """Every complete line, as bytes and parsed; a half-written last one is left out."""
    try:
        raws = (path / _LINES).read_bytes().splitlines(keepends=True)
        lines = [(raw, json.loads(raw)) for raw in raws if raw.endswith(b"\n")]
        if not all({"id", "checksum"} <= line.keys() or "skipped" in line for _, line in lines):
            raise ValueError("a line without id or checksum")
    except FileNotFoundError as error:
        raise StoreError(f"{path / _LINES}: is missing; {_REMEDY}") from error
    except (AttributeError, ValueError) as error:
        raise StoreError(f"{path / _LINES}: is damaged ({error}); {_REMEDY}") from error
    return lines


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def _bring_to_disk(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _half(essences: np.ndarray, what: str) -> np.ndarray:
    """The numbers in float16; infinity and what is not a number are refused."""
    if np.isnan(essences).any():
        raise StoreError(f"{what} hold NaN (not a number); look at the clip and at the network")
    with np.errstate(over="ignore"):
        row = essences.astype("<f2")
    if not np.isfinite(row).all():
        raise StoreError(f"{what} do not fit into float16 (up to 65504); scale them down")
    return row


def _remedy(error: OSError) -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return "make space" if full else "make the folder writable"


def _damaged(path: Path, line: Mapping) -> str:
    return f"{path}: the essences or the line of {line['id']} are damaged (checksum); {_REMEDY}"


def require_same(path: Path, made: Mapping, asked: Mapping) -> None:
    """Refuse a store that was made with other settings.

    Raises:
        StoreError: names the first setting that differs.
    """
    for name in sorted({*made, *asked} - _NOT_COMPARED):
        if made.get(name) != asked.get(name):
            raise StoreError(
                f"{path}: was made with other settings: {name} is {made.get(name)!r} there and "
                f"{asked.get(name)!r} here; choose another folder, or delete this one"
            )
