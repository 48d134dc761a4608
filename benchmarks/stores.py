"""How long does a store take to open, and how much memory, by its number of clips and its format?

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/stores.py

Made-up clips of 2 frames of 8 numbers, each a group of its own, in 100 classes: rows so small that
what is measured is the opening. Each store is opened by a fresh process after all is imported, then
one batch of 256 clips from all over it is read, then every name and every number. Beside a busy
neighbour the time that the process had a core says more than the clock.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from table import publish

from quest82.essences.files import FORMATS, INDEX, LINES, MANIFEST, NUMBERS, checksum_of, header_of
from quest82.essences.writer import StoreWriter

SIZES = (10_000, 100_000, 1_000_000)
T, D, K = 2, 8, 100

OPEN = """
import json, sys, time
import psutil, torch
from quest82.essences import EssenceSet

here, figures = psutil.Process(), {}
before = here.memory_info().rss
def measure(name, action):
    start, start_cpu = time.perf_counter(), time.process_time()
    result = action()
    figures[name + "_s"] = time.perf_counter() - start
    figures[name + "_core_s"] = time.process_time() - start_cpu
    figures[name + "_mb"] = (here.memory_info().rss - before) / 1e6
    return result

data = measure("open", lambda: EssenceSet.load(sys.argv[1]))
rows = torch.arange(0, len(data), len(data) // 256)[:256]
measure("batch", lambda: data.batch(rows))
measure("names", lambda: [len(set(names)) for names in (data.clip_ids, data.groups)])
measure("all", lambda: data.essences)
print(json.dumps(figures))
"""


def make_store(path: Path, num_clips: int) -> None:
    """A store of the present format; the files a run leaves that is killed at its very end."""
    classes = [f"class {k:02d}" for k in range(K)]
    StoreWriter(path, {"num_frames": T}, classes, (T, D))
    rows = np.random.default_rng(0).standard_normal((num_clips, T, D), np.float32).astype("<f2")
    (path / NUMBERS).write_bytes(header_of(0, (T, D)) + rows.tobytes())
    with (path / LINES).open("w", encoding="utf-8") as file:
        for i, row in enumerate(rows):
            name = f"{classes[i % K]}/{i:07d}.mp4"
            line = {"id": name, "label": classes[i % K], "group": name}
            line["digest"] = f"{48213 + i}-5f0c9a7be1d24388"
            file.write(json.dumps(line | {"checksum": checksum_of(row, line)}) + "\n")
    StoreWriter(path, {"num_frames": T}, classes, (T, D)).finish()


def as_first_format(path: Path, copy: Path) -> None:
    """The same store without an index."""
    shutil.copytree(path, copy)
    (copy / INDEX).unlink()
    manifest = json.loads((copy / MANIFEST).read_text("utf-8"))
    kept = {name: value for name, value in manifest.items() if name not in ("lines", "index")}
    (copy / MANIFEST).write_text(json.dumps(kept | {"format": FORMATS[0]}), "utf-8")


def opened(path: Path) -> dict[str, float]:
    command = [sys.executable, "-c", OPEN, str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def measured(folder: Path, num_clips: int) -> dict[int, dict[str, float]]:
    """Figures of both formats."""
    new, old = folder / "2", folder / "1"
    start = time.perf_counter()
    make_store(new, num_clips)
    as_first_format(new, old)
    print(f"{num_clips} clips made in {time.perf_counter() - start:.0f} s", flush=True)
    sizes = {f"{name}_bytes": (new / name).stat().st_size for name in (NUMBERS, LINES, INDEX)}
    found = {1: opened(old), 2: opened(new) | sizes}
    shutil.rmtree(new)
    shutil.rmtree(old)
    return found


def row(num_clips: int, version: int, figures: dict[str, float]) -> dict[str, str]:
    return {
        "clips": f"{num_clips:,}",
        "format": str(version),
        "opened after": f"{figures['open_s']:.2f} s",
        "of a core": f"{figures['open_core_s']:.2f} s",
        "memory": f"{figures['open_mb']:.0f} MB",
        "a batch after": f"{1000 * figures['batch_s']:.0f} ms",
        "all names after": f"{figures['names_s']:.2f} s",
        "all checked after": f"{figures['all_s']:.2f} s",
        "memory at the end": f"{figures['all_mb']:.0f} MB",
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = {size: measured(Path(folder), size) for size in SIZES}
    rows = [row(size, k, figures) for size, both in found.items() for k, figures in both.items()]
    publish("stores", rows, figures={str(size): both for size, both in found.items()})


if __name__ == "__main__":
    main()
