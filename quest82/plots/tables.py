"""A table to read, and in the book to sort by any of its columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
        heads: number of a row -> a heading above it; a table with headings cannot be sorted.
        better: for each row `max` or `min`, if its largest or smallest cells shall be bold (by the
            numbers with which they begin), or None; empty for no bold cells.

    Raises:
        ValueError: if a row has another number of cells, or `better` is not one for each row.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    chance: float | None = None
    heads: Mapping[int, str] = field(default_factory=dict)
    better: Sequence[Callable[[Iterable[float]], float] | None] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(
                    f"row {list(row)} has {len(row)} cells and the header {len(self.header)}: "
                    "give it one for each column"
                )
        if len(self.better) not in (0, len(self.rows)):
            raise ValueError(
                f"better has {len(self.better)} entries and the table {len(self.rows)} rows: "
                "give max, min or None for each row"
            )

    def __repr__(self) -> str:
        table = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = []
        for number, row in enumerate(table, start=-1):
            lines += [self.heads[number]] if number in self.heads else []
            cells = [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.header)
        body = "".join(map(self._html_row, range(len(self.rows))))
        kind = "grouped" if self.heads else "sortable"
        return (
            f'<table class="table {kind}"><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>"
        )

    def _html_row(self, number: int) -> str:
        first, *rest = self.rows[number]
        bold = self._bold(number)
        cells = "".join(
            f"<td{self._shade(cell)}>{f'<b>{escape(cell)}</b>' if best else escape(cell)}</td>"
            for cell, best in zip(rest, bold, strict=True)
        )
        return f'{self._html_head(number)}<tr><th scope="row">{escape(first)}</th>{cells}</tr>'

    def _html_head(self, number: int) -> str:
        if number not in self.heads:
            return ""
        text = escape(self.heads[number])
        return f'<tr><th scope="rowgroup" colspan="{len(self.header)}">{text}</th></tr>'

    def _bold(self, number: int) -> list[bool]:
        """For each cell of a row behind its name, whether it is the best."""
        values = [_number(cell) for cell in self.rows[number][1:]]
        there = [value for value in values if value is not None]
        best_of = self.better[number] if self.better else None
        best = best_of(there) if best_of and there else None
        return [best is not None and value == best for value in values]

    def _shade(self, cell: str) -> str:
        if self.chance is None or not cell.endswith("%"):
            return ""
        share = max(0.0, (float(cell[:-1]) - self.chance) / (100 - self.chance))
        return f' style="background: rgba(0, 114, 178, {share / 2:.2f})"' if share else ""


def _number(cell: str) -> float | None:
    """That with which a cell begins."""
    found = re.match(r"-?[\d,]*\.?\d+", cell)
    return float(found[0].replace(",", "")) if found else None
