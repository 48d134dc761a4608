"""A store held to its checksums, all of it; and the index that an older store has not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout
from tqdm import tqdm

from .files import LINES, StoreError, checksum_of, lock_on, parse_lines, unchecked
from .index import read_index, told_of
from .reader import finished_manifest, map_numbers
from .writer import StoreWriter


@dataclass(frozen=True)
class StoreCheck:
    """What was found in a finished store.

    Attributes:
        num_clips: that have essences.
        num_skipped: that had been skipped.
        damaged: ids of the clips whose numbers or line differ from their checksum.
        has_other_lines: whether ``clips.jsonl`` is not the file that was finished.
        is_indexed: whether it opens at once.
    """

    num_clips: int
    num_skipped: int
    damaged: tuple[str, ...]
    has_other_lines: bool
    is_indexed: bool

    @property
    def is_sound(self) -> bool:
        """Whether all is as it was written."""
        return not self.damaged and not self.has_other_lines


def check_store(path: str | Path, *, progress: bool = True) -> StoreCheck:
    """Hold every clip of a store to its checksum.

    Args:
        path: folder of the store.
        progress: show a progress bar.

    Raises:
        StoreError: if there is no finished store, or its lines or the size of its numbers are wrong
            beyond telling clips.
    """
    path = Path(path)
    manifest = finished_manifest(path)
    lines = [line for _, line in parse_lines(path)]
    written = [line for line in lines if "checksum" in line]
    rows = map_numbers(path, manifest["num_clips"], manifest["row_shape"])
    bar = tqdm(written, "checking", unit="clip", disable=not progress)
    damaged = [
        line["id"]
        for line, row in zip(bar, rows, strict=False)
        if checksum_of(row, unchecked(line)) != line["checksum"]
    ]
    told = manifest.get("lines")  # of which the first format says nothing
    others = len(written) != len(rows) or told not in (None, told_of(path / LINES))
    is_indexed = read_index(path, manifest) is not None
    return StoreCheck(len(rows), len(lines) - len(written), tuple(damaged), others, is_indexed)


def index_store(path: str | Path) -> None:
    """Write the index of a finished store that has none, such as one of the first format.

    Numbers and lines stay as they are; until the manifest is written, so does the store.

    Args:
        path: folder of the store.

    Raises:
        StoreError: if there is no finished store, it is being written, or cannot be written.
    """
    path = Path(path)
    try:
        with lock_on(path):
            manifest = finished_manifest(path)
            how = (manifest["settings"], manifest["classes"], tuple(manifest["row_shape"]))
            StoreWriter(path, *how).write_index()
    except Timeout as error:
        raise StoreError(f"{path}: an extraction is writing there; wait for it") from error
