"""The file that a script of this folder goes on with: what was asked, and a line for each run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from quest82.outputs import write_whole


def earlier(file: Path) -> list[dict]:
    """The runs that a file holds; none where there is no file."""
    return json.loads(file.read_text("utf-8"))["runs"] if file.exists() else []


def write(file: Path, about: Mapping, runs: Sequence[Mapping]) -> None:
    """Write the file as a whole, or not at all."""
    lines = ",\n".join(json.dumps(run) for run in runs)
    write_whole(file, f'{json.dumps(about)[:-1]}, "runs": [\n{lines}\n]}}\n'.encode())
