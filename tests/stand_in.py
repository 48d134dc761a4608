"""A program in the place of a worker's: what it does stands in the name of the clip."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from quest82.data.clips import Clip
from quest82.frames.workers import Workers

# Speaks the workers' language without importing anything heavy. A clip's name says what happens.
PROGRAM = """
import json, os, signal, sys, time
print(json.dumps({"kind": "ready"}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    name = os.path.basename(request["path"])
    with open(LOG, "a") as file:
        file.write(name + "\\n")
    if "hang" in name:
        time.sleep(1000)
    if "crash" in name:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "once" in name and not os.path.exists(LOG + name):
        open(LOG + name, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if "half" in name:
        sys.stdout.buffer.write(b'{"kind": "frames", "shape": [100]}\\nonly')
        sys.exit(3)
    time.sleep(0.05 if "slow" in name else 0)
    T, S = request["spec"]["num_frames"], request["spec"]["size"]
    V = len(request["views"])
    header = json.dumps({"kind": "frames", "shape": [V, T, 3, S, S]}).encode()
    sys.stdout.buffer.write(header + b"\\n" + bytes([int(name[-1])]) * (V * T * 3 * S * S))
    sys.stdout.buffer.flush()
"""


def clips_named(*names: str) -> list[Clip]:
    return [Clip(name, "", name, Path("/made/up") / name) for name in names]


def have_ended(processes: Sequence[subprocess.Popen]) -> bool:
    return all(process.poll() is not None for process in processes)


def read_all(clips, spec, *, num_workers, time_limit_seconds):
    """All views of many clips, by workers that end with the reading."""
    wanted = ((clip, range(spec.num_views)) for clip in clips)
    workers = Workers(num_workers=num_workers, time_limit_seconds=time_limit_seconds)
    with workers, closing(workers.read(wanted, spec)) as frames:
        yield from frames
