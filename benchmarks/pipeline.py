"""What does extraction cost: does decoding hide behind the network, and how does cost grow?

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/pipeline.py

The network-only rate is taken on frames that lie in memory, before and after each extraction,
in the same process with the same engine. Extraction is everything: decode, crop, pass on,
describe, write; it is timed from the first written clip on, without the start of its processes.
The curves are drawn for the book's appendix.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from some_clips import some_clips
from table import publish

from quest82 import plots
from quest82.essences import extract
from quest82.essences.engines import open_engine
from quest82.essences.writer import StoreWriter
from quest82.frames.view import ViewSpec, pixels_of_view
from quest82.systems.mobilenet import MobileNetV2Extractor

PICTURE = Path(__file__).resolve().parents[1] / "book" / "images" / "costs.svg"
SPEC = ViewSpec(num_frames=16, size=224)
ROUNDS = 2
# Which number of workers is tried with which engine, and on how many clips.
TRIED = {"openvino": ((0, 1, 2), 60), "fused": ((2,), 30), "plain": ((2,), 20)}


def network_rate(extractor: MobileNetV2Extractor, engine: str, folder: Path) -> float:
    """Clips per second where the frames are in memory already."""
    run = open_engine(extractor, size=SPEC.size, name=engine)
    clips = some_clips(6, folder)
    frames = [pixels_of_view(clip, 0, SPEC).contiguous() for clip in clips]
    run(frames[0])
    start = time.perf_counter()
    for clip in 4 * frames:
        run(clip)
    return 4 * len(frames) / (time.perf_counter() - start)


def extraction_rate(
    extractor: MobileNetV2Extractor,
    folder: Path,
    num_clips: int,
    spec: ViewSpec = SPEC,
    **options: object,
) -> float:
    """Clips per second of a whole extraction, from the first clip written to the last."""
    times, add = [], StoreWriter.add

    def timed(self: StoreWriter, *arguments: object) -> None:
        add(self, *arguments)
        times.append(time.perf_counter())

    StoreWriter.add = timed
    try:
        with tempfile.TemporaryDirectory() as out:
            clips = some_clips(num_clips, folder)
            extract(clips, extractor, out, spec, progress=False, **options)
    finally:
        StoreWriter.add = add
    warm = 6  # what was decoded while the engine waited for the first is not counted
    return (len(times) - 1 - warm) / (times[-1] - times[warm])


def overlap(extractor: MobileNetV2Extractor, folder: Path) -> list[dict]:
    rows = []
    for engine, (numbers, num_clips) in TRIED.items():
        for workers in numbers:
            shares, rates = [], []
            for _ in range(ROUNDS):
                before = network_rate(extractor, engine, folder)
                how = {"engine": engine, "num_workers": workers}
                rates.append(extraction_rate(extractor, folder, num_clips, **how))
                after = network_rate(extractor, engine, folder)
                shares.append(rates[-1] / ((before + after) / 2))
            rows.append(
                {
                    "engine": engine,
                    "workers": workers,
                    "clips/s": f"{median(rates):.1f}",
                    "of the network alone": f"{100 * median(shares):.0f} %",
                }
            )
            print(rows[-1], flush=True)
    return rows


def curves(extractor: MobileNetV2Extractor, folder: Path) -> dict[str, dict[str, float]]:
    """Seconds per clip against T, size and workers; bytes of the store against N."""

    def seconds(spec: ViewSpec, **options: object) -> float:
        return 1 / extraction_rate(extractor, folder, 40, spec, **options)

    cost = {
        "num_frames": {T: seconds(replace(SPEC, num_frames=T)) for T in (4, 8, 16, 32)},
        "size": {side: seconds(replace(SPEC, size=side)) for side in (112, 160, 224, 288)},
        "num_workers": {n: seconds(SPEC, num_workers=n) for n in (0, 1, 2, 3)},
        "clips": {},
    }
    for N in (10, 40, 160):
        with tempfile.TemporaryDirectory() as out:
            clips = some_clips(N, folder)
            extract(clips, extractor, out, ViewSpec(size=32), progress=False)
            cost["clips"][N] = sum(file.stat().st_size for file in Path(out).iterdir())
    return {name: {str(k): v for k, v in values.items()} for name, values in cost.items()}


def draw(cost: dict[str, dict[str, float]]) -> None:
    """The figure of the book's appendix."""
    frames, sides = cost["num_frames"], cost["size"]
    panels = {
        "frames per clip, T": {int(T): 1e3 * s for T, s in frames.items()},
        "squared side (1000 px²)": {int(side) ** 2 / 1e3: 1e3 * s for side, s in sides.items()},
    }
    plots.save(plots.costs(panels, y="ms per clip"), PICTURE)


def main() -> None:
    extractor = MobileNetV2Extractor()
    print(f"{torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as folder:
        rows = overlap(extractor, Path(folder))
        cost = curves(extractor, Path(folder))
        publish("pipeline", rows, curves=cost)
        draw(cost)


if __name__ == "__main__":
    main()
