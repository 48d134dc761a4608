"""A cache holds no more than it may, takes no file away from its reader, and survives its users."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import fsspec
import pytest
from conftest import num_bytes
from hypothesis import given
from hypothesis import strategies as st
from object_stores import Breaking, web_folder

from quest82.download import Cache, DiskError, FetchError, RemoteFile, Stat, default_cache, remote
from quest82.download.locks import locked

KB = 1000


@pytest.fixture
def files(monkeypatch):
    """A store of ten files of 100 kB, each of one byte."""
    store = fsspec.filesystem("breaking")
    for number in range(10):
        store.pipe_file(f"/{number}.mp4", bytes([number]) * 100 * KB)
    monkeypatch.setattr(remote, "_PAUSE_SECONDS", 0)
    for name, value in {"breaks": [], "read_from": [], "etag": "", "spoil": 0}.items():
        monkeypatch.setattr(Breaking, name, value)
    yield store
    Breaking.store.clear()


@pytest.fixture
def cache(tmp_path):
    """Has room for three of them."""
    return Cache(tmp_path / "cache", 300 * KB)


def held(cache, number, size=100 * KB):
    return cache.held(f"breaking://{number}.mp4", Stat(size, "1"))


def there(cache):
    """Which of the ten files lie in it."""
    paths = {cache.path_of(f"breaking://{number}.mp4"): number for number in range(10)}
    return {number for path, number in paths.items() if path.exists()}


def total(cache):
    """Files before parts: one that is renamed in between counts as none, not twice."""
    return num_bytes(cache.folder, "*.mp4") + num_bytes(cache.folder, "*.mp4.part")


def test_the_longest_unused_makes_way(files, cache):
    for number in (0, 1, 2, 0, 3, 4):
        with held(cache, number) as path:
            assert set(path.read_bytes()) == {number}
            assert total(cache) <= cache.max_bytes
    assert there(cache) == {0, 3, 4}
    assert len(Breaking.read_from) == 5


def test_what_is_in_use_stays_and_others_wait_for_its_room(files, cache):
    came = threading.Event()

    def want():
        with held(cache, 3):
            came.set()

    with held(cache, 0), held(cache, 1):
        with held(cache, 2):
            waiting = threading.Thread(target=want)
            waiting.start()
            assert not came.wait(0.2)
            assert there(cache) == {0, 1, 2}
        assert came.wait(10)
        waiting.join()
        assert there(cache) == {0, 1, 3}


def test_one_file_is_fetched_once_for_many_readers(files, cache):
    together = threading.Barrier(8)

    def use():
        together.wait()
        with held(cache, 5) as path:
            assert set(path.read_bytes()) == {5}
            together.wait()  # all of them hold it at one time

    readers = [threading.Thread(target=use) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(10)
    assert not together.broken
    assert len(Breaking.read_from) == 1


def test_it_goes_on_where_it_broke_off(files, cache):
    Breaking.breaks = [40 * KB, 30 * KB]
    with held(cache, 6) as path:
        assert path.read_bytes() == b"\6" * 100 * KB
    assert Breaking.read_from == [0, 40 * KB, 70 * KB]


def test_another_call_goes_on_too_unless_the_file_has_changed(files, cache):
    for version, begins in (("1", 40 * KB), ("2", 0)):
        Breaking.breaks, Breaking.read_from[:] = [40 * KB, 0, 0, 0], []
        name, known = f"breaking://{version}.mp4", Stat(100 * KB, version)
        with (
            pytest.raises(FetchError, match="the line is dead"),
            cache.held(name, Stat(100 * KB, "1")),
        ):
            pass
        Breaking.breaks, Breaking.read_from[:] = [], []
        with cache.held(name, known):
            assert Breaking.read_from == [begins]


def test_another_version_takes_the_place_of_the_old(files, cache):
    for version in ("1", "2", "2"):
        with cache.held("breaking://7.mp4", Stat(100 * KB, version)):
            pass
    assert len(Breaking.read_from) == 2


def test_a_file_of_another_size_is_refused_and_left_out(files, cache):
    with pytest.raises(FetchError, match="another file came .it has 100,000 bytes instead of 99"):
        held(cache, 8, 99).__enter__()
    assert total(cache) == 0
    with pytest.raises(FetchError, match="has 400,000 bytes, more than the cache may hold"):
        held(cache, 8, 400 * KB).__enter__()


@pytest.mark.parametrize("spoil", [0, 1, 2])
def test_an_etag_that_is_an_md5_is_held_against_the_file(files, cache, spoil):
    import hashlib

    Breaking.spoil = spoil
    etag = hashlib.md5(files.cat_file("/3.mp4")).hexdigest()
    if spoil == 2:  # two copies that are damaged differently
        with pytest.raises(FetchError, match="arrives damaged"):
            cache.held("breaking://3.mp4", Stat(100 * KB, etag)).__enter__()
        assert there(cache) == set()
        return
    with cache.held("breaking://3.mp4", Stat(100 * KB, etag)) as path:
        assert set(path.read_bytes()) == {3}
    assert len(Breaking.read_from) == spoil + 1


def test_an_etag_that_only_looks_like_an_md5_is_believed_after_two_equal_copies(files, cache):
    with cache.held("breaking://3.mp4", Stat(100 * KB, "0" * 32)) as path:
        assert set(path.read_bytes()) == {3}
    assert len(Breaking.read_from) == 2


def test_what_was_noted_of_a_file_outlives_it(files, cache):
    file = RemoteFile("breaking://1.mp4", cache, Stat(100 * KB, "1"))
    with file.held():
        file.note("100000-abc")
    for number in (2, 3, 4):
        with held(cache, number):
            pass
    assert 1 not in there(cache)
    assert file.told("100000-other") == "100000-abc"
    assert RemoteFile(file.url, cache, Stat(100 * KB, "2")).told("100000-abc") == ""
    elsewhere = Cache(cache.folder.parent / "new", 1)
    assert RemoteFile(file.url, elsewhere, file.listed).told("100000-abc") == "100000-abc"
    assert RemoteFile(file.url, elsewhere, file.listed).told("99-abc") == ""
    assert RemoteFile(file.url, elsewhere, file.listed).told(None) == ""
    assert not elsewhere.folder.exists()


USE = """
import random, sys
from pathlib import Path
from quest82.download import Cache, Stat
url, folder, seed, times = sys.argv[1:]
draw, cache = random.Random(int(seed)), Cache(Path(folder), 300_000)
for _ in range(int(times)):
    number = draw.randrange(10)
    with cache.held(f"{url}/{number}.mp4", Stat(100_000, "")) as path:
        for _ in range(3):
            assert set(path.read_bytes()) == {number}, number
