"""What does it cost to ask over HTTP instead of from Python?

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/service.py

`quest82 serve` runs as a process of its own with two workers; two clients upload clips over the
loopback address. The plain `Predictor`, with as many workers and threads, is asked about the same
files in between. Rounds are short and take turns, so that what else the machine does falls on both
alike, and the overhead of a round is taken against the plain rounds before and after it. A model of
one frame of 32 x 32 costs next to nothing: there one sees what HTTP and the checks take.
"""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import torch
from some_clips import some_clips
from table import publish

from quest82 import video
from quest82.data.clips import Clip
from quest82.essences import extract
from quest82.frames.view import ViewSpec
from quest82.service import Predictor
from quest82.systems import classifier
from quest82.systems.mobilenet import MobileNetV2Extractor

ROUNDS, PER_ROUND, AT_ONCE = 15, 20, 2
SPEC, TINY = ViewSpec(num_frames=16, size=224), ViewSpec(num_frames=1, size=32)


def model_in(folder: Path, clips: Sequence[Clip], spec: ViewSpec) -> Path:
    """An LSTM with fresh weights: what it says costs as much as what a trained one says."""
    data = extract(clips, MobileNetV2Extractor(), folder / "store", spec, progress=False)
    network = classifier.build("lstm", data.num_features, 10)
    names = [f"class {k}" for k in range(10)]
    classifier.save(folder / "lstm", network, classes=names, extraction=data.settings)
    return folder / "lstm"


@contextlib.contextmanager
def serving(model: Path, **environment: str) -> Iterator[tuple[str, int]]:
    """A service of its own process: its address and its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "quest82", "serve", "--v2", str(model), "--port", str(port)]
    command += ["--workers", str(AT_ONCE)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env={**os.environ, **environment}, **quiet)
    url = f"http://127.0.0.1:{port}"
    try:
        while not answers(url):
            if process.poll() is not None:
                raise RuntimeError(f"the service ended with {process.returncode}")
            time.sleep(0.2)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    with contextlib.suppress(httpx.ConnectError):
        return httpx.get(f"{url}/health", trust_env=False).status_code == 200
    return False


def timed(ask: Callable[[Path], object], paths: Sequence[Path]) -> dict[str, object]:
    """Seconds for all, by so many threads, and for each."""

    def one(path: Path) -> float:
        start = time.perf_counter()
        ask(path)
        return time.perf_counter() - start

    start = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        each = list(pool.map(one, paths))
    return {"seconds": time.perf_counter() - start, "each": each}


def tiny_clip(folder: Path) -> Clip:
    """Four frames of 64 x 64, one grey each."""
    path = folder / "tiny.mp4"
    greys = torch.arange(4, dtype=torch.uint8).mul(60)[:, None, None, None]  # (4, 1, 1, 1)
    video.write_video(path, greys.expand(4, 3, 64, 64).contiguous(), fps=10)
    return Clip("tiny", "class", "tiny", path)


def main() -> None:
    rows, overheads = [], {}
    with tempfile.TemporaryDirectory() as name:
        for what, clips, spec in (
            ("one tiny frame", PER_ROUND * [tiny_clip(Path(name))], TINY),
            ("16 frames", some_clips(PER_ROUND, Path(name)), SPEC),
        ):
            (Path(name) / what).mkdir()
            model = model_in(Path(name) / what, clips[:1], spec)
            plain, service = take_turns(model, [clip.path for clip in clips])
            overheads[what] = overhead_of(plain, service)
            rows.append(row(f"{what}, `Predictor`", plain))
            rows.append(row(f"{what}, service", service, overheads[what]))
    publish("service", rows, overhead_percent=overheads)


def take_turns(model: Path, paths: Sequence[Path]) -> tuple[list[Mapping], list[Mapping]]:
    """Rounds of the predictor, and those of the service in between."""
    with Predictor.load(model, num_workers=AT_ONCE) as predictor, serving(model) as (url, _):
        client = httpx.Client(base_url=url, trust_env=False, timeout=120)

        def upload(path: Path) -> None:
            files = {"file": ("a", path.read_bytes())}
            client.post("/api/v2/predict", files=files).raise_for_status()

        for ask in (predictor, upload):
            timed(ask, paths[:4])
        plain, service = [timed(predictor, paths)], []
        for _ in range(ROUNDS):
            service.append(timed(upload, paths))
            plain.append(timed(predictor, paths))
            print(f"{plain[-1]['seconds']:.1f} {service[-1]['seconds']:.1f}", flush=True)
    return plain, service


def overhead_of(plain: Sequence[Mapping], service: Sequence[Mapping]) -> list[float]:
    """Per cent of each round, against the plain rounds before and after it."""
    neighbours = zip(service, plain, plain[1:], strict=False)
    return [
        100 * (of["seconds"] / statistics.mean([before["seconds"], after["seconds"]]) - 1)
        for of, before, after in neighbours
    ]


def row(name: str, rounds: Sequence[Mapping], overhead: Sequence[float] = ()) -> dict[str, object]:
    each = [seconds for part in rounds for seconds in part["each"]]
    low, middle, high = statistics.quantiles(overhead, n=4) if overhead else (0, 0, 0)
    return {
        "asked": name,
        "requests": len(each),
        "requests/s": f"{len(each) / sum(part['seconds'] for part in rounds):.1f}",
        "median": f"{1e3 * statistics.median(each):.0f} ms",
        "95th percentile": f"{1e3 * statistics.quantiles(each, n=20)[-1]:.0f} ms",
        "overhead of a round (quartiles)": f"{middle:.0f} % ({low:.0f} to {high:.0f})"
        if overhead
        else "",
    }


if __name__ == "__main__":
    main()
