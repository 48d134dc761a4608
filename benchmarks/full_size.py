"""All 13,320 clips of UCF101, as tiny files under the official names, through the whole command.

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/full_size.py

Every clip of a class is a link to one film of two frames in the colour of the class, so the right
result is known: equal essences within a class, and every test clip recognised. Memory and time are
taken after every thousand clips: the one should stay flat, the other grow linearly.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import psutil
import torch
from table import publish

from quest82 import cli, video
from quest82.data import ucf101
from quest82.essences import EssenceSet
from quest82.essences.writer import StoreWriter

STEP = 1000


def make_data_set(root: Path) -> None:
    labels = list(dict.fromkeys(name.split("/")[0] for name in ucf101.names()))
    generator = torch.Generator().manual_seed(0)
    for label in labels:
        tiles = torch.randint(256, (1, 3, 2, 2), generator=generator).byte()
        frames = tiles.repeat_interleave(16, 2).repeat_interleave(16, 3)  # (1, 3, 32, 32)
        video.write_video(root / f"{label}.mp4", frames.expand(2, 3, 32, 32), fps=25)
    for name in ucf101.names():
        path = (root / "UCF-101" / name).with_suffix(".mp4")
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(root / f"{path.parent.name}.mp4", path)


def watch_extraction() -> list[dict[str, float]]:
    """After every thousand clips: the seconds they took, and the memory held by then."""
    add, log, here = StoreWriter.add, [], psutil.Process()
    last = time.perf_counter()

    def watched(self: StoreWriter, *arguments: object) -> None:
        nonlocal last
        add(self, *arguments)
        if len(self.lines) % STEP == 0:
            now = time.perf_counter()
            workers = [child.memory_info().rss for child in here.children()]
            log.append(
                {
                    "clips": len(self.lines),
                    "seconds for the last thousand": round(now - last, 1),
                    "MB of the process": round(here.memory_info().rss / 1e6),
                    "MB of the largest worker": round(max(workers, default=0) / 1e6),
                }
            )
            print(log[-1], flush=True)
            last = now

    StoreWriter.add = watched
    return log


def main() -> None:
    log = watch_extraction()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make_data_set(root)
        store, results = root / "essences", root / "results" / "ucf101.json"
        how = ["--num-frames", "2", "--size", "32", "--seeds", "1", "--epochs", "8"]
        where = ["--store", str(store), "--results", str(results), "--device", "cpu"]
        cli.app(["ucf101", str(root / "UCF-101"), "--run", *how, *where], standalone_mode=False)
        report = results.with_name("ucf101-report.json")
        check(EssenceSet.load(store), json.loads(report.read_text("utf-8")))
    publish("full_size", log)


def check(data: EssenceSet, report: dict) -> None:
    assert len(data) == ucf101.NUM_CLIPS
    assert not data.skipped
    for k in range(len(data.classes)):
        own = data.essences[data.labels == k]
        assert torch.equal(own, own[:1].expand_as(own)), data.classes[k]
    (split,) = report["splits"]
    assert (split["train"] + split["watched"], split["test"]) == (9537, 3783)
    for name, figures in split["models"].items():
        print(name, figures["forwards"]["top1"], figures["backwards"]["top1"])
    assert split["models"]["mean"]["forwards"]["top1"][0] > 0.99


if __name__ == "__main__":
    main()
