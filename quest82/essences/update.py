"""A store follows its files: what it holds is kept, what is new or changed is made, and no more.

Each line remembers its clip's file by content (`clips.digest_of`), and the part of it that the clip
is. New essences are appended to the store itself as long as it is unfinished, and to a store
``added`` inside it afterwards, in the order in which they are made. When none is missing, the next
state is put together in ``next``, clip by clip in the order of the list, and its files take the
place of the old ones, the manifest last.

Whenever a run is killed, the next one finds either the old state and what was added to it, or a
complete ``next`` of which some files may have moved, and moves the others first.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.clips import Clip, classes_of
from ..data.fetched import digest_told
from .files import FILES, NEXT, StoreError, unchecked
from .reader import begun_store, is_complete, read_row
from .writer import StoreWriter

_ADDED = "added"


@dataclass(frozen=True)
class _Entry:
    """What a folder holds of one clip: its line, and which row its numbers are, if it has any."""

    folder: Path
    line: dict
    row: int

    @property
    def has_essences(self) -> bool:
        return "checksum" in self.line

    def holds(self, clip: Clip, digest: str | None) -> bool:
        """Whether it can stay: it is the same part, and its file is the same, or away for now."""
        if (self.line.get("start"), self.line.get("end")) != (clip.start, clip.end):
            return False
        if digest is None:
            return True
        return self.has_essences and self.line.get("digest") == digest

    def line_for(self, clip: Clip) -> dict:
        """The line under which it is kept; a clip may have another label or group by now."""
        rest = {k: v for k, v in unchecked(self.line).items() if k in ("digest", "skipped")}
        return {**_line(clip, None), **rest}


class StoreUpdate:
    """Brings a store to the state that a fresh extraction of a list of clips would give it.

    Args:
        path: folder of the store; made if it is missing.
        clips: the list; ids occur once.
        settings: how the essences are made.
        row_shape: (T, D) or (V, T, D).

    Attributes:
        missing: the clips that are new, changed, or were skipped, in the order of the list. Each
            is to be given to `add` or `skip`; then comes `finish`.

    Raises:
        StoreError: see `StoreWriter`.
    """

    def __init__(
        self, path: Path, clips: Sequence[Clip], settings: Mapping, row_shape: tuple[int, ...]
    ) -> None:
        self.path, self.clips, self.settings, self.row_shape = path, clips, settings, row_shape
        self._how = (settings, classes_of(clips), row_shape)
        finish_move(path)
        self._main = StoreWriter(path, *self._how)
        self._added = self._open_added() if begun_store(path / _ADDED) else None
        self._chosen = self._what_can_stay()
        self.missing = [clip for clip in clips if clip.id not in self._chosen]

    @property
    def is_due(self) -> bool:
        """Whether something will be written; clips that were skipped may be skipped again."""
        skipped = {line["id"] for line in self._main.skipped}
        return any(clip.id not in skipped for clip in self.missing)

    def add(self, clip: Clip, digest: str | None, essences: np.ndarray) -> None:
        """Write a missing clip's essences, (T, D) or (V, T, D)."""
        writer = self._writer()
        writer.add(_line(clip, digest), essences)
        self._chosen[clip.id] = _Entry(writer.path, writer.lines[-1], writer.num_rows - 1)

    def skip(self, clip: Clip, digest: str | None, reason: str) -> None:
        """Note why a missing clip cannot be read, unless that is what the store says already."""
        line = {**_line(clip, digest), "skipped": reason}
        if line not in self._main.skipped:
            self._writer().skip(line)
        self._chosen[clip.id] = _Entry(self.path, line, 0)

    def finish(self, *, may_be_empty: bool = False) -> None:
        """Make the next state of what is there now; where nothing has changed, nothing is written.

        Args:
            may_be_empty: not one clip needs to be readable.

        Raises:
            StoreError: if not one clip could be read, or the disk is full.
        """
        entries = [self._chosen[clip.id] for clip in self.clips]
        lines = [entry.line_for(clip) for entry, clip in zip(entries, self.clips, strict=True)]
        if lines != [unchecked(line) for line in self._main.lines]:
            put_together(
                self.path, self._how, self._rows(entries, lines), may_be_empty=may_be_empty
            )
        elif not self._main.complete:
            self._main.finish(may_be_empty=may_be_empty)
        elif not self._main.indexed:
            with suppress(StoreError):  # a store that cannot be written is read as it is
                self._main.write_index()
        for name in (NEXT, _ADDED):
            discard(self.path / name)

    def _what_can_stay(self) -> dict[str, _Entry]:
        known = defaultdict(list)
        for entry in self._entries():
            known[entry.line["id"]].append(entry)
        there = [clip for clip in self.clips if clip.id in known]
        with ThreadPoolExecutor() as pool:
            digests = pool.map(digest_told, there, [_last_digest(known[c.id]) for c in there])
            pairs = list(zip(there, digests, strict=True))
        stay = {}
        for clip, digest in pairs:
            good = [entry for entry in known[clip.id] if entry.holds(clip, digest)]
            if good:  # essences before reasons, and the latest before others
                stay[clip.id] = max(reversed(good), key=lambda entry: entry.has_essences)
        return stay

    def _entries(self) -> Iterator[_Entry]:
        for writer in filter(None, (self._main, self._added)):
            row = 0
            for line in writer.lines:
                yield _Entry(writer.path, line, row)
                row += "checksum" in line

    def _writer(self) -> StoreWriter:
        """Where new essences go: a finished state stays as it is until the next is complete."""
        if not self._main.complete:
            return self._main
        self._added = self._added or self._open_added()
        return self._added

    def _open_added(self) -> StoreWriter:
        folder = self.path / _ADDED
        if not begun_store(folder):
            discard(folder)
        return StoreWriter(folder, *self._how, name=self.path)

    def _rows(
        self, entries: Sequence[_Entry], lines: Sequence[dict]
    ) -> Iterator[tuple[dict, np.ndarray | None]]:
        for entry, line in zip(entries, lines, strict=True):
            if entry.has_essences:
                yield line, read_row(entry.folder, entry.row, self.row_shape, entry.line)
            else:
                yield line, None


