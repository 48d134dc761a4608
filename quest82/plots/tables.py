"""A table to read, and in the book to sort by any of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Table:
    """Rows under a header; in a notebook it is drawn, elsewhere it prints as aligned text.

    In the built book a click on the name of a column sorts by it (`book/_static/sort.js`): by the
    number with which its cells begin, or by the text where they begin with none.

    Attributes:
        header: names of the columns; the first names the rows.
        rows: the cells, as many in each row as there are names.
        chance: in per cent; cells such as "84%" are shaded the more, the farther they lie above it.

    Raises:
        ValueError: if a row has another number of cells.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    chance: float | None = None

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(
                    f"row {list(row)} has {len(row)} cells and the header {len(self.header)}: "
                    "give it one for each column"
                )

    def __repr__(self) -> str:
        lines = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
            for row in lines
        )

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.header)
        body = "".join(map(self._html_row, self.rows))
        return (
            f'<table class="table sortable"><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>"
        )

    def _html_row(self, row: Sequence[str]) -> str:
        first, *rest = row
        cells = "".join(f"<td{self._shade(cell)}>{escape(cell)}</td>" for cell in rest)
        return f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>'

    def _shade(self, cell: str) -> str:
        if self.chance is None or not cell.endswith("%"):
            return ""
        share = max(0.0, (float(cell[:-1]) - self.chance) / (100 - self.chance))
        return f' style="background: rgba(0, 114, 178, {share / 2:.2f})"' if share else ""
