"""Pages of video sites: of the named ones alone, and no private address, whatever they say."""

import asyncio
import sys

import httpx
import pytest

from quest82.service import sites
from quest82.service.fetching import Fetcher
from quest82.service.limits import Refused
from quest82.service.sites import Sites

# Stands in for yt-dlp; what it does is the body of `extract_info`.
STAND_IN = """
import os, socket, subprocess, sys, urllib.request
assert sys.modules["curl_cffi"] is None
def refused(ask):
    try:
        ask()
    except PermissionError:
        return True
    except OSError as error:  # urllib wraps what it meets
        return isinstance(getattr(error, "reason", None), PermissionError)
    return False
class YoutubeDL:
    def __init__(self, options):
        assert options["proxy"] == "" and options["cachedir"] is False
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass
    def extract_info(self, url, *, download):
        assert not download
        print("said by the way")
        {body}
"""
PAGE = {"Content-Type": "text/html"}


def refusal(status, text):
    return pytest.raises(Refused, match=text, check=lambda error: error.status == status)


def find(monkeypatch, tmp_path, body, allowed=()):
    (tmp_path / "yt_dlp.py").write_text(STAND_IN.format(body=body), "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    wanted = Sites(["site.example", "127.0.0.1"], allowed)
    return asyncio.run(wanted.find(httpx.URL("http://www.Site.example/watch?v=1")))


def test_the_address_is_what_yt_dlp_finds(monkeypatch, tmp_path):
    body = 'return {"url": url + "&file"}'
    assert find(monkeypatch, tmp_path, body) == "http://www.site.example/watch?v=1&file"


@pytest.mark.parametrize(
    "body",
    [
        'return {"entries": [{"url": "http://a.example/"}]}',
        'raise ValueError("ERROR: Unsupported URL")',
    ],
    ids=["playlist", "unsupported"],
)
def test_where_there_is_no_single_file_a_sentence_says_so(monkeypatch, tmp_path, body):
    with refusal(422, "www.site.example: no video file was found on the page; give the address"):
        find(monkeypatch, tmp_path, body)


TRIED = (
    "socket.create_connection(('127.0.0.1', PORT), 5)",
    "socket.create_connection(('localhost', PORT), 5)",
    "urllib.request.urlopen('http://127.1:PORT/file', timeout=5)",
    "socket.socket().connect_ex(('127.0.0.1', PORT))",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'', ('10.0.0.1', 53))",
    "socket.socket(socket.AF_UNIX).connect('/run/docker.sock')",
    "subprocess.run([sys.executable, '--version'])",
    "os.system('true')",
    "os.execv(sys.executable, [sys.executable, '--version'])",
)


def test_nothing_private_is_reached_and_no_program_started(monkeypatch, tmp_path, web):
    web.files["file"] = b"secret"
    asked = ", ".join(f"lambda: {what}" for what in TRIED)
    asked = asked.replace("PORT", str(web.server.server_port))
    body = f'return {{"url": str([refused(ask) for ask in ({asked})])}}'
    assert find(monkeypatch, tmp_path, body) == str(len(TRIED) * [True])
    assert web.requests == []


def test_a_host_that_is_allowed_by_name_is_reached(monkeypatch, tmp_path, web):
    web.files["file"] = b"http://found.example/"
    ask = f"urllib.request.urlopen('{web.url('file')}', timeout=5).read().decode()"
    found = find(monkeypatch, tmp_path, f'return {{"url": {ask}}}', ["127.0.0.1"])
    assert found == "http://found.example/"


@pytest.mark.parametrize("host", ["other.example", "notsite.example", "site.example.org"])
def test_no_other_site_is_asked_about(monkeypatch, host):
    monkeypatch.setattr(sites, "_command", lambda: [sys.executable, "-c", "raise SystemExit(9)"])
    with refusal(415, f"{host}: sends a page, and pages are read of site.example alone"):
        asyncio.run(Sites(["Site.example"]).find(httpx.URL(f"http://{host}/")))


def test_what_is_found_is_fetched_with_every_check(monkeypatch, tmp_path):
    """A page that names a private address, or another page, gains nothing."""
    answers = {"/page": httpx.Response(200, headers=PAGE, text="<html>")}

    async def resolve(host, port):
        return ["10.0.0.1"] if host == "in.example" else ["8.8.8.8"]

    transport = httpx.MockTransport(lambda request: answers[request.url.path])
    wanted = Sites(["site.example"])
    fetcher = Fetcher(max_bytes=99, resolve=resolve, transport=transport, sites=wanted)
    for found, status, text in (
        ("http://in.example/", 403, "in.example: is not a public host"),
        ("file:///etc/passwd", 400, "must begin with http"),
        ("http://site.example/page", 415, "sends a page, not a video"),
    ):
        code = f"print({found!r:})".replace("'", '"')
        monkeypatch.setattr(sites, "_command", lambda c=code: [sys.executable, "-c", as_json(c)])
        with refusal(status, text):
            asyncio.run(fetcher.fetch("http://site.example/page", tmp_path / "v"))


def as_json(code):
    return f"import json; print = lambda x, p=print: p(json.dumps(x)); {code}"


def test_the_extractor_of_yt_dlp_finds_the_video_of_a_page(monkeypatch, tmp_path, web, write_clip):
    """In earnest, with a page of this machine; fetched by us, and by nobody else."""
    pytest.importorskip("yt_dlp")
    clip = write_clip().read_bytes()
    web.files["clip.mp4"] = clip
    page = f'<html><title>A</title><video src="{web.url("clip.mp4")}"></video></html>'
    web.files["watch"] = page.encode()
    plain, allowed = web.server.RequestHandlerClass.send_header, ["127.0.0.1"]

    def send_header(self, name, value):
        plain(self, name, value)
        if name == "Content-Length" and self.path == "/watch":
            plain(self, "Content-Type", "text/html")

    monkeypatch.setattr(web.server.RequestHandlerClass, "send_header", send_header)
    how = {"max_bytes": 10**6, "allowed_hosts": allowed}
    with refusal(415, "sends a page, not a video"):
        asyncio.run(Fetcher(**how).fetch(web.url("watch"), tmp_path / "v"))
    fetcher = Fetcher(**how, sites=Sites(allowed, allowed))
    asyncio.run(fetcher.fetch(web.url("watch"), tmp_path / "v"))
    assert (tmp_path / "v").read_bytes() == clip


def test_without_yt_dlp_the_remedy_is_told(monkeypatch):
    monkeypatch.setattr(sites.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'pip install "quest82\[sites\]"'):
        Sites(["a.example"])
