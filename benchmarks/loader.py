"""How busy is the network kept while frames are decoded for it?

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/loader.py

The plain network evaluates UCF101's clips, frozen, and is trained on them from block 14, through
`fit` and `evaluate` as everybody calls them. Busy is the share of the time in which they do not
wait for frames. Workers take their part of the cores from the network, too, so its pace is held to
the one that it has on frames that lie in memory, measured before and after. The start of the
processes does not count; that each epoch begins with a batch for which it must wait does.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch
from some_clips import some_clips
from table import publish
from torch import Tensor, nn

from quest82.data.clips import Clip
from quest82.frames.frame_set import FrameSet
from quest82.frames.view import ViewSpec
from quest82.learning import TrainConfig, evaluate, fit
from quest82.systems import classifier
from quest82.systems.mobilenet import MobileNetV2Extractor

NUM_CLIPS = 16
CLASSES = ("class", "another")
SPEC = ViewSpec(num_frames=16, size=224, num_views=100)
CONFIG = TrainConfig(epochs=1, batch_size=4, learning_rate=1e-4)


class Watched:
    """A set of frames that notes for how many seconds it was waited for.

    Args:
        data: the set.
        kept: uint8 frames (N, T, 3, S, S) to give in place of those in the files.
    """

    def __init__(self, data: FrameSet, kept: Tensor | None = None) -> None:
        self.data, self.kept, self.waited = data, kept, 0.0

    def __getattr__(self, name: str) -> object:
        return getattr(self.data, name)

    def __len__(self) -> int:
        return len(self.data)

    def batches(self, wanted: Iterable[tuple[Tensor, Tensor | None]]) -> Iterator[Tensor]:
        if self.kept is None:
            batches = self.data.batches(wanted)
        else:
            batches = (self.kept[rows].float() / 255 for rows, _ in wanted)
        while True:
            start = time.perf_counter()
            frames = next(batches, None)
            self.waited += time.perf_counter() - start
            if frames is None:
                return
            yield frames


def evaluating(data: Watched) -> None:
    evaluate(network(MobileNetV2Extractor(), data), data, batch_size=CONFIG.batch_size)


def training(data: Watched) -> None:
    fit(network(MobileNetV2Extractor(trainable_from=14), data), data, CONFIG)


def network(extractor: MobileNetV2Extractor, data: Watched) -> nn.Module:
    return nn.Sequential(extractor, classifier.build("mean", 1280, len(data.classes)))


def measure(run: Callable[[Watched], None], data: FrameSet, kept: Tensor | None = None) -> dict:
    """Seconds in all, and those of them in which frames were waited for."""
    watched = Watched(data, kept)
    data.batch(torch.arange(4))  # starts the processes
    start = time.perf_counter()
    run(watched)
    return {"seconds": time.perf_counter() - start, "waited": watched.waited}


def rows_of(name: str, run: Callable, clips: list[Clip]) -> tuple[list[dict], list[dict]]:
    sets = {n: FrameSet.of(clips, SPEC, classes=CLASSES, num_workers=n) for n in (0, 1, 2)}
    kept = (sets[0].batch(torch.arange(NUM_CLIPS)) * 255).round().byte()
    alone = [measure(run, sets[0], kept)]
    took = {}
    for num_workers, data in sets.items():
        took[num_workers] = measure(run, data)
        data.close()
        print(name, num_workers, took[num_workers], flush=True)
    alone.append(measure(run, sets[0], kept))
    memory = statistics.mean(figures["seconds"] for figures in alone)
    rows = [
        {
            "the plain network": name,
            "workers": num_workers,
            "clips/s": f"{NUM_CLIPS / figures['seconds']:.2f}",
            "busy": f"{100 - 100 * figures['waited'] / figures['seconds']:.0f} %",
            "pace of frames in memory": f"{100 * memory / figures['seconds']:.0f} %",
        }
        for num_workers, figures in took.items()
    ]
    measured = [{"what": name, "workers": n, **figures} for n, figures in took.items()]
    return rows, [*measured, *({"what": name, "workers": "in memory", **a} for a in alone)]


def main() -> None:
    rows, measured = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, run in (("evaluated", evaluating), ("trained from block 14", training)):
            found = rows_of(name, run, some_clips(NUM_CLIPS, Path(folder)))
            rows += found[0]
            measured += found[1]
    publish("loader", rows, rounds=measured)


if __name__ == "__main__":
    main()
