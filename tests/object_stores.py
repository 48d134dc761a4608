"""Places elsewhere that hold the files of a folder: a web server, a memory, a local S3."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        self.server.asked.append((self.command, self.path))


@contextmanager
def web_folder(folder: Path):
    """The address of a server that lists a folder, and what it is asked."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.asked = []
    poll = {"poll_interval": 0.01}
    threading.Thread(target=server.serve_forever, kwargs=poll, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.asked
    finally:
        server.shutdown()
        server.server_close()


def upload(folder: Path, url: str) -> None:
    """Put the files of a folder below a URL."""
    files, root = fsspec.url_to_fs(url)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        files.pipe_file(f"{root}/{path.relative_to(folder).as_posix()}", path.read_bytes())


@contextmanager
def local_s3(patch: pytest.MonkeyPatch):
    """A server that speaks S3, with one bucket; skips where none is installed."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        patch.setenv(name, value)
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    files.clear_instance_cache()
    bucket = f"videos-{port}"  # all servers of a process share one memory
    files.mkdir(bucket)
    try:
        yield f"s3://{bucket}"
    finally:
        server.stop()
        files.clear_instance_cache()


class Breaking(MemoryFileSystem):
    """A store in memory whose files break off, or arrive changed, as often as a test wants."""

    protocol = "breaking"
    store: dict = {}
    pseudo_dirs = [""]
    breaks: list[int] = []  # after so many bytes of the next reads
    read_from: list[int] = []  # where reading began
    etag = ""
    spoil = 0  # the next so many copies arrive damaged, each in its own way

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.removeprefix("breaking://"))

    def info(self, path, **kwargs):
        return {**super().info(path, **kwargs), **({"ETag": self.etag} if self.etag else {})}

    def _open(self, path, mode="rb", **kwargs):
        file = super()._open(path, mode, **kwargs)
        return _Reader(file.getvalue()) if mode == "rb" else file


class _Reader:
    def __init__(self, content):
        if Breaking.spoil:
            content = bytes([Breaking.spoil]) + content[1:]
            Breaking.spoil -= 1
        self.content, self.place = content, 0
        self.left = Breaking.breaks.pop(0) if Breaking.breaks else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def seek(self, place):
        self.place = place
        Breaking.read_from.append(place)

    def read(self, size):
        if self.left == 0:
            raise ConnectionError("the line is dead")
        size = size if self.left is None else min(size, self.left)
        piece = self.content[self.place : self.place + size]
        self.place += len(piece)
        self.left = None if self.left is None else self.left - len(piece)
        return piece


fsspec.register_implementation("breaking", Breaking, clobber=True)
