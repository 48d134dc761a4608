"""A store in pieces: shards, made anywhere and at any time, and merged into one.

Shard 3 of 16 holds the clips whose id falls to it by a hash, so that it does not matter who makes
which shard when, and a clip that is added moves no other. Below the folder of the store to be:

- ``shards/03-of-16.json``: which list of clips it is of, and the places of its own clips in it;
- ``shards/03-of-16/``: its essences, a store like any other (`files`), which goes on where it was;
- ``shards/03-of-16.lock``: held by the process that writes there.

`merging` puts the clips back into the order of the list.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from ..data.clips import Clip
from ..outputs import write_whole
from .files import LINES, StoreError, parse_lines
from .reader import begun_store, is_complete

SHARDS = "shards"
_NAME = re.compile(r"(\d+)-of-(\d+)")


@dataclass(frozen=True)
class Shard:
    """One of several shares of a list of clips.

    Attributes:
        number: which, from 1.
        total: how many there are.

    Raises:
        ValueError: if there is no such share.
    """

    number: int
    total: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.total:
            raise ValueError(f"shard {self.number}/{self.total}: must be from 1/N to N/N")

    @classmethod
    def of(cls, text: str) -> Shard:
        """A shard as it is written on the command line, such as 3/16.

        Raises:
            ValueError: if it is not two numbers, or there is no such share.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if not found:
            raise ValueError(f"shard {text!r}: must be a number and how many there are, as in 3/16")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"

    @property
    def name(self) -> str:
        """What its files are called: 03-of-16."""
        return f"{self.number:0{len(str(self.total))}d}-of-{self.total}"

    def takes(self, clip_id: str) -> bool:
        """Whether a clip is in it; each is in exactly one, whatever else is in the list."""
        key = hashlib.sha256(clip_id.encode()).digest()
        return int.from_bytes(key[:8], "big") % self.total == self.number - 1


@dataclass(frozen=True)
class ShardState:
    """How far a shard is.

    Attributes:
        shard: which.
        num_clips: that it is to hold; None: nobody has begun it.
        num_done: that are written or skipped.
        complete: whether it can be merged.
    """

    shard: Shard
    num_clips: int | None = None
    num_done: int = 0
    complete: bool = False


def folder_of(path: str | Path, shard: Shard) -> Path:
    """Where a shard of the store at `path` is written."""
    return Path(path) / SHARDS / shard.name


def begin_shard(path: str | Path, clips: Sequence[Clip], shard: Shard) -> list[Clip]:
    """Note which list a shard is of.

    Args:
        path: folder of the store to be.
        clips: the whole list, in the order of the store.
        shard: the share.

    Returns:
        Its clips, in the same order.

    Raises:
        StoreError: if there is a store already, or shards of another number.
    """
    path = Path(path)
    if begun_store(path):
        raise StoreError(
            f"{path}: is a store already; extract into it without a shard to add what is new, or "
            "choose another folder"
        )
    _require_division(path, _found(path), shard.total)
    places = [place for place, clip in enumerate(clips) if shard.takes(clip.id)]
    noted = {"list": _digest_of(clips), "clips": len(clips), "places": places}
    folder = folder_of(path, shard)
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_whole(folder.with_suffix(".json"), json.dumps(noted).encode())
    return [clips[place] for place in places]


def lock_of(path: str | Path, shard: Shard) -> FileLock:
    """Held by the process that writes a shard, on whatever machine that shares the folder."""
    return FileLock(folder_of(path, shard).with_suffix(".lock"), timeout=0)


def states_of(path: str | Path) -> list[ShardState]:
    """How far each shard of a store to be is, those that nobody has begun included.

    Raises:
        StoreError: if there are no shards, they are of different numbers, or one is damaged.
    """
    path = Path(path)
    found = _found(path)
    if not found:
        raise StoreError(f"{path}: holds no shards; make them with `quest82 extract --shard`")
    total = found[0].total
    _require_division(path, found, total)
    every = (Shard(number, total) for number in range(1, total + 1))
    return [state_of(path, shard) if shard in found else ShardState(shard) for shard in every]


def note_of(path: Path, shard: Shard) -> dict:
    """Which list a shard is of, how many clips that has, and the places of the shard's own.

    Raises:
        StoreError: if it is damaged.
    """
    file = folder_of(path, shard).with_suffix(".json")
    try:
        note = json.loads(file.read_bytes())
        return {name: note[name] for name in ("list", "clips", "places")}
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{file}: is damaged ({error}); run the shard again") from error


def lines_of(path: Path, shard: Shard) -> list[dict]:
    """The lines of the clips of a shard that are written or skipped."""
    folder = folder_of(path, shard)
    return [line for _, line in parse_lines(folder)] if (folder / LINES).exists() else []


def state_of(path: str | Path, shard: Shard) -> ShardState:
    """How far a shard is that was begun."""
    path = Path(path)
    folder, places = folder_of(path, shard), note_of(path, shard)["places"]
    num_done = len(lines_of(path, shard))
    complete = not places or (is_complete(folder) and num_done == len(places))
    return ShardState(shard, len(places), num_done, complete)


def _found(path: Path) -> list[Shard]:
    stems = [file.stem for file in sorted((path / SHARDS).glob("*.json"))]
    return [Shard(int(m[1]), int(m[2])) for m in map(_NAME.fullmatch, stems) if m]


def _require_division(path: Path, found: Sequence[Shard], total: int) -> None:
    others = sorted({shard.total for shard in found} - {total})
    if others:
        raise StoreError(
            f"{path / SHARDS}: holds shards of {others[0]} beside {total}; delete those that are "
            "not wanted"
        )


def _digest_of(clips: Sequence[Clip]) -> str:
    """Tells lists of clips by what a store holds of them; where the files lie does not matter."""
    key = hashlib.sha256()
    for c in clips:
        key.update(json.dumps([c.id, c.label, c.group, c.start, c.end, c.split]).encode())
    return key.hexdigest()[:32]
