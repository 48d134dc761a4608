"""What Linux says of processes: their memory, and which others they have started."""

from __future__ import annotations

import contextlib
from pathlib import Path


def memory_of(process_id: str, kind: str) -> int:
    """Kilobytes that a process holds ("VmRSS") or held at most ("VmHWM"); 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(kind)), 0)


def children_of(process_id: int) -> list[str]:
    """The processes that a process has started, by whichever of its threads."""
    found = []
    for file in Path(f"/proc/{process_id}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended
            found += file.read_text(encoding="utf-8").split()
    return found
