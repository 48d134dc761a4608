"""The folder that holds essences: four files that any tool can read.

- ``essences.npy``: float16 array (N, T, D), or (N, V, T, D) with V views.
- ``clips.jsonl``: one line per clip, in order: id, label, group, where they are laid down its part
  of the file (start and end, in seconds) and its split, the digest of its file, and the checksum of
  its numbers, or why it was skipped.
- ``index.safetensors``: made of these lines when all are written, so that a store opens at once
  however many there are (`index`).
- ``manifest.json``: how the essences were made, and counts once all is written.

A store of feature maps that were shortened has ``projection.safetensors`` beside them: by what.
Stores of the first format have no index: they are opened line by line, and the next extraction
into them, or `quest82 check --index`, writes it.

Clip by clip, the numbers are appended first and the line after them. A killed run therefore
leaves at worst numbers without a line, or half a line; one that lost its power, lines whose numbers
never reached the disk, which the checksum tells. All are cut off, and the run goes on (`writer`).
How a store follows its files when they change is in `update`.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock

FORMAT = "quest82-essences/2"
FORMATS = ("quest82-essences/1", FORMAT)  # the first is the same without an index
REMEDY = "delete the folder and extract again"
NUMBERS, LINES, MANIFEST = "essences.npy", "clips.jsonl", "manifest.json"
INDEX = "index.safetensors"
FILES = (NUMBERS, LINES, INDEX, MANIFEST)  # in the order in which a new state moves in
PROJECTION = "projection.safetensors"
NEXT = "next"  # a folder inside: the state that is about to take the store's place
_SORTED = json.JSONEncoder(sort_keys=True)
_NOT_COMPARED = {"clips"}  # version 0.1.0 named the list of clips among the settings


class StoreError(ValueError):
    """A store cannot be read or continued; the text names it, what is wrong and what to do."""


def header_of(num_rows: int, row_shape: Sequence[int]) -> bytes:
    """What numpy writes before the numbers of an array; as long for every number of rows."""
    buffer = io.BytesIO()
    description = {"descr": "<f2", "fortran_order": False, "shape": (num_rows, *row_shape)}
    np.lib.format.write_array_header_1_0(buffer, description)
    return buffer.getvalue()


def half(essences: np.ndarray, what: str) -> np.ndarray:
    """The numbers as a store holds them, in float16.

    Args:
        essences: of any shape and floating type.
        what: what errors call them, in the plural.

    Raises:
        StoreError: if there is a NaN, or a number that is too large for float16.
    """
    if np.isnan(essences).any():
        raise StoreError(f"{what} hold NaN (not a number); look at the clip and at the network")
    with np.errstate(over="ignore"):
        row = essences.astype("<f2")
    if not np.isfinite(row).all():
        raise StoreError(f"{what} do not fit into float16 (up to 65504); scale them down")
    return row


def checksum_of(row: np.ndarray, line: Mapping) -> int:
    """Covers a clip's numbers and its line."""
    return zlib.crc32(_SORTED.encode(line).encode(), zlib.crc32(row.tobytes()))


def unchecked(line: Mapping) -> dict:
    """A clip's line without the checksum of its numbers."""
    return {name: value for name, value in line.items() if name != "checksum"}


def parse_lines(path: Path) -> list[tuple[bytes, dict]]:
    """Every complete line, as bytes and parsed; a half-written last one is left out."""
    try:
        raws = (path / LINES).read_bytes().splitlines(keepends=True)
        lines = [(raw, json.loads(raw)) for raw in raws if raw.endswith(b"\n")]
        if not all({"id", "checksum"} <= line.keys() or "skipped" in line for _, line in lines):
            raise ValueError("a line without id or checksum")
    except FileNotFoundError as error:
        raise StoreError(f"{path / LINES}: is missing; {REMEDY}") from error
    except (AttributeError, ValueError) as error:
        raise StoreError(f"{path / LINES}: is damaged ({error}); {REMEDY}") from error
    return lines


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


def lock_on(path: Path) -> FileLock:
    """Held while a store is written; lies among temporary files, not among the user's."""
    key = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    return FileLock(Path(tempfile.gettempdir()) / f"quest82-{key}.lock", timeout=0)