def put_together(
    path: Path,
    how: tuple[Mapping, Sequence[str], tuple[int, ...]],
    rows: Iterable[tuple[dict, np.ndarray | None]],
    *,
    may_be_empty: bool = False,
) -> None:
    """Write the next state of a store, and let it take the store's place.

    Args:
        path: folder of the store.
        how: settings, classes and row_shape, as of `StoreWriter`.
        rows: for each clip in order its line, and its essences; None: it was skipped.
        may_be_empty: not one clip needs essences.

    Raises:
        StoreError: what `rows` raises; if there are no essences, or the disk is full.
    """
    folder = path / NEXT
    discard(folder)
    try:
        writer = StoreWriter(folder, *how, name=path)
        for line, row in rows:
            writer.skip(line) if row is None else writer.add(line, row)
        writer.finish(may_be_empty=may_be_empty)
    except StoreError:
        discard(folder)  # copies alone, that would only fill the disk
        raise
    finish_move(path)


def finish_move(path: Path) -> None:
    """Let a complete next state take the store's place, if there is one.

    Raises:
        StoreError: if the system does not allow it; the next run tries again.
    """
    if not is_complete(path / NEXT):
        return
    try:
        for name in FILES:
            if (path / NEXT / name).exists():
                (path / NEXT / name).replace(path / name)
    except OSError as error:
        raise StoreError(
            f"{path}: the new state cannot take its place ({error.strerror}); make the folder "
            "writable, close programs that read the store, and run the same again"
        ) from error


def _last_digest(entries: Sequence[_Entry]) -> str | None:
    """Of the file that essences were last made of."""
    made = [entry.line.get("digest") for entry in entries if entry.has_essences]
    return made[-1] if made else None


def _line(clip: Clip, digest: str | None) -> dict:
    line: dict = {"id": clip.id, "label": clip.label, "group": clip.group}
    known = {"start": clip.start, "end": clip.end, "split": clip.split or None, "digest": digest}
    return line | {name: value for name, value in known.items() if value is not None}


def discard(folder: Path) -> None:
    """Remove a folder inside the store; what is left if this is killed counts for nothing."""
    if folder.exists():
        (folder / FILES[-1]).unlink(missing_ok=True)
        shutil.rmtree(folder)
