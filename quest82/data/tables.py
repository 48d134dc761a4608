"""Rows of text from a CSV or JSON file, each with the place where it stands."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# The columns that name a video and its class, of which a table has one set.
KNOWN = (
    {"path", "label"},
    {"youtube_id", "time_start", "time_end", "label"},
    {"id", "template"},
    {"id", "label"},
)
_SCALARS = (str, int, float)
_MOST_SHOWN = 5
_SEPARATORS = ",;\t"
# Something-Something names a part of its split in the name of the file alone.
_PARTS = {"train": "train", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        place: where it stands, for a human: "labels.csv, line 7".
        values: name of the column -> text, without blanks around it.
    """

    place: str
    values: Mapping[str, str]

    def __str__(self) -> str:
        return self.place


def read_table(path: Path) -> tuple[list[Row], list[str]]:
    """The rows of a file and the labels that it lists; one of the two is empty.

    Args:
        path: ends in .json, or is a CSV: separated by commas, semicolons or tabs, in UTF-8.

    Raises:
        ValueError: if it cannot be read, lacks columns, or a row has too few or too many.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path}: cannot be opened ({error.strerror}); check the name") from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: is not in UTF-8; save it anew, in a spreadsheet as 'CSV UTF-8'"
        ) from error
    if path.suffix.lower() == ".json":
        return _from_json(path, text)
    return _from_csv(path, text), []


def few(lines: Sequence[str]) -> list[str]:
    """The first of some lines, moved in, and how many more there are."""
    rest = len(lines) - _MOST_SHOWN
    shown = [f"  {line}" for line in lines[:_MOST_SHOWN]]
    return [*shown, f"  and {rest} more"] if rest > 0 else shown


def _from_csv(path: Path, text: str) -> list[Row]:
    first = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        names = [name.strip().lower() for name in next(lines, [])]
        found = [(f"{path}, line {lines.line_num}", cells) for cells in lines]
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {lines.line_num}: is no line of a CSV ({error}); correct it"
        ) from error
    _require_columns(path, names)
    found = [(place, cells) for place, cells in found if any(cell.strip() for cell in cells)]
    if wrong := [f"{place}: {len(c)}, {c[0]!r} ..." for place, c in found if len(c) != len(names)]:
        raise ValueError(
            f"{path}: {len(wrong)} lines do not have {len(names)} values, as the first line has; "
            "correct them, and put values that hold a separator in double quotes:\n"
            + "\n".join(few(wrong))
        )
    return [
        Row(place, {name: cell.strip() for name, cell in zip(names, cells, strict=True)})
        for place, cells in found
    ]


def _from_json(path: Path, text: str) -> tuple[list[Row], list[str]]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}, line {error.lineno}: is no JSON ({error.msg}); correct it"
        ) from error
    if isinstance(content, dict) and all(str(v).isdigit() for v in content.values()):
        return [], list(content)  # Something-Something's labels, with their numbers
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise ValueError(f"{path}: must be a list of objects, each with a clip's path and label")
    rows = []
    for number, entry in enumerate(content, start=1):
        place = f"{path}, entry {number}"
        _require_columns(place, list(entry))
        values = {k: _text(v) for k, v in entry.items() if v is None or isinstance(v, _SCALARS)}
        given = {"split": _part_in(path.stem)} if "template" in values else {}
        rows.append(Row(place, given | values))
    return rows, []


def _text(value: str | float | None) -> str:
    return "" if value is None else str(value).strip()


def _part_in(stem: str) -> str:
    return next((part for word, part in _PARTS.items() if word in stem.lower()), "")


def _require_columns(where: Path | str, names: Sequence[str]) -> None:
    """Refuse what names no clips."""
    if any(known <= set(names) for known in KNOWN):
        return
    has = ", ".join(names) if names else "none"
    raise ValueError(
        f"{where}: names the columns {has}; it must name path and label (or Kinetics' youtube_id, "
        "time_start, time_end and label, or Something-Something's id and template)"
    )
