"""Does asking about a long video, window by window, take more memory the longer it is?

    OMP_NUM_THREADS=1 python benchmarks/long_video.py

Videos of 1, 10 and 60 minutes (160x120, 25 frames a second, H.264 with B-frames) are given to
`quest82 predict --window 2 --stride 1` with a model of 8 frames. Peaks of memory (Linux's VmHWM)
are those of the command itself and of the process that decodes for it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np
from processes import children_of, memory_of
from some_clips import some_clips
from table import publish

from quest82.essences import extract
from quest82.frames.view import ViewSpec
from quest82.systems import classifier
from quest82.systems.mobilenet import MobileNetV2Extractor

MINUTES, FPS, WIDTH, HEIGHT = (1, 10, 60), 25, 160, 120
SPEC = ViewSpec(num_frames=8, size=224)
OPTIONS = ("--window", "2", "--stride", "1", "--workers", "1", "--time-limit", "600")


def write_long(path: Path, minutes: int) -> None:
    """A square that wanders over a gradient, frame by frame, so that none is kept."""
    ramp = np.linspace(0, 150, WIDTH).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(minutes * 60 * FPS):
            pixels = np.broadcast_to(ramp[None, :, None], (HEIGHT, WIDTH, 3)).copy()
            left, top = number % (WIDTH - 20), number // 7 % (HEIGHT - 20)
            pixels[top : top + 20, left : left + 20] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def model_in(folder: Path) -> Path:
    """An LSTM with fresh weights: what it says costs as much as what a trained one says."""
    data = extract(
        some_clips(2, folder), MobileNetV2Extractor(), folder / "store", SPEC, progress=False
    )
    network = classifier.build("lstm", data.num_features, 10)
    names = [f"class {k}" for k in range(10)]
    classifier.save(folder / "lstm", network, classes=names, extraction=data.settings)
    return folder / "lstm"


def measured(model: Path, video: Path) -> tuple[int, int, float]:
    """Peaks of the command and of its decoder in kilobytes, and seconds."""
    command = [sys.executable, "-m", "quest82", "predict", str(model), str(video), *OPTIONS]
    start, own, decoder = time.perf_counter(), 0, 0
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*command, "--csv", str(video) + ".csv"], **quiet) as process:
        while process.poll() is None:
            own = max(own, memory_of(str(process.pid), "VmHWM"))
            peaks = [memory_of(child, "VmHWM") for child in children_of(process.pid)]
            decoder = max([decoder, *peaks])
            time.sleep(0.2)
    assert process.returncode == 0
    return own, decoder, time.perf_counter() - start


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        model = model_in(Path(name))
        for minutes in MINUTES:
            video = Path(name) / f"{minutes}.mp4"
            write_long(video, minutes)
            own, decoder, seconds = measured(model, video)
            windows = len(Path(f"{video}.csv").read_text(encoding="utf-8").splitlines()) - 1
            rows.append(
                {
                    "minutes": minutes,
                    "windows": windows,
                    "peak of the command": f"{own / 1024:.0f} MB",
                    "peak of its decoder": f"{decoder / 1024:.0f} MB",
                    "took": f"{seconds:.0f} s",
                }
            )
            print(rows[-1], flush=True)
    publish("long_video", rows)


if __name__ == "__main__":
    main()
