"""Does a reader that proves its frames cost more than one that trusts its seeking?

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/decoders.py [PART OF A NAME]

Both read 16 frames, one from each segment: decord as it comes, and quest82 with PyAV, which looks
over the packets first. Side by side in one process, the median of several rounds. A second table
shows the memory that one clip takes, by the size of its frames. With a part of a name ("1 h", "4K")
only what is called so is measured, and no result is written.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import av
import numpy as np
import torch
from some_clips import UCF101
from table import publish

from quest82 import video
from quest82.frames.sampling import segment_indices
from quest82.video.packets import _index

X264 = {"preset": "veryfast", "threads": "1"}
KINDS = {
    "H.264, 10 s": (250, "keyint=250"),
    "H.264, 10 s, every frame a keyframe": (250, "keyint=1"),
    "H.264, 10 s, open GOP": (250, "keyint=15:open-gop=1:bframes=2:b-adapt=0:b-pyramid=none"),
    "H.264, 2 min": (3_000, "keyint=250"),
    "H.264, 20 min": (30_000, "keyint=250"),
    "H.264, 1 h": (90_000, "keyint=250"),
}
AT_ONCE = 3_000  # frames that are encoded; longer files repeat them
SIZES = {"320 x 240": (320, 240), "1080p": (1920, 1080), "4K": (3840, 2160), "8K": (7680, 4320)}
# Run for each size in a process of its own; prints megabytes before and after.
MEMORY = """
import re, sys, torch
from pathlib import Path
from quest82 import video
from quest82.frames.transforms import ClipTransform
def megabytes():
    status = Path("/proc/self/status").read_text()  # Linux; not inherited
    return int(re.search(r"VmHWM:\\s+(\\d+)", status).group(1)) // 1024
torch.set_num_threads(1)
before = megabytes()
transform = ClipTransform(224).cropper() if sys.argv[2] == "crop" else None
frames = video.read_frames(sys.argv[1], range(0, 32, 2), transform=transform)
if transform is None:
    ClipTransform(224).crop(frames)
print(megabytes() - before)
"""


def draw(num_frames: int, width: int, height: int) -> Iterator[np.ndarray]:
    """A texture that drifts, (H, W, 3) each."""
    generator = np.random.default_rng(0)
    texture = generator.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    texture = texture.repeat(8, axis=0).repeat(8, axis=1)
    for t in range(num_frames):
        yield np.roll(texture, 2 * t, axis=1)


def write(path: Path, num_frames: int, params: str, size: tuple[int, int] = (320, 240)) -> Path:
    """Frame by frame, so that a long clip needs no memory."""
    if num_frames > AT_ONCE:
        with tempfile.TemporaryDirectory() as folder:
            part = write(Path(folder, "part.mp4"), AT_ONCE, params, size)
            return repeat(part, num_frames // AT_ONCE, path)
    with av.open(str(path), "w") as container:
        options = {**X264, "x264-params": params}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for pixels in draw(num_frames, *size):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def repeat(part: Path, times: int, path: Path) -> Path:
    """A file of so many times the packets of another, which begins with a keyframe."""
    with av.open(str(path), "w") as out:
        stream, begin = None, 0
        for _ in range(times):
            with av.open(str(part)) as container:
                (source,) = container.streams.video
                stream = stream or out.add_stream_from_template(source)
                for packet in container.demux(source):
                    if packet.dts is not None:
                        packet.dts, packet.pts = packet.dts + begin, packet.pts + begin
                        packet.stream = stream
                        out.mux(packet)
                begin += source.duration
    return path


def milliseconds(read: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        _index.cache_clear()
        start = time.perf_counter()
        read()
        times.append(1e3 * (time.perf_counter() - start))
    return median(times)


def compare(name: str, path: Path) -> dict[str, str]:
    num_frames = video.probe(path).num_frames
    indices = segment_indices(num_frames, 16)
    rounds = 9 if num_frames < 1000 else 3
    ours, theirs = video.read_frames(path, indices), _with_decord(path, indices)
    # MPEG-4 leaves rounding to the decoder: two levels of 255 are no other frame.
    wrong = sum((a.int() - b.int()).abs().max() > 2 for a, b in zip(ours, theirs, strict=True))
    decord = milliseconds(lambda: _with_decord(path, indices), rounds)
    pyav = milliseconds(lambda: video.read_frames(path, indices), rounds)
    return {
        "file": name,
        "frames": f"{num_frames:,}",
        "decord, ms": f"{decord:.0f}",
        "quest82, ms": f"{pyav:.0f}",
        "ratio": f"{pyav / decord:.2f}",
        "wrong frames of decord": f"{wrong} of 16",
    }


def _with_decord(path: Path, indices: torch.Tensor) -> torch.Tensor:
    import decord

    reader = decord.VideoReader(str(path), num_threads=1)
    return torch.from_numpy(reader.get_batch(indices.tolist()).asnumpy()).permute(0, 3, 1, 2)


def memory(path: Path, how: str) -> int:
    command = [sys.executable, "-c", MEMORY, str(path), how]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main(only: str = "") -> None:
    rows, sizes = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(UCF101.glob("*.avi") if not only else ()):
            rows.append(compare(f"UCF101, {path.stem}", path))
            print(rows[-1], flush=True)
        for name, (num_frames, params) in _chosen(KINDS, only):
            rows.append(compare(name, write(Path(folder, "clip.mp4"), num_frames, params)))
            print(rows[-1], flush=True)
        for name, size in _chosen(SIZES, only):
            path = write(Path(folder, "large.mp4"), 32, "keyint=32", size)
            sizes[name] = {how: memory(path, how) for how in ("whole", "crop")}
            print(name, sizes[name], flush=True)
    if not only:
        publish("decoders", rows, megabytes=sizes)


def _chosen(named: dict, only: str) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in named.items() if only in name]


if __name__ == "__main__":
    main(*sys.argv[1:])
