"""The folder that holds essences: three files that any tool can read.

- ``essences.npy``: float16 array (N, T, D), or (N, V, T, D) with V views.
- ``clips.jsonl``: one line per clip (id, label, group, checksum, or why it was skipped), in order.
- ``manifest.json``: how the essences were made, and counts once all is written.

Clip by clip, the numbers are appended first and the line after them. A killed run therefore
leaves at worst numbers without a line, or half a line: both are cut off, and the run goes on.
"""

from __future__ import annotations

import io
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

_FORMAT = "quest82-essences/1"
_NUMBERS, _LINES, _MANIFEST = "essences.npy", "clips.jsonl", "manifest.json"


class StoreError(ValueError):
    """A store cannot be read or continued; the text names it, what is wrong and what to do."""


class StoreWriter:
    """Writes a store clip by clip, going on where an earlier run with the same settings stopped.

    Args:
        path: the folder; made if it is missing.
        settings: how the essences are made; JSON values.
        classes: the K class names.
        row_shape: (T, D) or (V, T, D).

    Attributes:
        lines: one dictionary per clip that is already written or skipped, in order.

    Raises:
        StoreError: if the folder holds something else, or a store made with other settings.
    """

    def __init__(
        self, path: Path, settings: Mapping, classes: Sequence[str], row_shape: tuple[int, ...]
    ) -> None:
        self.path, self.settings, self.classes = path, dict(settings), list(classes)
        self.row_shape = row_shape
        path.mkdir(parents=True, exist_ok=True)
        if (path / _MANIFEST).exists():
            _require_same(path, read_manifest(path)["settings"], self.settings)
        elif any(path.iterdir()):
            raise StoreError(f"{path}: holds other files; delete them or choose another folder")
        else:
            (path / _NUMBERS).write_bytes(self._header(0))
            (path / _LINES).touch()
            self._write_manifest(complete=False)
        self.lines = self._cut_unfinished()

    def add(self, line: Mapping, essences: np.ndarray) -> None:
        """Append one clip: its essences (T, D) or (V, T, D), then its line."""
        row = np.ascontiguousarray(essences, dtype=np.float16).tobytes()
        _append(self.path / _NUMBERS, row)
        self._append_line({**line, "checksum": zlib.crc32(row)})

    def skip(self, line: Mapping, reason: str) -> None:
        """Note a clip that could not be read."""
        self._append_line({**line, "skipped": reason})

    def finish(self) -> None:
        """Write the final counts; from now on the store can be opened."""
        written = sum("checksum" in line for line in self.lines)
        if not written:
            reasons = "; ".join(line["skipped"] for line in self.lines[:3])
            raise StoreError(f"{self.path}: not one clip could be read ({reasons})")
        with (self.path / _NUMBERS).open("r+b") as file:
            file.write(self._header(written))
        self._write_manifest(
            complete=True, num_clips=written, num_skipped=len(self.lines) - written
        )

    def _append_line(self, line: dict) -> None:
        text = json.dumps(line, ensure_ascii=False) + "\n"
        _append(self.path / _LINES, text.encode())
        self.lines.append(line)

    def _cut_unfinished(self) -> list[dict]:
        """Bring both files back to the last clip of which all was written."""
        header, row_bytes = len(self._header(0)), 2 * int(np.prod(self.row_shape))
        rows_left = ((self.path / _NUMBERS).stat().st_size - header) // row_bytes
        kept, num_bytes, num_rows = [], 0, 0
        for raw, line in _parse_lines(self.path):
            if "checksum" in line:
                if num_rows == rows_left:
                    break
                num_rows += 1
            kept.append(line)
            num_bytes += len(raw)
        os.truncate(self.path / _LINES, num_bytes)
        os.truncate(self.path / _NUMBERS, header + num_rows * row_bytes)
        return kept

    def _header(self, num_rows: int) -> bytes:
        # numpy pads the header so that it keeps its length when the first axis grows.
        buffer = io.BytesIO()
        shape = (num_rows, *self.row_shape)
        description = {"descr": "<f2", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(buffer, description)
        return buffer.getvalue()

    def _write_manifest(self, **counts: int) -> None:
        manifest = {
            "format": _FORMAT,
            **counts,
            "classes": self.classes,
            "settings": self.settings,
        }
        partial = self.path / (_MANIFEST + ".part")
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(self.path / _MANIFEST)


def read_store(path: Path) -> tuple[np.ndarray, list[dict], dict]:
    """The essences (memory-mapped float16), the line of every clip, and the manifest.

    Raises:
        StoreError: if there is no finished store, or a file of it is damaged.
    """
    manifest = read_manifest(path)
    if not manifest["complete"]:
        raise StoreError(f"{path}: the extraction was not finished; run it again to go on")
    lines = [line for _, line in _parse_lines(path)]
    written = [line for line in lines if "checksum" in line]
    try:
        essences = np.load(path / _NUMBERS, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path / _NUMBERS}: cannot be read ({error}); extract again") from error
    if not len(essences) == len(written) == manifest["num_clips"]:
        raise StoreError(
            f"{path}: {_NUMBERS} holds {len(essences)} clips, {_LINES} {len(written)}, "
            f"{_MANIFEST} names {manifest['num_clips']}; delete the folder and extract again"
        )
    for row, line in zip(essences, written, strict=True):
        if zlib.crc32(row.tobytes()) != line["checksum"]:
            raise StoreError(
                f"{path / _NUMBERS}: the essences of {line['id']} are damaged (checksum); "
                "delete the folder and extract again"
            )
    return essences, lines, manifest


def read_manifest(path: Path) -> dict:
    """The manifest of a store.

    Raises:
        StoreError: if there is none, or it is of another format.
    """
    try:
        manifest = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StoreError(
            f"{path}: no store of essences; make one with `quest82 extract`"
        ) from error
    except ValueError as error:
        raise StoreError(f"{path / _MANIFEST}: is damaged ({error}); extract again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
        raise StoreError(f"{path}: not a store of the format {_FORMAT}; extract again")
    return manifest


def _parse_lines(path: Path) -> list[tuple[bytes, dict]]:
    """Every complete line, as bytes and parsed; a half-written last one is left out."""
    raws = (path / _LINES).read_bytes().splitlines(keepends=True)
    try:
        return [(raw, json.loads(raw)) for raw in raws if raw.endswith(b"\n")]
    except ValueError as error:
        raise StoreError(f"{path / _LINES}: is damaged ({error}); extract again") from error


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _require_same(path: Path, made: Mapping, asked: Mapping) -> None:
    for name in sorted({*made, *asked}):
        if made.get(name) != asked.get(name):
            raise StoreError(
                f"{path}: was made with other settings: {name} is {made.get(name)!r} there and "
                f"{asked.get(name)!r} here; choose another folder, or delete this one"
            )
