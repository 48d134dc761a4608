"""Small data from formulas, and the real clips where they are."""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import browsing
import pytest
import safetensors.torch
import stand_in
import torch
from filelock import FileLock
from torchvision.models import mobilenet_v2

from quest82 import video
from quest82.essences import EssenceSet
from quest82.frames import worker, workers
from quest82.systems.mobilenet import MobileNetV2Extractor

SHARED_CLIPS = Path(__file__).parents[2] / "shared" / "clips"


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def num_bytes(folder: Path, names: str = "*") -> int:
    """Of the files below a folder, while others may remove or rename them: those count as none."""
    total = 0
    for file in list(folder.rglob(names)) if folder.exists() else []:
        with suppress(FileNotFoundError):
            total += file.stat().st_size if file.is_file() else 0
    return total


@pytest.fixture(scope="session")
def shared_clips() -> Path:
    if not SHARED_CLIPS.is_dir():
        pytest.skip("the real clips (../shared/clips) are not on this machine")
    return SHARED_CLIPS


@pytest.fixture(scope="session")
def extractor() -> MobileNetV2Extractor:
    """Random weights, with batch norm set so that essences are neither all zero nor saturated."""
    torch.manual_seed(0)
    extractor = MobileNetV2Extractor(weights=None)
    norms = [m for m in extractor.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the average over all that is seen
        norm.train()
    with torch.no_grad():
        extractor(torch.rand(4, 4, 3, 64, 64))
    extractor.eval()
    assert extractor(torch.rand(1, 2, 3, 64, 64)).std() > 0.1
    return extractor


@pytest.fixture(scope="session")
def weights(extractor, tmp_path_factory) -> Path:
    """The extractor's weights, as a file of the whole network."""
    network = mobilenet_v2()
    network.features.load_state_dict(extractor.features.state_dict())
    path = tmp_path_factory.mktemp("weights") / "net.safetensors"
    safetensors.torch.save_file(network.state_dict(), path)
    return path


def moving_square(num_frames: int = 12, size: int = 64, shade: int = 200) -> torch.Tensor:
    """Frames (n, 3, size, size) of a square on its way across a gradient; each one differs."""
    ramp = torch.linspace(0, 120, size).to(torch.uint8)
    frames = ramp.expand(num_frames, 3, size, size).clone()
    for t in range(num_frames):
        left = t * (size - 16) // max(1, num_frames - 1)
        frames[t, :, 8:24, left : left + 16] = shade
    return frames


@pytest.fixture
def write_clip(tmp_path):
    def write(name: str = "clip.mp4", **options) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        video.write_video(path, moving_square(**options), fps=25)
        return path

    return write


@pytest.fixture(scope="session")
def make_set():
    def make(
        num_clips: int = 24,
        num_classes: int = 3,
        num_frames: int = 5,
        num_features: int = 16,
        clips_per_group: int = 2,
        views: int = 0,
        seed: int = 0,
    ) -> EssenceSet:
        """Classes that differ in their mean, plus noise; float16 as from a store."""
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(num_clips) % num_classes
        centres = torch.randn(num_classes, num_features, generator=generator)
        shape = (num_clips, *([views] if views else []), num_frames, num_features)
        noise = torch.randn(shape, generator=generator)
        centres = centres[labels].view(num_clips, *[1] * (noise.ndim - 2), num_features)
        group_of = [i // (num_classes * clips_per_group) for i in range(num_clips)]
        return EssenceSet(
            essences=(centres + 0.5 * noise).half(),
            labels=labels,
            groups=tuple(f"g{group}" for group in group_of),
            clip_ids=tuple(f"c{i:03d}" for i in range(num_clips)),
            classes=tuple(f"class {k}" for k in range(num_classes)),
        )

    return make


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Stand-ins take the workers' place; the file receives the names of what they were asked."""
    path = tmp_path / "log"
    path.touch()
    code = f"LOG = {str(path)!r}\n{stand_in.PROGRAM}"
    monkeypatch.setattr(workers, "_command", lambda: [sys.executable, "-c", code])
    return path


@pytest.fixture
def started(monkeypatch):
    """Every worker process that is started."""
    processes, start = [], worker.subprocess.Popen

    def remember(*args, **kwargs):
        processes.append(start(*args, **kwargs))
        return processes[-1]

    monkeypatch.setattr(worker.subprocess, "Popen", remember)
    return processes


class Web:
    """A server on this machine. Each of `faults` spoils the answer to one request, in turn."""

    def __init__(self):
        self.files, self.faults, self.requests, self.ranges = {}, [], [], []
        self.etag, self.date = '"v1"', "Fri, 01 Feb 2013 10:00:00 GMT"
        self.over = threading.Event()
        handler = type("Handler", (_Handler,), {"web": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.handle_error = lambda *args: None
        poll = {"poll_interval": 0.01}
        threading.Thread(target=self.server.serve_forever, kwargs=poll, daemon=True).start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{name}"

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        web = self.web
        web.requests.append(self.path[1:])
        web.ranges.append(self.headers["Range"])
        fault = web.faults.pop(0) if web.faults else {}
        fault.get("before", lambda: None)()
        if fault.get("hang") == "before":
            web.over.wait(5)
            return
        body = web.files.get(self.path[1:])
        if "status" in fault or body is None:
            self.send_error(fault.get("status", 404))
            return
        begin = self._begin(fault, len(body))
        if begin >= len(body):
            self.send_error(416)
            return
        self._send_head(fault, begin, len(body))
        self.wfile.write(body[begin:][: fault.get("cut")] + fault.get("extra", b""))
        if fault.get("hang") == "inside":
            web.over.wait(5)

    def _begin(self, fault: dict, length: int) -> int:
        """Where the answer begins in the file: 0 unless a rest of the same version is asked for."""
        same = self.headers["If-Range"] in (self.web.etag, self.web.date)
        if not self.headers["Range"] or fault.get("ignore_range"):
            return 0
        if not same and not fault.get("ignore_if_range"):
            return 0
        return int(self.headers["Range"][6:-1]) + fault.get("shift", 0)

    def _send_head(self, fault: dict, begin: int, length: int):
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{length - 1}/{length}")
        announced = fault.get("announce", length - begin)
        if fault.get("hang") == "inside":
            announced += 1
        for name, value in (
            ("Content-Length", announced),
            ("ETag", self.web.etag),
            ("Last-Modified", self.web.date),
        ):
            if value is not None:
                self.send_header(name, str(value))
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def web():
    web = Web()
    yield web
    web.close()


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder of the built book, and what the builder complained about.

    Processes that test side by side build it once: the first one does, the others wait.
    """
    if browsing.is_up_to_date():
        return browsing.BUILT, ""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    told = folder / "book.json"
    with FileLock(folder / "book.lock"):
        if not told.exists():
            html, complaints = browsing.build(folder / "book")
            told.write_text(json.dumps([str(html), complaints]), "utf-8")
    html, complaints = json.loads(told.read_text("utf-8"))
    return Path(html), complaints


@pytest.fixture(scope="session")
def book(built):
    return built[0]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = browsing.start_browser(tmp_path_factory.mktemp("chromium"))
    yield driver
    driver.quit()
