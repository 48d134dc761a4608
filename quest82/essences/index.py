"""The index of a finished store: all that opening it takes, without a look at each clip's line.

It is made of the lines (`files`) and holds nothing that is not in them, in one .safetensors file
that is mapped, not read: ids and groups as text with offsets, labels, groups and splits as codes,
and where in ``clips.jsonl`` each line lies. The manifest, which is written after it, holds the size
and CRC-32 of both files. An index that is missing, older than its lines or damaged is therefore
noticed, the lines are read instead, and the next run of an extraction writes it anew.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy
from safetensors import safe_open
from torch import Tensor

from ..data.clips import unified
from ..data.names import Names
from ..outputs import write_whole
from .files import INDEX, LINES, StoreError

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Index:
    """What is known of N clips that have essences, and of S that were skipped.

    Attributes:
        ids: N names.
        groups: N names.
        splits: N names, or none where none is laid down.
        labels: int32 tensor (N,), indices into the classes of the manifest.
        lines: int64 (N, 2), where in ``clips.jsonl`` each clip's line begins and ends, in bytes.
        skipped: int64 (S, 2), the same of the clips that were skipped.
    """

    ids: Names
    groups: Names
    splits: Names
    labels: Tensor
    lines: np.ndarray
    skipped: np.ndarray


def write_index(path: Path, lines: Sequence[Mapping], classes: Sequence[str]) -> dict[str, dict]:
    """Write the index of a store whose lines are complete.

    Args:
        path: folder of the store.
        lines: all of them, in order.
        classes: the K class names.

    Returns:
        What the manifest says of both files.

    Raises:
        StoreError: if an id occurs twice, or the file holds other lines.
        OSError: if it cannot be written.
    """
    with (path / LINES).open("rb") as file:
        sizes = np.array([len(raw) for raw in file if raw.endswith(b"\n")], np.int64)
    if len(sizes) != len(lines):  # where the lock of a file system does nothing
        raise StoreError(f"{path}: another process has written there; run the same again")
    ends = np.cumsum(sizes)
    spans = np.stack([ends - sizes, ends], axis=1)
    has_essences = np.array(["checksum" in line for line in lines], bool)
    written = [line for line in lines if "checksum" in line]
    arrays = {
        **_names_of(path, written),
        "labels": _labels_of(written, classes),
        "lines": spans[has_essences],
        "skipped": spans[~has_essences],
    }
    write_whole(path / INDEX, safetensors.numpy.save(arrays))
    return {"lines": told_of(path / LINES), "index": told_of(path / INDEX)}


def read_index(path: Path, manifest: Mapping) -> Index | None:
    """The index of a finished store, mapped; None where none fits the manifest."""
    file = path / INDEX
    if "index" not in manifest or not file.exists() or told_of(file) != manifest["index"]:
        return None
    with safe_open(file, "pt") as opened:
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    ids, groups, splits = (_names_in(arrays, kind) for kind in ("ids", "groups", "splits"))
    return Index(
        ids=ids,
        groups=groups,
        splits=splits,
        labels=tensors["labels"],
        lines=arrays["lines"],
        skipped=arrays["skipped"],
    )


def told_of(file: Path) -> dict[str, int]:
    """Size and CRC-32 of a file, which is read block by block: no more of it stays in memory."""
    crc = size = 0
    with file.open("rb", buffering=0) as opened:
        while block := opened.read(_BLOCK_BYTES):
            crc, size = zlib.crc32(block, crc), size + len(block)
    return {"bytes": size, "crc32": crc}


def _names_of(path: Path, written: Sequence[Mapping]) -> dict[str, np.ndarray]:
    ids = [line["id"] for line in written]
    if len(set(ids)) < len(ids):
        raise StoreError(f"{path}: clip_ids must differ from one another, some occur twice")
    splits = [line.get("split", "") for line in written]
    kinds = {
        "ids": Names.of(ids, distinct=True),
        "groups": Names.of(unified([line["group"] for line in written]), distinct=False),
        "splits": Names.of(splits if any(splits) else (), distinct=False),
    }
    arrays: dict[str, np.ndarray] = {}
    for kind, names in kinds.items():
        arrays |= {f"{kind}.text": names.text, f"{kind}.offsets": names.offsets}
        if names.codes is not None:
            arrays[f"{kind}.codes"] = names.codes
    return arrays


def _names_in(arrays: Mapping[str, np.ndarray], kind: str) -> Names:
    text, offsets = arrays[f"{kind}.text"], arrays[f"{kind}.offsets"]
    return Names(text, offsets, arrays.get(f"{kind}.codes"))


def _labels_of(written: Sequence[Mapping], classes: Sequence[str]) -> np.ndarray:
    number = {name: k for k, name in enumerate(classes)}
    return np.array([number[line["label"]] for line in written], np.int32)
