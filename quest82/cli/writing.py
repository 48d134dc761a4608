"""Answers as files: a table that grows line by line, and JSON that is whole or not there."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..outputs import write_whole

if TYPE_CHECKING:
    from typing_extensions import Self

_ESCAPES = "backslashreplace"  # for file names in no encoding; what it writes is proper JSON, too


def write_json(path: Path, content: object) -> None:
    """Write values as JSON, as a whole or not at all."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_whole(path, text.encode("utf-8", _ESCAPES))


class Table:
    """A CSV file (UTF-8, comma, header) whose lines are on disk as soon as they are added.

    Args:
        path: the file; None writes nothing.
        columns: the names in its header.
    """

    def __init__(self, path: Path | None, columns: Sequence[str]) -> None:
        self._file = None if path is None else path.open("w", 1, "utf-8", _ESCAPES, newline="")
        self._writer = csv.DictWriter(self._file, columns, restval="") if self._file else None
        if self._writer:
            self._writer.writeheader()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def add(self, row: Mapping[str, object]) -> None:
        """One line; columns that the row does not name stay empty."""
        if self._writer:
            self._writer.writerow(row)


def probability_columns(classes: Iterable[str]) -> list[str]:
    """What the columns of probabilities are called, so that no class hides another column."""
    return [f"p({name})" for name in classes]


def probability_row(classes: Sequence[str], probabilities: Sequence[float]) -> dict[str, str]:
    """Those columns of one line, with six digits."""
    columns = probability_columns(classes)
    return {name: f"{p:.6f}" for name, p in zip(columns, probabilities, strict=True)}
