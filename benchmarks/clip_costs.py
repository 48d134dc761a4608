"""What does one clip cost, and one start? The measurements behind the chapter "A million clips".

    OMP_NUM_THREADS=1 python benchmarks/clip_costs.py

Times are seconds of a processor core (`time.process_time`, of all threads and child processes), so
that others on the machine change them little; each is the median of the rounds. Curves take turns:
a round measures every point once. Two minutes on one core; writes `book/results/clip_costs.json`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import av
import psutil
import torch
from some_clips import some_clips
from table import machine, markdown

from quest82.data.clips import Clip
from quest82.essences.engines import open_engine
from quest82.frames.view import ViewSpec, pixels_of_view
from quest82.outputs import write_whole
from quest82.systems.mobilenet import MobileNetV2Extractor
from quest82.video import probe, read_frames

FILE = Path(__file__).resolve().parents[1] / "book" / "results" / "clip_costs.json"
SPEC = {"num_frames": 16, "size": 224, "engine": "openvino", "threads": 1, "rounds": 3}
VIEW = ViewSpec(num_frames=SPEC["num_frames"], size=SPEC["size"])
NUM_FRAMES, SIZES, WORKERS = (4, 8, 16, 32), (112, 160, 224, 288), (0, 2)
FEW, MORE = 2, 14  # clips of a command
SOURCES = {"320 x 240": 10, "640 x 480": 10, "1280 x 720": 10, "1920 x 1080": 10, "10 s": 10,
           "20 s": 20, "40 s": 40}  # fmt: skip


def seconds_of(do: Callable[[], object]) -> float:
    start = time.process_time()
    do()
    return time.process_time() - start


def rounds(points: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The median of every point; all are measured once before the first is measured again."""
    found = defaultdict(list)
    for number in range(SPEC["rounds"]):
        print("round", number + 1, "of", *points, flush=True)
        for name, measure in points.items():
            found[name].append(measure())
    return {name: round(median(values), 5) for name, values in found.items()}


def costs_of(clips: list[Clip], view: ViewSpec, extractor: MobileNetV2Extractor) -> list[dict]:
    """Seconds of decoding (with its crop) and of the network, for each clip."""
    run = open_engine(extractor, size=view.size, name=SPEC["engine"])
    frames = {clip.id: pixels_of_view(clip, 0, view) for clip in clips}
    decode = rounds({c.id: lambda c=c: seconds_of(lambda: pixels_of_view(c, 0, view))
                     for c in clips})  # fmt: skip
    network = rounds({c.id: lambda c=c: seconds_of(lambda: run(frames[c.id])) for c in clips})
    return [{"decode": decode[clip.id], "network": network[clip.id]} for clip in clips]


def mean_costs(clips: list[Clip], view: ViewSpec, extractor: MobileNetV2Extractor) -> dict:
    each = costs_of(clips, view, extractor)
    return {k: round(sum(c[k] for c in each) / len(each), 5) for k in ("decode", "network")}


def encoded(origin: Path, path: Path, width: int, height: int, num_frames: int) -> Path:
    """The same frames again and again, forwards and backwards, resized, as H.264 of 25 frames/s."""
    own = min(probe(origin).num_frames, 100)
    frames = read_frames(origin, list(range(own))).permute(0, 2, 3, 1).contiguous().numpy()
    images = [av.VideoFrame.from_ndarray(frame, format="rgb24") for frame in frames]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for k in range(num_frames):
            place = k % (2 * own)
            image = images[min(place, 2 * own - 1 - place)]
            frame = image.reformat(width, height, "yuv420p")
            frame.pts = None
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def sources(origin: Path, folder: Path) -> dict[str, dict]:
    """Seconds of decoding and megabytes, by the size of the video and by its length."""
    clips = {}
    for name, length in SOURCES.items():
        width, height = map(int, name.split(" x ")) if " x " in name else (320, 240)
        path = encoded(origin, folder / f"{name}.mp4", width, height, 25 * length)
        clips[name] = Clip(name, "", name, path)
    decode = rounds({name: lambda c=c: seconds_of(lambda: pixels_of_view(c, 0, VIEW))
                     for name, c in clips.items()})  # fmt: skip
    return {name: {"decode": decode[name], "megabytes": round(c.path.stat().st_size / 1e6, 3)}
            for name, c in clips.items()}  # fmt: skip


def seconds_of_command(clips: list[Clip], workers: int) -> float:
    """Of `quest82 extract`, with all its processes."""
    with tempfile.TemporaryDirectory() as root:
        for clip in clips:
            path = Path(root) / "clips" / "class" / f"{clip.id}{clip.path.suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            os.symlink(clip.path.resolve(), path)
        options = ["--engine", SPEC["engine"], "--workers", str(workers)]
        where = [str(Path(root) / "clips"), str(Path(root) / "out")]
        before = psutil.Process().cpu_times()
        command = [sys.executable, "-m", "quest82", "extract", *where, *options]
        subprocess.run(command, check=True, capture_output=True)
        after = psutil.Process().cpu_times()
    return sum(getattr(after, k) - getattr(before, k) for k in ("children_user", "children_system"))


def commands(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """By the number of workers: seconds of a start, and of each clip after it."""
    few, more = some_clips(FEW, folder), some_clips(MORE, folder)
    points = {(n, len(clips)): lambda n=n, clips=clips: seconds_of_command(clips, n)
              for n in WORKERS for clips in (few, more)}  # fmt: skip
    found = rounds(points)
    slope = {n: (found[n, MORE] - found[n, FEW]) / (MORE - FEW) for n in WORKERS}
    start = {str(n): round(found[n, FEW] - FEW * slope[n], 3) for n in WORKERS}
    return start, {str(n): round(seconds, 5) for n, seconds in slope.items()}


def main() -> None:
    torch.set_num_threads(SPEC["threads"])
    extractor = MobileNetV2Extractor()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = some_clips(6, folder)
        each = [{"megabytes": round(clip.path.stat().st_size / 1e6, 3), **costs}
                for clip, costs in zip(clips, costs_of(clips, VIEW, extractor), strict=True)]  # fmt: skip
        growth = {
            "num_frames": {str(T): mean_costs(clips, replace(VIEW, num_frames=T), extractor)
                           for T in NUM_FRAMES},
            "size": {str(S): mean_costs(clips, replace(VIEW, size=S), extractor) for S in SIZES},
            "source": sources(clips[0].path, folder),
        }  # fmt: skip
        start, whole = commands(folder)
    about = {"spec": SPEC, "machine": machine(), "clips": each, "growth": growth,
             "startup": start, "command": whole}  # fmt: skip
    write_whole(FILE, (json.dumps(about, indent=1) + "\n").encode())
    print(markdown(each))
    print(json.dumps(about, indent=1))


if __name__ == "__main__":
    main()
