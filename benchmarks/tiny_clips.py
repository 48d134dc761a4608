"""A hundred thousand tiny clips, in shards: does anything but the time grow?

    OMP_NUM_THREADS=1 python benchmarks/tiny_clips.py

Every clip is a copy of one video of a frame of 8 x 8 pixels, and the network is a stand-in that
repeats the frame's colours 1280 times: what is left is the cost of everything else. Four shards,
of which the second is killed in its middle and run again, then the merge, then opening the store.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import psutil
import torch
from table import publish

from quest82 import video
from quest82.data import clips
from quest82.essences import EssenceSet, Shard, extract_shard, merge
from quest82.frames.view import ViewSpec

NUM_CLIPS, NUM_SHARDS, WIDTH = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, 4, 1280
SPEC = ViewSpec(num_frames=1, size=8)
HOW = {"engine": "plain", "progress": False, "num_workers": 0}


class Killed(Exception):
    pass


class Colours:
    """Essences without a network.

    Args:
        last: the run ends after so many clips.
    """

    name, num_features, device = "colours", WIDTH, torch.device("cpu")

    def __init__(self, last: float = float("inf")) -> None:
        self.left = last

    def fingerprint(self) -> str:
        return "none"

    def __call__(self, frames: torch.Tensor) -> torch.Tensor:
        self.left -= 1
        if self.left < 0:
            raise Killed
        return frames.mean(dim=(3, 4)).repeat(1, 1, WIDTH // 3 + 1)[..., :WIDTH]


def timed(what: str, do) -> tuple[dict, object]:
    start, before = time.perf_counter(), time.process_time()
    result = do()
    row = {
        "what": what,
        "seconds": round(time.perf_counter() - start, 1),
        "of a core": round(time.process_time() - before, 1),
        "MB of the process": round(psutil.Process().memory_info().rss / 1e6),
    }
    print(row, flush=True)
    return row, result


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        video.write_video(root / "one.mp4", torch.full((1, 3, 8, 8), 90, dtype=torch.uint8), fps=25)
        one = (root / "one.mp4").read_bytes()
        for k in range(NUM_CLIPS):
            path = root / "clips" / f"{k % 100:02d}" / f"{k:06d}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one)
        row, found = timed("list the folder", lambda: clips.from_folder(root / "clips"))
        rows.append(row)

        def shard(number: int, network: Colours) -> None:
            extract_shard(found, network, root / "out", Shard(number, NUM_SHARDS), SPEC, **HOW)

        for number in range(1, NUM_SHARDS + 1):
            if number == 2:
                try:
                    shard(number, Colours(NUM_CLIPS // NUM_SHARDS // 2))
                except Killed:
                    print("shard 2 is killed", flush=True)
            named = f"shard {number}" + (", its second half" if number == 2 else "")
            rows.append(timed(named, lambda n=number: shard(n, Colours()))[0])
        rows.append(timed("merge", lambda: merge(root / "out", progress=False))[0])
        row, data = timed("open the store", lambda: EssenceSet.load(root / "out"))
        rows.append(row)
        assert len(data) == len(set(data.clip_ids)) == NUM_CLIPS
        assert not data.skipped
        assert torch.equal(data.essences, data.essences[:1].expand_as(data.essences))
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    publish("tiny_clips", rows, num_clips=NUM_CLIPS, largest_megabytes=round(largest))


if __name__ == "__main__":
    main()
