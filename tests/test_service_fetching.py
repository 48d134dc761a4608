"""Fetching for strangers: no address of the own network, whatever it is called or redirects to."""

import asyncio
import gzip
from ipaddress import ip_address

import anyio
import httpx
import pytest

from quest82.service.addresses import checked_addresses, is_public, parse
from quest82.service.containers import is_container
from quest82.service.fetching import Fetcher
from quest82.service.limits import Limits, Refused
from quest82.video import VideoError, count_frames, require_within

PRIVATE = (
    "127.0.0.1", "10.1.2.3",
    "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "::", "::1", "fe80::1", "fc00::1",
    "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::",
    "::127.0.0.1", "2001:db8::1", "fec0::1", "fe80::1%eth0", "2001:0:53aa:64c:0:0:80ff:fffe",
)  # fmt: skip
PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_the_own_network_is_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address):
    assert is_public(ip_address(address))


class Net:
    """Names with addresses, and what is answered there; remembers who was asked for what."""

    def __init__(self, names, answers=None):
        self.names, self.answers = names, answers or {}
        self.resolved, self.requests = [], []

    async def resolve(self, host, port):
        self.resolved.append(host)
        found = self.names.get(host)
        if not found:
            raise OSError("no such host")
        return found.pop(0) if isinstance(found[0], list) else found

    def answer(self, request):
        self.requests.append(request)
        found = self.answers[request.headers["Host"] + request.url.path]
        if isinstance(found, Exception):
            raise found
        return found

    def fetch(self, address, path, **options):
        how = {"max_bytes": 1000, "resolve": self.resolve, **options}
        fetcher = Fetcher(transport=httpx.MockTransport(self.answer), **how)
        asyncio.run(fetcher.fetch(address, path))


def refusal(status, text):
    return pytest.raises(Refused, match=text, check=lambda error: error.status == status)


def video():
    return httpx.Response(200, stream=httpx.ByteStream(b"video"))


def to(location, status=302):
    return httpx.Response(status, headers={"Location": location})


def test_the_connection_goes_to_the_address_that_was_checked(tmp_path):
    """A name that resolves anew at each question is asked once."""
    net = Net({"a.example": [["8.8.8.8"], ["127.0.0.1"]]})
    net.answers["a.example/v.mp4"] = video()
    net.fetch("https://a.example/v.mp4#part", tmp_path / "v")
    assert (tmp_path / "v").read_bytes() == b"video"
    (request,) = net.requests
    assert request.url == "https://8.8.8.8/v.mp4"
    assert request.headers["Host"] == "a.example"
    assert request.extensions["sni_hostname"] == "a.example"  # whom the certificate must name
    assert request.headers["Accept-Encoding"] == "identity"
    assert net.resolved == ["a.example"]


def test_the_port_and_an_address_of_ipv6_are_kept(tmp_path):
    net = Net({"a.example": ["2606:4700::1111"]})
    net.answers["a.example:8080/v"] = video()
    net.fetch("http://A.example:8080/v", tmp_path / "v")
    assert str(net.requests[0].url) == "http://[2606:4700::1111]:8080/v"


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1", "8.8.8.8"]])
def test_one_private_address_of_a_name_is_enough_to_refuse_it(tmp_path, addresses):
    net = Net({"a.example": addresses})
    with refusal(403, "a.example: is not a public host"):
        net.fetch("http://a.example/", tmp_path / "v")
    assert net.requests == []
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://[::1]/",
     "http://localhost:8000/health", "http://127.1/", "http://[::ffff:7f00:1]/"],
)  # fmt: skip
def test_every_spelling_of_this_machine_is_refused(address):
    """By the resolver of the system, as in earnest."""
    with pytest.raises(Refused) as error:
        asyncio.run(checked_addresses(parse(address), frozenset()))
    assert error.value.status in (403, 422)  # 422 where the system does not know the spelling


def test_a_host_that_is_allowed_by_name_may_be_private_and_no_other(tmp_path):
    net = Net({"nas.local": ["10.0.0.7"], "router.local": ["10.0.0.1"]})
    net.answers["nas.local/v"] = video()
    net.answers["nas.local/r"] = to("http://router.local/")
    net.fetch("http://NAS.local/v", tmp_path / "v", allowed_hosts=["Nas.Local"])
    with refusal(403, "router.local: is not a public host"):
        net.fetch("http://nas.local/r", tmp_path / "w", allowed_hosts=["nas.local"])


def test_each_redirect_is_checked_like_the_first(tmp_path):
    net = Net({"a.example": ["8.8.8.8"], "b.example": ["9.9.9.9"], "in": ["169.254.169.254"]})
    net.answers |= {
        "a.example/": to("//b.example/x"),
        "b.example/x": to("y", status=308),
        "b.example/y": video(),
        "a.example/in": to("http://in/latest"),
        "a.example/file": to("file:///etc/passwd"),
        "a.example/user": to("http://u:p@b.example/"),
        "a.example/loop": to("loop"),
    }
    net.fetch("http://a.example/", tmp_path / "v")
    assert [request.url.host for request in net.requests] == ["8.8.8.8", "9.9.9.9", "9.9.9.9"]
    for name, status, text in (
        ("in", 403, "in: is not a public host"),
        ("file", 400, "must begin with http"),
        ("user", 400, "user name"),
        ("loop", 422, "redirects more than 5 times"),
    ):
        with refusal(status, text):
            net.fetch(f"http://a.example/{name}", tmp_path / "w")


