"""Read what a folder holds of a store, and hold it to its checksums."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .files import (
    FORMAT,
    FORMATS,
    LINES,
    MANIFEST,
    NEXT,
    NUMBERS,
    REMEDY,
    StoreError,
    checksum_of,
    header_of,
    parse_lines,
    unchecked,
)


def read_store(path: Path, manifest: Mapping) -> tuple[np.ndarray, list[dict]]:
    """The essences (memory-mapped float16) and the line of every clip, all of them checked.

    Args:
        path: folder of the store.
        manifest: of the store, which is finished.

    Raises:
        StoreError: if a file of it is damaged.
    """
    lines = [line for _, line in parse_lines(path)]
    written = [line for line in lines if "checksum" in line]
    if len(written) != manifest["num_clips"]:
        raise StoreError(f"{path / LINES}: lines are missing or too many; {REMEDY}")
    essences = map_numbers(path, len(written), manifest["row_shape"])
    for row, line in zip(essences, written, strict=True):
        if checksum_of(row, unchecked(line)) != line["checksum"]:
            raise StoreError(damaged(path, line["id"]))
    return essences, lines


def finished_manifest(path: Path) -> dict:
    """The manifest of a store that is finished.

    Raises:
        StoreError: if it is not, or as `read_manifest`.
    """
    manifest = read_manifest(path)
    if not manifest["complete"] or is_complete(path / NEXT):
        raise StoreError(f"{path}: the extraction was not finished; run it again to go on")
    return manifest


def read_manifest(path: Path) -> dict:
    """The manifest of a store.

    Raises:
        StoreError: if there is none, or it is damaged or of another format.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] not in FORMATS:
            raise StoreError(f"{path}: not a store of the format {FORMAT}; {REMEDY}")
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
        raise StoreError(f"{path / MANIFEST}: is damaged ({error}); {REMEDY}") from error


def begun_store(path: Path) -> dict:
    """The manifest of a store, finished or not; empty where nothing is written yet.

    Raises:
        StoreError: if the manifest is damaged or of another format.
    """
    if not (path / MANIFEST).exists():
        return {}
    manifest = read_manifest(path)
    lines = path / LINES
    written = manifest["complete"] or (lines.exists() and parse_lines(path))
    return manifest if written else {}


def is_store(path: Path) -> bool:
    """Whether a folder looks like a store, be it unfinished or damaged."""
    return (path / MANIFEST).exists() and any((path / name).exists() for name in (NUMBERS, LINES))


def is_complete(path: Path) -> bool:
    """Whether a folder holds a store that was written to its end."""
    return (path / MANIFEST).exists() and read_manifest(path)["complete"]


def read_row(path: Path, number: int, row_shape: Sequence[int], line: Mapping) -> np.ndarray:
    """One clip's essences, float16 of row_shape: row `number` of a store, finished or not.

    Raises:
        StoreError: if they are missing, or damaged by the checksum in the clip's line.
    """
    header, row_bytes = header_of(0, row_shape), 2 * int(np.prod(row_shape))
    try:
        with (path / NUMBERS).open("rb") as file:
            file.seek(len(header) + number * row_bytes)
            data = np.frombuffer(file.read(row_bytes), "<f2")
    except FileNotFoundError as error:
        raise StoreError(
            f"{path / NUMBERS}: is missing; if another machine has just written it, try again in a "
            f"minute, else {REMEDY}"
        ) from error
    if checksum_of(data, unchecked(line)) != line["checksum"]:
        raise StoreError(damaged(path, line["id"]))
    return data.reshape(row_shape)


def map_numbers(path: Path, num_rows: int, row_shape: Sequence[int]) -> np.ndarray:
    """The essences of a finished store, float16 (N, ...), mapped and not checked.

    Raises:
        StoreError: if their file is missing, or of another size or shape.
    """
    file = path / NUMBERS
    header, shape = header_of(num_rows, row_shape), (num_rows, *row_shape)
    try:
        with file.open("rb") as begun:
            same = begun.read(len(header)) == header
        size = file.stat().st_size
    except FileNotFoundError as error:
        raise StoreError(f"{file}: is missing; {REMEDY}") from error
    if not same or size != len(header) + 2 * int(np.prod(shape)):
        raise StoreError(f"{file}: is damaged or of another shape than {shape}; {REMEDY}")
    # As a plain array, of which a row is taken in a third of the time.
    return np.asarray(np.memmap(file, "<f2", mode="c", offset=len(header), shape=shape))


def damaged(path: Path, clip_id: str) -> str:
    """What is said of a clip whose numbers or line differ from their checksum."""
    return f"{path}: the essences or the line of {clip_id} are damaged (checksum); {REMEDY}"
