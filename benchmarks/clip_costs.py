"""What does one clip cost, and one start? The measurements behind the chapter "A million clips".

    OMP_NUM_THREADS=1 python benchmarks/clip_costs.py

Times are seconds of a processor core (`time.process_time`, of all threads and child processes), so
that others on the machine change them little; each is the median of the rounds. Curves take turns:
a round measures every point once. Two minutes of one core; writes `book/results/clip_costs.json`.
A part that the file has is not repeated.
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
from table import machine

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
# Width, height and seconds of videos of the same content.
SOURCES = [(320, 240, 10), (320, 240, 20), (320, 240, 40), (640, 480, 10), (1280, 720, 10),
           (1920, 1080, 10)]  # fmt: skip


def seconds_of(do: Callable[[], object]) -> float:
    start = time.process_time()
    do()
    return time.process_time() - start


def decoding_of(clip: Clip, view: ViewSpec) -> float:
    return seconds_of(lambda: pixels_of_view(clip, 0, view))


def rounds(points: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The median of every point; all are measured once before the first is measured again."""
    found = defaultdict(list)
    next(iter(points.values()))()  # the first of all finds cold caches
    for number in range(SPEC["rounds"]):
        print("round", number + 1, "of", *points, flush=True)
        for name, measure in points.items():
            found[name].append(measure())
    return {name: round(median(values), 5) for name, values in found.items()}


def costs_of(clips: list[Clip], view: ViewSpec, extractor: MobileNetV2Extractor) -> list[dict]:
    """Seconds of decoding (with its crop) and of the network, for each clip."""
    run = open_engine(extractor, size=view.size, name=SPEC["engine"])
    frames = {clip.id: pixels_of_view(clip, 0, view) for clip in clips}
    decode = rounds({c.id: lambda c=c: decoding_of(c, view) for c in clips})
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


def sources(origin: Path, folder: Path) -> list[dict]:
    """Seconds of decoding and megabytes, by the size of the video and by its length."""
    clips = []
    for width, height, length in SOURCES:
        name = f"{width} x {height}, {length} s"
        path = encoded(origin, folder / f"{name}.mp4", width, height, 25 * length)
        clips.append(Clip(name, "", name, path))
    decode = rounds({clip.id: lambda c=clip: decoding_of(c, VIEW) for clip in clips})
    megabytes = [round(clip.path.stat().st_size / 1e6, 3) for clip in clips]
    return [
        dict(zip(("width", "height", "length", "decode", "megabytes"), row, strict=True))
        for row in ((*source, decode[clip.id], size)
                    for source, clip, size in zip(SOURCES, clips, megabytes, strict=True))
    ]  # fmt: skip


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


def startups(clips: list[Clip]) -> dict[str, float]:
    """Seconds of a command for two clips, by the number of processes that decode."""
    return rounds({str(n): lambda n=n: seconds_of_command(clips[:2], n) for n in WORKERS})


def each_of(clips: list[Clip], extractor: MobileNetV2Extractor) -> list[dict]:
    sizes = [round(clip.path.stat().st_size / 1e6, 3) for clip in clips]
    costs = costs_of(clips, VIEW, extractor)
    return [{"megabytes": size, **own} for size, own in zip(sizes, costs, strict=True)]


def main() -> None:
    torch.set_num_threads(SPEC["threads"])
    extractor = MobileNetV2Extractor()
    record = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    if record.get("spec") != SPEC:
        record = {"spec": SPEC}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = some_clips(6, folder)
        parts = {
            "clips": lambda: each_of(clips, extractor),
            "num_frames": lambda: {
                str(T): mean_costs(clips, replace(VIEW, num_frames=T), extractor)
                for T in NUM_FRAMES
            },
            "size": lambda: {
                str(S): mean_costs(clips, replace(VIEW, size=S), extractor) for S in SIZES
            },
            "sources": lambda: sources(clips[0].path, folder),
            "startup": lambda: startups(clips),
        }
        for part, measure in parts.items():
            if part not in record:
                record |= {"machine": machine(), part: measure()}
                write_whole(FILE, (json.dumps(record, indent=1) + "\n").encode())
            print(part, json.dumps(record[part]), flush=True)


if __name__ == "__main__":
    main()
