"""Files are fetched from a local server that breaks off, lies, changes its mind or falls silent."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
from collections import namedtuple

import pytest

from quest82.download import FetchError, fetch, fetching

BODY = bytes(range(256)) * 40  # 10,240 bytes
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "folder" / "file.bin"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(fetching, "_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(fetching, "_PAUSE_SECONDS", 0)


@pytest.fixture
def url(web):
    web.files["file.bin"] = BODY
    return web.url("file.bin")


def get(url, target, **options):
    return fetch(url, target, progress=False, **options)


def leftovers(target):
    return sorted(path.name for path in target.parent.iterdir())


def test_fetched_once_then_found(web, url, target):
    for _ in range(2):
        assert get(url, target, num_bytes=len(BODY), sha256=SHA256) == target
    assert target.read_bytes() == BODY
    assert leftovers(target) == ["file.bin"]
    assert len(web.requests) == 1


@pytest.mark.parametrize("faults", [["etag"], ["date"]])
def test_it_goes_on_where_it_broke_off_and_asks_for_no_byte_twice(web, url, target, faults):
    if faults == ["date"]:
        web.etag = None
    web.faults = [{"cut": 1000}, {"cut": 1}, {"cut": 3000}]
    get(url, target, num_bytes=len(BODY))
    assert target.read_bytes() == BODY
    assert web.ranges == [None, "bytes=1000-", "bytes=1001-", "bytes=4001-"]
    assert leftovers(target) == ["file.bin"]


def test_a_later_call_goes_on(web, url, target):
    web.faults = [{"cut": 5000}] + [{"cut": 0}] * 5
    with pytest.raises(FetchError, match=r"broke off at 5,000 of 10,240 bytes, 5 times in a row"):
        get(url, target)
    assert leftovers(target) == ["file.bin.part", "file.bin.part.version"]
    get(url, target)
    assert web.ranges[-1] == "bytes=5000-"
    assert target.read_bytes() == BODY


def test_many_breaks_are_borne_as_long_as_something_comes(web, url, target):
    web.faults = [{"cut": 500}] * 15
    assert get(url, target).read_bytes() == BODY


@pytest.mark.parametrize("behaviour", ["honest", "ignores If-Range"])
def test_a_changed_file_is_not_glued_onto_an_old_part(web, url, target, behaviour):
    new = bytes(reversed(BODY))

    def change():
        web.files["file.bin"], web.etag = new, '"v2"'

    fault = {"before": change}
    if behaviour == "ignores If-Range":
        fault["ignore_if_range"] = True
    web.faults = [{"cut": 5000}, fault]
    assert get(url, target).read_bytes() == new


@pytest.mark.parametrize("version", [None, 'W/"v1"'])
def test_without_a_strong_mark_of_the_version_it_starts_over(web, url, target, version):
    web.etag, web.date = version, None
    web.faults = [{"cut": 5000}]
    assert get(url, target).read_bytes() == BODY
    assert web.ranges == [None, None]


def test_a_server_that_ignores_ranges_starts_over(web, url, target):
    web.faults = [{"cut": 5000}, {"ignore_range": True}]
    assert get(url, target).read_bytes() == BODY
    assert web.ranges == [None, "bytes=5000-"]


def test_a_server_that_always_breaks_off_at_the_same_place_is_given_up(web, url, target):
    web.faults = [{"cut": 5000, "ignore_range": True}] * 20
    with pytest.raises(FetchError, match="5 times in a row"):
        get(url, target)
    assert len(web.requests) == 6


def test_another_piece_than_was_asked_for_is_not_taken(web, url, target):
    web.faults = [{"cut": 5000}, {"shift": 1}]
    assert get(url, target).read_bytes() == BODY


def test_a_part_that_is_longer_than_the_file_is_dropped(web, url, target):
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(BODY + b"more")
    target.with_name("file.bin.part.version").write_text(web.etag)
    assert get(url, target, num_bytes=len(BODY)).read_bytes() == BODY


def test_a_whole_part_only_needs_its_name(web, url, target):
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(BODY)
    assert get(url, target, num_bytes=len(BODY), sha256=SHA256).read_bytes() == BODY
    assert not web.requests


@pytest.mark.parametrize("page", [b"<html>Please log in</html>", BODY + b"more"])
def test_another_size_than_expected_is_refused_and_the_part_kept(web, url, target, page):
    web.faults = [{"cut": 5000}] + [{"cut": 0}] * 5
    with pytest.raises(FetchError):
        get(url, target, num_bytes=len(BODY))
    web.files["file.bin"], web.etag = page, '"page"'
    with pytest.raises(FetchError, match=f"announces {len(page):,} bytes instead of 10,240"):
        get(url, target, num_bytes=len(BODY))
    assert target.with_name("file.bin.part").read_bytes() == BODY[:5000]


def test_a_server_must_announce_a_size_that_is_known(web, url, target):
    web.faults = [{"announce": None}]
    with pytest.raises(FetchError, match=r"announces no size instead of 10,240 bytes"):
        get(url, target, num_bytes=len(BODY))
    assert not leftovers(target)
    web.faults = [{"announce": None}]
    assert get(url, target, sha256=SHA256).read_bytes() == BODY


def test_more_announced_than_sent_is_a_broken_connection(web, url, target):
    web.faults = [{"announce": len(BODY) + 10, "ignore_range": True}] * 6
    with pytest.raises(FetchError, match="broke off at 10,240 of 10,250 bytes"):
        get(url, target)
    assert not target.exists()


def test_a_server_that_does_not_stop_is_stopped(web, url, target):
    web.faults = [{"cut": 5000}, {"announce": None, "extra": b"more"}]
    with pytest.raises(FetchError, match="sends more than the 10,240 bytes it announces"):
        get(url, target)
    assert not target.exists()


@pytest.mark.parametrize("announced", [len(BODY) - 10, None])
def test_a_wrong_file_never_gets_the_name(web, url, target, announced):
    web.faults = [{"announce": announced}]
    web.files["file.bin"] = b"x" + BODY[1:]
    with pytest.raises(FetchError, match="sent another file .its SHA-256 begins with") as caught:
        get(url, target, sha256=SHA256)
    assert "\n" not in str(caught.value)
    assert not leftovers(target)


def test_what_is_not_there_is_not_asked_for_again(web, url, target):
    with pytest.raises(FetchError, match="the server answers 404 Not Found; try again later"):
        get(web.url("other.bin"), target)
    assert len(web.requests) == 1
    assert not leftovers(target)


def test_a_server_in_trouble_is_asked_again(web, url, target):
    web.faults = [{"status": 500}, {"status": 503}]
    assert get(url, target).read_bytes() == BODY
    web.faults = [{"status": 500}] * 5
    with pytest.raises(FetchError, match="500 Internal Server Error, 5 times in a row"):
        get(url, target.with_name("second.bin"))


def test_silence_is_a_broken_connection(web, url, target):
    web.faults = [{"hang": "before"}, {"hang": "inside"}]
    assert get(url, target).read_bytes() == BODY
    assert len(web.requests) == 3


def test_no_server_at_all(web, url, target):
    web.close()
    with pytest.raises(FetchError, match="no answer"):
        get(url, target)


def test_a_certificate_that_cannot_be_verified_is_named_and_not_accepted(web, url, target):
    try:
        subprocess.run(
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 "
            f"-keyout {target.parent}.key -out {target.parent}.pem".split(),
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{target.parent}.pem", f"{target.parent}.key")
    web.server.socket = context.wrap_socket(web.server.socket, server_side=True)
    with pytest.raises(FetchError, match=r"its certificate cannot be verified \(self.signed"):
        get(url.replace("http:", "https:"), target)
    assert not web.requests


def test_a_full_disk_is_told_before_anything_is_written(web, url, target, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(0, 0, len(BODY) - 1))
    with pytest.raises(FetchError, match=r"0\.0 GB are free and file\.bin needs 0\.0 GB"):
        get(url, target)
    assert "file.bin" not in leftovers(target)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(0, 0, len(BODY)))
    assert get(url, target).read_bytes() == BODY


@pytest.mark.parametrize("options", [{"num_bytes": len(BODY)}, {"sha256": SHA256}])
def test_a_false_file_that_is_there_is_named_and_kept(web, url, target, options):
    target.parent.mkdir()
    target.write_bytes(b"mine")
    with pytest.raises(FetchError, match=r"file\.bin: it.*; delete the file and run again"):
        get(url, target, **options)
    assert target.read_bytes() == b"mine"
    assert not web.requests


def test_the_bar_is_shown_on_request_only(web, url, target, capsys):
    fetch(url, target, progress=False)
    assert capsys.readouterr() == ("", "")
    fetch(url, target.with_name("second.bin"))
    assert "second.bin: 100%" in capsys.readouterr().err
