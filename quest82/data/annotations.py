"""Clips from files that name them: tables of one's own, and those of two large data sets.

A row names a video by its path, or as the data set's own files do: Kinetics by the video's id on
YouTube with its seconds, Something-Something V2 by a number. What a row is made of is told by the
names of its columns.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath

from ..download import Cache
from ..download.remote import is_url, shown
from .cells import (
    Missing,
    Unusable,
    label_of,
    part_of,
    span_in_words,
    split_of,
    text_of,
    without_brackets,
)
from .clips import Clip, group_in, pattern_of, unified
from .files import EXTENSIONS, fits_in_a_line
from .places import LocalFolder, Place, place_of
from .tables import Row, few, read_table


def from_annotations(
    root: str | Path | Place,
    tables: Sequence[str | Path],
    *,
    groups: str | None = None,
    endings: Collection[str] = EXTENSIONS,
    cache: Cache | None = None,
) -> list[Clip]:
    """The clips that annotations name, in the order of their ids.

    A CSV (separated by commas, semicolons or tabs) has a line with the names of its columns, or a
    JSON file is a list of objects with these names: path (in the folder, or a URL) and label, and
    where they are known group, split ("train", "val" or "test"), start and end (seconds from the
    video's first frame; the clip is that part of it, and its id names it). Kinetics' columns
    (label, youtube_id, time_start, time_end, split) and Something-Something V2's keys (id,
    template or label) are known, too; the latter's list of labels, given along, is held against
    the rows.

    Args:
        root: the folder of the videos, or its URL, as for `clips.from_folder`. Of a web server the
            rows are believed: a video that is not there is found out by reading.
        tables: one file, or several, such as one for each part of the split.
        groups: as for `clips.from_folder`. None: the column; without one, all clips of a video
            are a group.
        endings: of the files that are clips, in small letters.
        cache: through which videos come from URLs; None: `download.default_cache`.

    Raises:
        FetchError: if a URL cannot be listed.
        ValueError: if a file cannot be read, or rows cannot be used: how many, and for the first
            few the line, the value, and what it must be.
    """
    place, pattern = place_of(root, cache), pattern_of(groups)
    place.require("the videos")
    rows: list[Row] = []
    labels: set[str] = set()
    for table in map(Path, tables):
        more, known = read_table(table)
        rows += more
        labels |= {without_brackets(label) for label in known}
    if not rows:
        raise ValueError(f"{', '.join(map(str, tables))}: no row names a clip; add some")
    clips = _Reader(place, endings).clips(rows, labels)
    if pattern:
        clips = [replace(clip, group=group_in(clip.file_name, pattern)) for clip in clips]
    one_name = unified([clip.group for clip in clips])
    clips = [replace(clip, group=name) for clip, name in zip(clips, one_name, strict=True)]
    return sorted(clips, key=lambda clip: clip.id)


def rows_as_clips(tables: Sequence[str | Path], path: Path) -> list[Clip]:
    """Clips for the rows of one array file, in the order of the table; path names them.

    Raises:
        ValueError: as `from_annotations`, but nothing need be there under the names.
    """
    rows = [row for table in map(Path, tables) for row in read_table(table)[0]]
    named = _Named(LocalFolder(path.parent))
    return [replace(clip, path=path) for clip in named.clips(rows, set())]


class _Reader:
    """Makes clips of rows.

    Args:
        place: the folder of the videos.
        endings: of the files that are clips.
    """

    def __init__(self, place: Place, endings: Collection[str] = EXTENSIONS) -> None:
        self.place, self.endings = place, endings

    @cached_property
    def composed(self) -> dict[str, str]:
        """The names of the videos, by their form with composed letters."""
        names = self.place.videos(self.endings)
        return {unicodedata.normalize("NFC", name): name for name in names}

    @cached_property
    def stems(self) -> dict[str, list[str]]:
        """The same by what they are called without folder and ending."""
        found: dict[str, list[str]] = {}
        for name in sorted(self.composed.values()):
            found.setdefault(PurePosixPath(name).stem, []).append(name)
        return found

    def clips(self, rows: Sequence[Row], labels: set[str]) -> list[Clip]:
        """One for each row; all that is wrong is told together."""
        found: dict[str, tuple[Row, Clip]] = {}
        wrong: list[tuple[Row, Unusable]] = []
        for row in rows:
            try:
                clip = self._clip(row)
                _require_known(clip.label, labels)
                if clip.id in found:
                    raise Unusable(
                        f"{clip.id!r} stands in {found[clip.id][0].place}, too; leave one out"
                    )
                found[clip.id] = row, clip
            except Unusable as error:
                wrong.append((row, error))
        wrong += _misspelled(found.values()) + _half_split(found.values())
        _refuse(wrong, len(rows), self.place)
        return [clip for _, clip in found.values()]

    def _clip(self, row: Row) -> Clip:
        values = row.values
        name, is_cut = self._video(values)
        start, end = (None, None) if is_cut else part_of(values)
        part = "" if start is None and end is None else f" {span_in_words(start, end)}"
        (path, remote), told = self.place.file(name), shown(name) if is_url(name) else name
        return Clip(
            f"{told}{part}",
            label_of(values),
            text_of(values, "group") or values.get("youtube_id") or told,
            path,
            start=start,
            end=end,
            split=split_of(values),
            remote=remote,
        )

    def _video(self, values: Mapping[str, str]) -> tuple[str, bool]:
        """The name of a row's video, and whether it holds no more than what start and end say."""
        if "path" in values:
            return self._by_path(values["path"]), False
        if "youtube_id" in values:
            return self._of_kinetics(values)
        return self._of_stem(values.get("id", ""), "id"), False

    def _by_path(self, path: str) -> str:
        if not path or not fits_in_a_line(path):
            raise Unusable(f"path ({path!r}) must be the name of a video in the folder")
        if is_url(path):
            return path
        known = self.composed if self.place.is_listed else {}
        if name := known.get(unicodedata.normalize("NFC", path)):
            return name  # macOS takes letters and their accents apart
        pure = PurePosixPath(path.replace("\\", "/"))
        if pure.is_absolute() or PureWindowsPath(path).drive or ".." in pure.parts:
            raise Unusable(f"path ({path!r}) must be relative to the folder and lie within it")
        if self.place.is_listed and pure.as_posix() not in known and not self.place.holds(pure):
            raise Missing(f"path ({path!r})")
        return pure.as_posix()

    def _of_kinetics(self, values: Mapping[str, str]) -> tuple[str, bool]:
        """As its files are named: cut out, with six digits for each second, or whole."""
        start, end = part_of(values)
        cut = f"{values['youtube_id']}_{int(start or 0):06d}_{int(end or 0):06d}"
        if cut in self.stems:
            return self._of_stem(cut, "youtube_id"), True
        return self._of_stem(values["youtube_id"], "youtube_id"), False

    def _of_stem(self, stem: str, column: str) -> str:
        found = self.stems.get(stem, [])
        if not found:
            raise Missing(f"{column} ({stem!r})")
        if len(found) > 1:
            raise Unusable(
                f"{column} ({stem!r}) must name one video, but there are {found[0]!r} and "
                f"{found[1]!r}; leave one out"
            )
        return found[0]