print("done")
"""


def test_processes_share_it_and_some_of_them_are_killed(tmp_path):
    (tmp_path / "files").mkdir()
    for number in range(10):
        (tmp_path / "files" / f"{number}.mp4").write_bytes(bytes([number]) * 100 * KB)
    cache = Cache(tmp_path / "cache", 300 * KB)

    def start(seed, times):
        command = [sys.executable, "-c", USE, url, str(cache.folder), str(seed), str(times)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    with web_folder(tmp_path / "files") as (url, _):
        doomed = [start(seed, 10**6) for seed in (1, 2)]
        steady = start(3, 60)
        draw = random.Random(0)
        for process in doomed:
            while not list(cache.folder.rglob("*.mp4")):
                time.sleep(0.01)
            time.sleep(draw.uniform(0.05, 0.2))
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
        while steady.poll() is None:
            assert total(cache) <= cache.max_bytes
            time.sleep(0.02)
        assert steady.communicate()[0] == "done\n"
        for number in range(10):  # nobody's lock, and nobody's room, is left
            with cache.held(f"{url}/{number}.mp4", Stat(100 * KB)) as path:
                assert set(path.read_bytes()) == {number}
    assert total(cache) <= cache.max_bytes


@pytest.mark.skipif(sys.platform == "win32", reason="locks are not shared there")
def test_readers_share_a_lock_and_a_writer_does_not(tmp_path):
    path = tmp_path / "lock"
    with locked(path, shared=True), locked(path, shared=True, wait=False) as again:
        assert again
        with locked(path, wait=False) as alone:
            assert not alone
    with locked(path) as alone, locked(path, shared=True, wait=False) as reader:
        assert (alone, reader) == (True, False)


sizes, versions = st.sampled_from([None, 1, 2]), st.sampled_from(["", "a", "b"])
stats = st.builds(Stat, sizes, versions)


@given(stats, stats)
def test_stats_fit_both_ways_or_neither_and_nothing_fits_all(one, other):
    assert one.fits(other) == other.fits(one)
    assert one.fits(one)
    assert one.fits(Stat())


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/"), min_size=1))
def test_names_survive_their_urls(name):
    if name.strip(".") == "":
        return
    for root in ("https://host/clips", "s3://bucket/clips/"):
        url = remote.join(root, name)
        assert remote.is_url(url)
        assert remote.name_of(url) == name


def test_secrets_are_not_shown():
    assert remote.shown("https://me:word@host/a.mp4?sig=1#x") == "https://host/a.mp4"
    assert remote.shown("sftp://me:word@host/a?b.mp4") == "sftp://host/a?b.mp4"
    assert not remote.is_url("C:/clips")
    assert not remote.is_url(Path("clips"))


def test_the_size_is_given_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("QUEST82_CACHE", str(tmp_path))
    monkeypatch.setenv("QUEST82_CACHE_GB", "1.5")
    assert default_cache() == Cache(tmp_path / "remote", 1_500_000_000)
    assert default_cache(2).max_bytes == 2_000_000_000
    for text in ("much", "0", "nan", "inf"):
        monkeypatch.setenv("QUEST82_CACHE_GB", text)
        with pytest.raises(
            ValueError, match=f"the size of the cache \\({text}\\) must be a number"
        ):
            default_cache()


def test_a_damaged_index_is_told(files, cache):
    cache.folder.mkdir()
    (cache.folder / "index.sqlite").write_text("this is no table" * 100)
    with pytest.raises(DiskError, match="delete the folder of the cache"), held(cache, 1):
        pass
