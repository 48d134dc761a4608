"""What does it cost to ask over HTTP instead of from Python, and does the memory stay flat?

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/service.py

`quest82 serve` runs as a process of its own with two workers; two clients upload clips over the
loopback address, one request in twenty a bad one. The plain `Predictor`, with as many workers and
threads, is asked about the same good clips before and after each round. Memory is that of the
service without its workers, after the first round and after the last.
"""

from __future__ import annotations

import contextlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from some_clips import some_clips
from table import publish

from quest82.essences import extract
from quest82.frames.view import ViewSpec
from quest82.service import Predictor
from quest82.systems import classifier
from quest82.systems.mobilenet import MobileNetV2Extractor

ROUNDS, PER_ROUND, AT_ONCE = 4, 100, 2
BAD = (b"", b"no video", b"\0\0\0\x18ftypisom" + bytes(5000))
SPEC = ViewSpec(num_frames=16, size=224)


def model_in(folder: Path) -> Path:
    """An LSTM with fresh weights: what it says costs as much as what a trained one says."""
    made = some_clips(2, folder)
    data = extract(made, MobileNetV2Extractor(), folder / "store", SPEC, progress=False)
    network = classifier.build("lstm", data.num_features, 10)
    names = [f"class {k}" for k in range(10)]
    classifier.save(folder / "lstm", network, classes=names, extraction=data.settings)
    return folder / "lstm"


@contextlib.contextmanager
def serving(model: Path) -> Iterator[tuple[str, int]]:
    """A service of its own process: its address and its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "quest82", "serve", "--v2", str(model), "--port", str(port)]
    process = subprocess.Popen([*command, "--workers", str(AT_ONCE)], stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        while not answers(url):
            time.sleep(0.2)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    with contextlib.suppress(httpx.ConnectError):
        return httpx.get(f"{url}/health", trust_env=False).status_code == 200
    return False


def timed(ask: Callable[[object], object], items: Sequence[object]) -> tuple[float, list[float]]:
    """Seconds for all, by so many threads, and for each."""

    def one(item: object) -> float:
        start = time.perf_counter()
        ask(item)
        return time.perf_counter() - start

    start = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        each = list(pool.map(one, items))
    return time.perf_counter() - start, each


def memory_of(pid: int) -> float:
    """Megabytes that a process holds in memory."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [clip.path for clip in some_clips(PER_ROUND, folder)]
        model = model_in(folder)
        with Predictor.load(model, num_workers=AT_ONCE) as predictor, serving(model) as (url, pid):
            client = httpx.Client(base_url=url, trust_env=False, timeout=60)

            def upload(content: bytes) -> None:
                answer = client.post("/api/v2/predict", files={"file": ("a", content)})
                assert (answer.status_code == 200) == (content not in BAD), answer.text

            good = [paths[k] for k in range(PER_ROUND) if k % 20]
            sent = [paths[k].read_bytes() if k % 20 else BAD[k // 20 % 3] for k in range(PER_ROUND)]
            timed(predictor, good[:4])
            timed(upload, sent[:4])
            plain, service, memory = [timed(predictor, good)], [], []
            for _ in range(ROUNDS):
                service.append(timed(upload, sent))
                plain.append(timed(predictor, good))
                memory.append(memory_of(pid))
                print(plain[-1][0], service[-1][0], memory[-1], flush=True)
    report(plain, service, memory, len(good))


def report(plain: list, service: list, memory: list[float], num_good: int) -> None:
    ratios = [
        took / statistics.mean([before, after])
        for (took, _), (before, _), (after, _) in zip(service, plain, plain[1:], strict=True)
    ]
    rows = [
        {
            "asked": name,
            "requests": len(rounds) * count,
            "videos/s": f"{len(rounds) * num_good / sum(took for took, _ in rounds):.1f}",
            "median": f"{1e3 * statistics.median(each):.0f} ms",
            "95th percentile": f"{1e3 * statistics.quantiles(each, n=20)[-1]:.0f} ms",
            "memory, first and last round": held,
        }
        for name, rounds, count, held in (
            ("`Predictor`", plain, num_good, ""),
            ("service", service, PER_ROUND, f"{memory[0]:.0f}, {memory[-1]:.0f} MB"),
        )
        for each in [[seconds for _, part in rounds for seconds in part]]
    ]
    print("overhead of each round:", [f"{100 * ratio - 100:.0f} %" for ratio in ratios])
    publish("service", rows, overhead=[ratio - 1 for ratio in ratios], memory=memory)


if __name__ == "__main__":
    main()