class _Named(_Reader):
    """Makes clips of rows whose paths are mere names."""

    def _video(self, values: Mapping[str, str]) -> tuple[str, bool]:
        name = values.get("path") or values.get("youtube_id") or values.get("id", "")
        if not name or not fits_in_a_line(name):
            raise Unusable(f"path ({name!r}) must be a name in one line")
        return name, False


def _require_known(label: str, labels: set[str]) -> None:
    if labels and label not in labels:
        raise Unusable(f"label ({label!r}) is not in the list of labels; correct one of them")


def _misspelled(found: Iterable[tuple[Row, Clip]]) -> list[tuple[Row, Unusable]]:
    """Labels that differ from an earlier one in case or in blanks alone."""
    first: dict[str, tuple[Row, str]] = {}
    wrong = []
    for row, clip in found:
        key = " ".join(clip.label.casefold().split())
        earlier, label = first.setdefault(key, (row, clip.label))
        if label != clip.label:
            text = f"label ({clip.label!r}) is spelled {label!r} in {earlier.place}; take one"
            wrong.append((row, Unusable(text)))
    return wrong


def _half_split(found: Iterable[tuple[Row, Clip]]) -> list[tuple[Row, Unusable]]:
    """Rows without a split, where others have one."""
    rows = [(row, clip.split) for row, clip in found]
    if not any(split for _, split in rows):
        return []
    text = "split is empty, but other rows have one; fill in train, val or test"
    return [(row, Unusable(text)) for row, split in rows if not split]


def _refuse(wrong: Sequence[tuple[Row, Unusable]], num_rows: int, place: Place) -> None:
    """One error for all that is wrong with rows, if anything is."""
    missing = [f"{row}: {error}" for row, error in wrong if isinstance(error, Missing)]
    others = [f"{row}: {error}" for row, error in wrong if not isinstance(error, Missing)]
    told = []
    if others:
        told += [f"{len(others)} of {num_rows} rows cannot be used; correct them:", *few(others)]
    if missing:
        told += [
            f"{len(missing)} of {num_rows} rows name videos that are not in {place}; correct the "
            "names, which are relative to it, fetch the videos, or leave the rows out:",
            *few(missing),
        ]
    if told:
        raise ValueError("\n".join(told))
