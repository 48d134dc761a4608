"""A result of a benchmark as a markdown table for people and as JSON for programs."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import sklearn
import torch

import quest82

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, str | int]:
    """What a time depends on: the command, versions, processor, threads."""
    return {
        "command": " ".join(["python", *sys.argv]),
        "quest82": quest82.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "scikit-learn": sklearn.__version__,
        "cpu": processor(),
        "threads": torch.get_num_threads(),
    }


def markdown(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows with the same keys as a markdown table; the keys of the first are its head."""
    head = list(rows[0])
    lines = [head, ["---"] * len(head), *([row[key] for key in head] for row in rows)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def publish(name: str, rows: Sequence[Mapping[str, object]], **figures: object) -> None:
    """Print the table and where it was made; write the same, and the figures, to results/."""
    where = machine()
    print(markdown(rows), "", sep="\n")
    print(", ".join(f"{key} {value}" for key, value in where.items()))
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"machine": where, "rows": rows, **figures}, indent=2, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def processor() -> str:
    """The processor's name; Linux keeps it in a file, and elsewhere platform knows it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