@pytest.mark.parametrize(
    ("address", "status", "text"),
    [
        ("ftp://a.example/", 400, "must begin with http:// or https://"),
        ("file:///etc/passwd", 400, "must begin with"),
        ("a.example", 400, "must begin with"),
        ("http://", 400, "must begin with"),
        ("http://a.example:99999999/", 400, "port of the address"),
        ("http://[", 422, "no such host"),
        ("http://a\nb/", 400, "must begin with"),
        ("http://" + "a" * 3000, 400, "must begin with"),
        ("http://u:p@a.example/", 400, "user name or password"),
        ("http://nowhere.example/", 422, "nowhere.example: there is no such host"),
    ],
)
def test_what_is_no_address_is_refused(tmp_path, address, status, text):
    with refusal(status, text):
        Net({"a.example": ["8.8.8.8"]}).fetch(address, tmp_path / "v")


BOMB = gzip.compress(bytes(10_000_000))
PAGE = {"Content-Type": "text/html; charset=utf-8"}


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (httpx.Response(404), 422, "answers with status 404, not a file"),
        (httpx.Response(304), 422, "status 304"),
        (httpx.Response(200, headers=PAGE, text="<html>"), 415, "sends a page, not a video"),
        (httpx.Response(200, content=bytes(1001)), 413, "larger than 1000 bytes"),
        (httpx.Response(200, headers={"Content-Length": "9" * 30}), 413, "larger than 1000"),
        (httpx.ConnectError("refused"), 422, "does not take the connection"),
        (httpx.ConnectTimeout("slow"), 422, "does not take the connection"),
        (httpx.ReadTimeout("slow"), 422, "says nothing for 10 s"),
        (httpx.RemoteProtocolError("nonsense"), 422, "breaks the connection off"),
    ],
)
def test_an_answer_without_a_video_is_refused(tmp_path, answer, status, text):
    net = Net({"a.example": ["8.8.8.8"]}, {"a.example/": answer})
    with refusal(status, text):
        net.fetch("http://a.example/", tmp_path / "v")


def test_a_file_of_unknown_length_is_cut_off(tmp_path):
    async def endless():
        while True:
            yield bytes(100)

    net = Net({"a.example": ["8.8.8.8"]}, {"a.example/": httpx.Response(200, content=endless())})
    with refusal(413, "larger than 1000 bytes"):
        net.fetch("http://a.example/", tmp_path / "v")
    assert (tmp_path / "v").stat().st_size <= 1000


def test_what_is_said_to_be_compressed_is_not_unpacked(tmp_path):
    async def sent():
        yield BOMB

    response = httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=sent())
    net = Net({"a.example": ["8.8.8.8"]}, {"a.example/": response})
    with refusal(422, "sends the file compressed"):
        net.fetch("http://a.example/", tmp_path / "v", max_bytes=len(BOMB))


def test_where_one_address_takes_no_connection_the_next_is_tried(tmp_path):
    net = Net({"a.example": ["2606:4700::1111", "8.8.8.8"]})

    def answer(request):
        if ":" in request.url.host:
            raise httpx.ConnectError("no route")
        return video()

    net.answer = answer
    net.fetch("http://a.example/", tmp_path / "v")
    assert (tmp_path / "v").read_bytes() == b"video"


def test_proxies_of_the_environment_are_not_asked(tmp_path, web, monkeypatch):
    """A proxy would resolve the name again."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    web.files["v"] = b"video"
    fetcher = Fetcher(max_bytes=1000, allowed_hosts=["127.0.0.1"])
    asyncio.run(fetcher.fetch(web.url("v"), tmp_path / "v"))
    assert (tmp_path / "v").read_bytes() == b"video"


def test_a_server_that_says_nothing_is_given_up(tmp_path, web):
    web.faults = [{"hang": "before"}]
    fetcher = Fetcher(max_bytes=1000, allowed_hosts=["127.0.0.1"])

    async def soon():
        with anyio.fail_after(0.5):
            await fetcher.fetch(web.url("v"), tmp_path / "v")

    with pytest.raises(TimeoutError):
        asyncio.run(soon())


@pytest.mark.parametrize("name", ["mp4", "mov", "mkv"])
def test_what_we_write_ourselves_is_a_container(write_clip, name):
    assert is_container(write_clip(f"clip.{name}").read_bytes()[:512])


@pytest.mark.parametrize(
    "head",
    [b"", b"Gif" * 200, b"RIFF1234WAVE", b"GIF89a", b"\x89PNG", b"abcdftyp", b"v=0\nc=IN IP4 1"],
)
def test_what_holds_no_video_of_its_own_is_no_container(head):
    assert not is_container(head)


def test_a_list_that_names_a_video_is_not_followed(write_clip):
    """Whatever it looks like: FFmpeg itself is told which containers it may open."""
    path = write_clip()
    require_within(path, max_pixels=64 * 64, max_seconds=9)
    listed = path.with_name("list")
    listed.write_text(f"ffconcat version 1.0\nfile {path.name}\n")
    assert count_frames(listed) == 12
    with pytest.raises(VideoError, match="list: cannot be read as a video"):
        require_within(listed, max_pixels=64 * 64, max_seconds=9)


@pytest.mark.parametrize("name", ["max_bytes", "max_seconds", "at_once"])
def test_limits_of_nothing_are_refused(name):
    with pytest.raises(ValueError, match=rf"{name} \(0\) must be above 0"):
        Limits(**{name: 0})
