"""Runs in processes of their own that can be killed, forked from one that has imported it all.

A process that begins with nothing spends seconds on imports, and these tests begin thirty.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path

from quest82.data import clips
from quest82.essences import Shard, extract, extract_shard, merge
from quest82.frames.view import ViewSpec
from quest82.systems.mobilenet import MobileNetV2Extractor

PLAIN = {"engine": "plain", "progress": False}


class Killable:
    """A run in another process, which says "ready" before it writes anything.

    Args:
        run: called with what says something, and the arguments.
        arguments: that can be pickled.
    """

    def __init__(self, run: Callable, *arguments) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["killable", "quest82.essences.estimate"])
        self._heard, told = context.Pipe(duplex=False)
        self.process = context.Process(target=_say_how_it_went, args=(told, run, arguments))
        self.process.start()
        told.close()
        assert self._heard.recv() == "ready"

    def is_running(self) -> bool:
        return self.process.is_alive()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def result(self) -> str:
        """What it said last: "done", or why it ended."""
        said = self._heard.recv()
        self.process.join()
        return said


def _say_how_it_went(told, run: Callable, arguments: tuple) -> None:
    try:
        run(lambda: told.send("ready"), *arguments)
    except ValueError as error:
        told.send(str(error))
    else:
        told.send("done")


def extraction(ready: Callable, ground: Path, out: Path, most_bytes: int, workers: int) -> None:
    """Extracts the clips of a folder; no file may grow beyond so many bytes (-1: any)."""
    import resource  # POSIX alone has it

    extractor = MobileNetV2Extractor(ground / "weights.pth")
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
    ready()
    spec = ViewSpec(num_frames=3, size=32)
    extract(clips.from_folder(ground / "clips"), extractor, out, spec, num_workers=workers, **PLAIN)


def shard_or_merge(ready: Callable, ground: Path, weights: Path, out: Path, task: str) -> None:
    """Extracts one shard of the clips of a folder, such as "1/2", or merges all of them."""
    ready()
    if task == "merge":
        merge(out, progress=False)
        return
    found, extractor = clips.from_folder(ground / "clips"), MobileNetV2Extractor(weights)
    spec = ViewSpec(num_frames=2, size=32)
    extract_shard(found, extractor, out, Shard.of(task), spec, num_workers=0, **PLAIN)
