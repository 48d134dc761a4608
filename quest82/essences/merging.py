"""Shards become one store, byte for byte the one that a single process would have made.

The next state is written to ``next``, and its files take their places, the manifest last; then
``shards`` is renamed to ``merged`` and removed. A merge that was killed is run again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from filelock import Timeout
from tqdm import tqdm

from ..data.clips import class_names
from .essence_set import EssenceSet
from .files import NEXT, StoreError, require_same, unchecked
from .reader import is_complete, read_manifest, read_row
from .shards import SHARDS, Shard, ShardState, folder_of, lines_of, lock_of, note_of, states_of
from .update import discard, finish_move, put_together

_MERGED = "merged"


def merge(path: str | Path, *, progress: bool = True) -> EssenceSet:
    """Make one store of all shards, and remove them.

    Args:
        path: the folder below which the shards are.
        progress: show a progress bar.

    Raises:
        StoreError: if a shard is missing, unfinished, being written, damaged, or made of another
            list of clips or with other settings; nothing is lost then.
    """
    path = Path(path)
    finish_move(path)
    if not is_complete(path):
        states = states_of(path)
        _require_finished(path, states)
        with ExitStack() as held:
            for state in states:
                try:
                    held.enter_context(lock_of(path, state.shard))
                except Timeout as error:
                    raise StoreError(
                        f"{path}: shard {state.shard} is being written; wait for it"
                    ) from error
            _write_merged(path, [state.shard for state in states], progress)
    discard(path / NEXT)
    _remove_shards(path)
    return EssenceSet.load(path)


def _write_merged(path: Path, shards: Sequence[Shard], progress: bool) -> None:
    notes = {shard: note_of(path, shard) for shard in shards}
    num_clips = _require_one_list(path, notes)
    order = sorted((place, shard) for shard in shards for place in notes[shard]["places"])
    if [place for place, _ in order] != list(range(num_clips)):
        raise StoreError(f"{path / SHARDS}: a clip is missing or double; extract the shards again")
    made = read_manifest(folder_of(path, order[0][1]))
    lines = {shard: lines_of(path, shard) for shard in shards}
    classes = class_names(line["label"] for own in lines.values() for line in own)
    rows = {shard: _rows_of(folder_of(path, shard), lines[shard], made) for shard in shards}
    bar = tqdm(order, desc="merging", unit="clip", disable=not progress)
    how = (made["settings"], classes, made["row_shape"])
    put_together(path, how, (next(rows[shard]) for _, shard in bar))


def _rows_of(
    folder: Path, lines: Sequence[dict], made: Mapping
) -> Iterator[tuple[dict, np.ndarray | None]]:
    """Each clip of a shard in order: its line, and its essences if it has any."""
    number = 0
    if lines:
        own = read_manifest(folder)
        require_same(folder, own["settings"], made["settings"])
        require_same(folder, {"row_shape": own["row_shape"]}, {"row_shape": made["row_shape"]})
    for line in lines:
        if "checksum" in line:
            yield unchecked(line), read_row(folder, number, made["row_shape"], line)
            number += 1
        else:
            yield line, None


def _require_finished(path: Path, states: Sequence[ShardState]) -> None:
    missing = [str(state.shard) for state in states if state.num_clips is None]
    begun = [state for state in states if state.num_clips is not None and not state.complete]
    if missing:
        more = f" and {len(missing) - 3} others" if len(missing) > 3 else ""
        raise StoreError(
            f"{path}: shard {', '.join(missing[:3])}{more} is missing; extract it, with the same "
            "folder of clips"
        )
    if begun:
        first = begun[0]
        raise StoreError(
            f"{path}: shard {first.shard} is not finished ({first.num_done} of {first.num_clips} "
            "clips); run it again to go on"
        )


def _require_one_list(path: Path, notes: dict[Shard, dict]) -> int:
    """Refuse shards of different lists of clips; else the length of that list."""
    (first, note), *others = notes.items()
    for shard, other in others:
        if other["list"] != note["list"]:
            raise StoreError(
                f"{path}: shard {first} is of {note['clips']} clips and shard {shard} of another "
                f"list, of {other['clips']}; run both again with the same folder of clips"
            )
    return note["clips"]


def _remove_shards(path: Path) -> None:
    """Rename first: what is left if this is killed counts for nothing."""
    if (path / SHARDS).exists():
        shutil.rmtree(path / _MERGED, ignore_errors=True)
        (path / SHARDS).rename(path / _MERGED)
    shutil.rmtree(path / _MERGED, ignore_errors=True)
