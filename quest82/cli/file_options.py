"""Options for the files that answers are written to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ..outputs import require_writable

Csv = Annotated[Path | None, typer.Option(help="Table of all answers, a line for each.")]
Json = Annotated[Path | None, typer.Option(help="The same and more, for programs.")]

ENDINGS = (".png", ".svg", ".pdf")
Plot = Annotated[Path | None, typer.Option(help="Figure of the confusions (.png, .svg, .pdf).")]


@dataclass(frozen=True)
class FileOptions:
    """Where answers are written, beside what is printed."""

    csv: Csv = None
    json: Json = None

    @property
    def paths(self) -> list[Path]:
        """The files that are wanted."""
        return [path for path in vars(self).values() if path is not None]

    def require_writable(self) -> None:
        """Refuse a file that cannot be written, before the work.

        Raises:
            ValueError: names it.
        """
        for path in self.paths:
            require_file(path)


@dataclass(frozen=True)
class ReportOptions(FileOptions):
    """Where answers to labelled clips are written."""

    plot: Plot = None

    def require_writable(self) -> None:
        """As above; the plot has to be of a kind that can be drawn.

        Raises:
            ValueError: names the file.
        """
        super().require_writable()
        if self.plot is not None:
            require_figure(self.plot)


def require_file(path: Path) -> Path:
    """Refuse a name under which no file can be written; nothing is left behind."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise ValueError(f"{path}: cannot be written; give a file name in a folder that exists")
    return require_writable(path)


def require_figure(path: Path) -> None:
    """Refuse a name whose ending is of no kind that can be drawn."""
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(f"plot ({path}) must end in one of {', '.join(ENDINGS)}; rename it")
