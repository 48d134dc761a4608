"""A service on the loopback address, with tiny models, for the tests that talk to it."""

import socket
import threading
import time
from contextlib import contextmanager

import httpx
import uvicorn
from conftest import moving_square

from quest82 import video
from quest82.data import clips
from quest82.essences import extract
from quest82.frames.view import ViewSpec
from quest82.service.limits import Limits
from quest82.service.rest import create_app
from quest82.systems import classifier
from quest82.systems.backbones import open_backbone

SPEC = ViewSpec(num_frames=4, size=64, by="count")
LIMITS = Limits(
    max_bytes=200_000, max_seconds=3, max_pixels=640 * 480, arrival_seconds=1.5, at_once=2
)


def write_models(root, weights):
    """A mean and an LSTM with fresh weights, over essences of the tests' extractor."""
    for i in range(2):
        (root / "clips" / "ab"[i]).mkdir(parents=True)
        video.write_video(root / "clips" / "ab"[i] / "1.mp4", moving_square(8 + i), fps=25)
    backbone = open_backbone("mobilenet_v2", weights)
    how = {"engine": "fused", "num_workers": 0, "progress": False}
    data = extract(clips.from_folder(root / "clips"), backbone, root / "store", SPEC, **how)
    for aggregator in ("mean", "lstm"):
        model = classifier.build(aggregator, data.num_features, 2)
        names = {"classes": data.classes, "extraction": data.settings}
        classifier.save(root / f"{aggregator}.safetensors", model, **names)
    return {"v1": root / "mean.safetensors", "v2": root / "lstm.safetensors"}


class Running:
    """A service on the loopback address, in a thread."""

    def __init__(self, app):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.app = app
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        sockets = [self.socket]
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": sockets})
        self.thread.start()
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=120)
        while not self.server.started:
            time.sleep(0.01)

    @property
    def folder(self):
        return self.app.state.service.arrivals.folder

    def upload(self, path, version="v1", **options):
        content = path if isinstance(path, bytes) else path.read_bytes()
        url = f"/api/{version}/predict"
        return self.client.post(url, files={"file": ("its name.mp4", content)}, **options)

    def name(self, url, version="v1"):
        return self.client.post(f"/api/{version}/predict", json={"url": url})

    def stop(self):
        self.client.close()
        self.server.should_exit = True
        self.thread.join()
        self.socket.close()


@contextmanager
def service_of(models, **options):
    """Files to predictors, or predictors as they are, at work."""
    running = Running(create_app(models, **{"limits": LIMITS, **options}))
    try:
        yield running
        assert list(running.folder.iterdir()) == []
    finally:
        running.stop()
    assert not running.folder.exists()
    ends = [model.predictor.workers._end for model in models.values()]
    assert not any(end and end.alive for end in ends)
