"""The service on a real socket: answers, every kind of bad input, and what is left afterwards."""

import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest
import serving
import torch
from conftest import moving_square
from serving import LIMITS, Running, service_of

from quest82 import video
from quest82.frames import workers
from quest82.service import Predictor
from quest82.service.fetching import Fetcher
from quest82.service.rest import create_app
from quest82.service.served import Served


@pytest.fixture(scope="module")
def model_files(weights, tmp_path_factory):
    return serving.write_models(tmp_path_factory.mktemp("models"), weights)


@pytest.fixture(scope="module")
def load(model_files, weights):
    def load(version, **options):
        path = model_files[version]
        how = {"num_workers": 0, **options}
        return Served.of(path, Predictor.load(path, backbone_weights=weights, **how))

    return load


@pytest.fixture(scope="module")
def service(load):
    fetcher = Fetcher(max_bytes=LIMITS.max_bytes, allowed_hosts=["127.0.0.1"])
    with service_of({v: load(v, num_workers=1) for v in ("v1", "v2")}, fetcher=fetcher) as running:
        yield running


@pytest.fixture
def clean(service, tmp_path, monkeypatch):
    """The service; nothing may be left in its folder, nor where the parser of forms writes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(tmp_path.iterdir())
    yield service
    assert list(service.folder.iterdir()) == []
    assert {path for path in tmp_path.iterdir() if path.suffix != ".mp4"} <= before
    assert service.client.get("/health").json() == {"status": "ok", "inside": 0}


def refused(response, status, text):
    assert response.status_code == status, response.text
    assert list(response.json()) == ["detail"]
    assert text in response.json()["detail"]
    assert "/" + "tmp" not in response.text


def test_an_answer_is_that_of_the_predictor(clean, load, write_clip):
    path = write_clip()
    with load("v2").predictor as predictor:
        expected = predictor(path)
    answer = clean.upload(path, "v2").json()
    assert answer["probabilities"] == dict(
        zip(expected.classes, expected.probabilities.tolist(), strict=True)
    )
    assert answer["label"] == expected.label
    assert answer["confidence"] == max(answer["probabilities"].values())
    assert answer["frames"] == list(expected.frames)
    assert answer["model"]["name"] == "lstm"
    assert answer["milliseconds"] > 0


def test_played_backwards_v1_stands_still_and_v2_turns(clean, tmp_path):
    frames = moving_square(12)
    for name, shown in (("forward", frames), ("backward", frames.flip(0))):
        video.write_video(tmp_path / f"{name}.mp4", shown, fps=25, options={"qp": "0"})
    gap = {}
    for version in ("v1", "v2"):
        found = [
            clean.upload(tmp_path / f"{name}.mp4", version) for name in ("forward", "backward")
        ]
        one, other = (answer.json()["probabilities"]["a"] for answer in found)
        gap[version] = abs(one - other)
    assert gap["v1"] < 1e-6 < 1e-4 < gap["v2"]


def test_an_address_is_answered_like_its_file(clean, web, write_clip):
    path = write_clip()
    web.files["clip"] = path.read_bytes()
    named, sent = clean.name(web.url("clip")).json(), clean.upload(path).json()
    assert named["probabilities"] == sent["probabilities"]


def test_models_and_the_description_are_told(clean, model_files):
    models = clean.client.get("/api/models").json()
    assert {name: model["name"] for name, model in models.items()} == {"v1": "mean", "v2": "lstm"}
    assert models["v1"]["classes"] == ["a", "b"]
    assert models["v1"]["version"] != models["v2"]["version"]
    described = clean.client.get("/openapi.json").json()["paths"]["/api/{version}/predict"]["post"]
    assert set(described["requestBody"]["content"]) == {"multipart/form-data", "application/json"}
    assert {"403", "413", "503"} <= set(described["responses"])
    assert clean.client.get("/docs").status_code == 404  # it would load scripts from elsewhere


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n"


@pytest.mark.parametrize(
    ("content", "status", "text"),
    [
        (b"", 422, "the file is empty"),
        (b"hello, this is text", 415, "no video of a kind that is taken"),
        (PLAYLIST, 415, "no video of a kind that is taken"),
        (b"ffconcat version 1.0\nfile a.mp4\n", 415, "no video of a kind that is taken"),
        (b"\0\0\0\x18ftypisom" + bytes(500), 422, "the video"),
        (bytes(LIMITS.max_bytes + 1), 413, "larger than 200000 bytes"),
        (bytes(40 * LIMITS.max_bytes), 413, "larger than 200000 bytes"),
    ],
    ids=["empty", "text", "hls", "concat", "torn mp4", "large", "larger"],
)
def test_a_bad_file_is_refused_in_one_sentence(clean, content, status, text):
    refused(clean.upload(content), status, text)


def test_a_long_video_and_large_frames_are_refused(clean, tmp_path):
    video.write_video(tmp_path / "long.mp4", moving_square(40), fps=10)
    refused(clean.upload(tmp_path / "long.mp4"), 422, "the video lasts 4.0 s, more than 3 s")
    frames = torch.zeros(2, 3, 720, 1280, dtype=torch.uint8)
    video.write_video(tmp_path / "large.mp4", frames, fps=10)
    refused(clean.upload(tmp_path / "large.mp4"), 422, "1280 x 720 pixels, more than 307200")


def chunked(num_bytes):
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    yield head
    for _ in range(num_bytes // 1000):
        yield bytes(1000)


HEADERS = b"--x\r\n" + 10_000 * b"A: b\r\n"  # would be put together again and again
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.mark.parametrize(
    ("request_", "status", "text"),
    [
        ({"content": b"x", "headers": {"Content-Type": "video/mp4"}}, 415, "not as 'video/mp4'"),
        ({"content": b"x"}, 415, "send the video as multipart/form-data"),
        ({"data": {"a": "b"}, "files": {}}, 415, "not as 'application/x-www-form-urlencoded'"),
        ({"files": {"a": (None, "b")}}, 400, "holds no file"),
        ({"content": b"--y", "headers": FORM}, 400, "the form cannot be read"),
        ({"content": HEADERS, "headers": FORM}, 400, "the form cannot be read"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "boundary"),
        ({"files": [("a", b"1"), ("b", b"2")]}, 400, "Too many files"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "not JSON"),
        ({"json": ["http://a"]}, 400, 'must be {"url"'),
        ({"json": {"url": 7}}, 400, 'must be {"url"'),
        ({"json": {"url": "h" * 9000}}, 413, "JSON is read up to 8192 bytes"),
        ({"content": chunked(2 * LIMITS.max_bytes), "headers": FORM}, 413, "larger than 200000"),
    ],
)
def test_a_request_without_a_video_is_refused(clean, request_, status, text):
    refused(clean.client.post("/api/v1/predict", **request_), status, text)


def test_a_slow_upload_is_given_up(clean):
    def slow():
        yield b"--x\r\n"
        time.sleep(2)
        yield b"--x--\r\n"

    response = clean.client.post("/api/v1/predict", content=slow(), headers=FORM)
    refused(response, 408, "did not arrive within 1.5 s")


def test_an_upload_that_breaks_off_leaves_nothing(clean):
    host, port = clean.socket.getsockname()
    with socket.create_connection((host, port)) as connection:
        head = "POST /api/v1/predict HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n"
        kind = "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        connection.sendall((head + kind).encode() + next(chunked(0)) + bytes(50_000))
    time.sleep(0.3)


def test_a_version_that_is_not_served_is_not_found(clean, write_clip):
    refused(clean.upload(write_clip(), "v3"), 404, "no model is served as v3; there is v1, v2")


@pytest.fixture
def slow_model(load):
    """A model that answers when it is told to."""

    class Slow(Served):
        def ask(self, path, limits):
            waiting.append(path)
            assert told.wait(120)
            return super().ask(path, limits)

    waiting, told = [], threading.Event()
    served = load("v1")
    return Slow(served.predictor, served.info), waiting, told


def until(true):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not become true")


def test_where_all_places_are_taken_others_are_told_to_come_back(slow_model, write_clip):
    model, waiting, told = slow_model
    path, limits = write_clip(), replace(LIMITS, at_once=1, waiting=2)
    with service_of({"v1": model}, limits=limits) as running, ThreadPoolExecutor(3) as pool:
        inside = [pool.submit(running.upload, path) for _ in range(3)]
        until(lambda: running.client.get("/health").json()["inside"] == 3)
        response = running.upload(path)
        refused(response, 503, "all 3 places are taken; ask again in 3 s")
        assert response.headers["Retry-After"] == "3"
        assert len(waiting) == 1  # one is worked on, two wait
        told.set()
        assert [future.result().status_code for future in inside] == [200] * 3
        assert running.upload(path).status_code == 200


def test_a_service_that_stops_finishes_what_is_inside(slow_model, write_clip):
    model, waiting, told = slow_model
    running = Running(create_app({"v1": model}, limits=LIMITS))
    with ThreadPoolExecutor(1) as pool:
        inside = pool.submit(running.upload, write_clip())
        until(lambda: waiting)
        running.server.should_exit = True
        time.sleep(0.3)
        told.set()
        assert inside.result().status_code == 200
    running.stop()
    assert not running.folder.exists()


# Speaks the workers' language without importing anything heavy. A file says what happens.
FAULTS = """
import json, os, signal, sys, time
print(json.dumps({"kind": "ready"}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    content = open(request["path"], "rb").read()
    if b"hang" in content:
        time.sleep(1000)
    if b"crash" in content:
        os.kill(os.getpid(), signal.SIGSEGV)
    header, frames = {"kind": "within"}, b""
    if request["op"] == "take":
        T, S = request["spec"]["num_frames"], request["spec"]["size"]
        header = {"kind": "frames", "shape": [T, 3, S, S], "indices": list(range(T))}
        frames = bytes(T * 3 * S * S)
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\\n" + frames)
    sys.stdout.buffer.flush()
"""


def test_a_decoder_that_hangs_or_crashes_costs_one_request(load, monkeypatch):
    monkeypatch.setattr(workers, "_command", lambda: [sys.executable, "-c", FAULTS])
    model = load("v1", num_workers=2, time_limit_seconds=2)
    head = b"\0\0\0\x18ftyp"
    with service_of({"v1": model}) as running, ThreadPoolExecutor(1) as pool:
        hangs = pool.submit(running.upload, head + b"hang")
        assert running.upload(head + b"good").status_code == 200  # meanwhile
        refused(hangs.result(), 422, "the video took longer than the time limit of 2 s")
        refused(running.upload(head + b"crash"), 422, "the process that read it died (SIGSEGV)")
        assert running.upload(head + b"good").status_code == 200


def test_who_does_not_know_the_key_gets_nothing(load, write_clip):
    path = write_clip()
    with service_of({"v1": load("v1")}, api_key="sesame") as running:
        for headers in ({}, {"X-API-Key": "Sesame"}, {"X-API-Key": b"\xff"}):
            refused(running.upload(path, headers=headers), 401, "X-API-Key must hold the key")
            refused(running.client.get("/api/models", headers=headers), 401, "X-API-Key")
        assert running.upload(path, headers={"X-API-Key": "sesame"}).status_code == 200
        assert running.client.get("/health").status_code == 200


def test_a_failure_that_nobody_thought_of_is_told_without_its_inside(load, write_clip):
    class Broken(Served):
        def ask(self, path, limits):
            raise KeyError("secret")

    served = load("v1")
    with service_of({"v1": Broken(served.predictor, served.info)}) as running:
        refused(running.upload(write_clip()), 500, "the service failed at this request")


def test_the_command_serves_and_stops(model_files, weights, write_clip):
    """From the shell: a free port, an answer, Ctrl-C."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "quest82", "serve", "--port", port, "--workers", "1"]
    files = ["--v1", model_files["v1"], "--v2", model_files["v2"], "--backbone-weights", weights]
    process = subprocess.Popen([*command, *files], stderr=subprocess.PIPE, text=True)
    try:
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=120)
        until(lambda: answers(client))
        content = write_clip().read_bytes()
        response = client.post("/api/v2/predict", files={"file": ("a.mp4", content)})
        assert response.json()["model"]["name"] == "lstm"
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert "Traceback" not in said
    assert "Finished server process" in said


def answers(client):
    try:
        return client.get("/health").status_code == 200
    except httpx.ConnectError:
        time.sleep(0.2)
        return False
