"""Open a finished store: by its index, or where that is missing by the line of every clip."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .files import LINES, REMEDY, StoreError
from .index import Index, read_index
from .reader import finished_manifest, map_numbers, read_store
from .rows import StoredRows


def opened(path: Path) -> dict[str, Any]:
    """The fields of an `EssenceSet`, by name.

    With an index, numbers and names stay on the disk, and a clip is held to its checksum when its
    numbers are first read. Without one, as in stores of the first format, all lines are read and
    all numbers checked at once.

    Raises:
        StoreError: if there is no finished store, or a file of it is damaged.
    """
    manifest = finished_manifest(path)
    index = read_index(path, manifest)
    fields = _read(path, manifest) if index is None else _mapped(path, manifest, index)
    return fields | {"classes": tuple(manifest["classes"]), "settings": manifest["settings"]}


def _mapped(path: Path, manifest: Mapping, index: Index) -> dict[str, Any]:
    file = path / LINES
    if not file.exists():
        raise StoreError(f"{file}: is missing; {REMEDY}")
    if file.stat().st_size != manifest["lines"]["bytes"]:
        raise StoreError(f"{file}: lines are missing or too many; {REMEDY}")
    lines = np.asarray(np.memmap(file, np.uint8, mode="r"))
    numbers = map_numbers(path, len(index.ids), manifest["row_shape"])
    try:
        skipped = [json.loads(lines[begin:end].tobytes()) for begin, end in index.skipped]
        reasons = tuple((line["id"], line["skipped"]) for line in skipped)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{file}: is damaged ({error}); {REMEDY}") from error
    return {
        "essences": StoredRows(path, numbers, lines, index),
        "labels": index.labels,
        "groups": index.groups,
        "clip_ids": index.ids,
        "splits": index.splits if len(index.splits) else (),
        "skipped": reasons,
    }


def _read(path: Path, manifest: Mapping) -> dict[str, Any]:
    array, lines = read_store(path, manifest)
    written = [line for line in lines if "skipped" not in line]
    splits = tuple(line.get("split", "") for line in written)
    number = {name: k for k, name in enumerate(manifest["classes"])}
    return {
        "essences": torch.from_numpy(array),
        "labels": torch.tensor([number[line["label"]] for line in written]),
        "groups": tuple(line["group"] for line in written),
        "clip_ids": tuple(line["id"] for line in written),
        "splits": splits if any(splits) else (),
        "skipped": tuple((line["id"], line["skipped"]) for line in lines if "skipped" in line),
    }
