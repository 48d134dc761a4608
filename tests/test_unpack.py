"""Archives made by hand, honest and hostile; a real unpacker where one is installed."""

from __future__ import annotations

import sys
from collections import namedtuple

import pytest
from archives import FOLDER, LINK, runs_of, write_rar, write_unpacker

from quest82.data import rar
from quest82.data.rar import UnpackError
from quest82.download import FetchError

MEMBERS = {
    "films/": b"",
    "films/a.avi": b"first film" * 1000,
    "films/readme.txt": b"hello",
    "films/deep/b.avi": b"",
    "films/c.avi": b"third film" * 70_000,
}
MODES = {"films/": FOLDER}


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """The folder of the only programs that are found."""
    folder = tmp_path / "programs"
    write_unpacker(folder)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def targets(tmp_path):
    return {f"{k}.avi": tmp_path / "out" / k / f"{k}.avi" for k in "abcd"}


def files_below(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check_unpacking(archive, targets):
    others = rar.unpack(archive, targets, progress=False)
    assert others == ["films/readme.txt"]
    expected = {name.rpartition("/")[2]: data for name, data in MEMBERS.items()}
    for name in ("a.avi", "b.avi", "c.avi"):
        assert targets[name].read_bytes() == expected[name]
    assert set(files_below(archive.parent / "out")) == {"a.avi", "b.avi", "c.avi"}


def test_wanted_files_go_where_they_belong_and_others_are_named(tmp_path, programs, targets):
    archive = write_rar(tmp_path / "films.rar", MEMBERS, modes=MODES)
    check_unpacking(archive, targets)
    check_unpacking(archive, targets)
    assert runs_of(programs) == 1  # the second time there was nothing to do


@pytest.mark.parametrize("name", rar._UNPACKERS)
def test_real_unpackers_pour_the_same(tmp_path, targets, monkeypatch, name):
    monkeypatch.setattr(rar, "_UNPACKERS", {name: rar._UNPACKERS[name]})
    try:
        rar.find_unpacker()
    except UnpackError:
        pytest.skip(f"{name}, able to read RAR, is not on this machine")
    check_unpacking(write_rar(tmp_path / "films.rar", MEMBERS, modes=MODES), targets)


def test_only_what_is_missing_or_has_another_size_is_written_again(tmp_path, programs, targets):
    archive = write_rar(tmp_path / "films.rar", MEMBERS, modes=MODES)
    rar.unpack(archive, targets, progress=False)
    before = targets["a.avi"].stat().st_mtime_ns
    targets["b.avi"].unlink()
    targets["c.avi"].write_bytes(b"cut sho")
    check_unpacking(archive, targets)
    assert targets["a.avi"].stat().st_mtime_ns == before


def test_without_a_program_one_sentence_says_what_to_install(tmp_path, targets, monkeypatch):
    (tmp_path / "unrar").write_text("#!/bin/sh\necho unrar-free 0.1.3\n")
    (tmp_path / "7z").write_text("#!/bin/sh\nexit 1\n")
    for name in ("unrar", "7z"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnpackError, match="no program to unpack.*install one, e.g. .sudo apt"):
        rar.find_unpacker()


HOSTILE = {
    "upwards": ({"../../a.avi": b"x"}, {}, "a name that leads out"),
    "upwards inside": ({"films/../../a.avi": b"x"}, {}, "a name that leads out"),
    "absolute": ({"/etc/a.avi": b"x"}, {}, "a name that leads out"),
    "drive": ({"C:/a.avi": b"x"}, {}, "a name that leads out"),
    "backslashes": ({"..\\..\\a.avi": b"x"}, {}, "a name that leads out"),
    "link": ({"films/a.avi": b"/etc/passwd"}, {"films/a.avi": LINK}, "a link"),
    "linked folder": ({"films": b"/etc", "films/a.avi": b"x"}, {"films": LINK}, "a link"),
    "twice": ({"films/a.avi": b"x", "films/a.avi*": b"y"}, {}, "a file that it holds twice"),
    "twice elsewhere": ({"films/a.avi": b"x", "other/a.avi": b"y"}, {}, "that it holds twice"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_before_anything_is_unpacked(
    tmp_path, programs, targets, kind
):
    members, modes, reason = HOSTILE[kind]
    archive = write_rar(tmp_path / "films.rar", {**members, "films/c.avi": b"z"}, modes=modes)
    before = files_below(tmp_path)
    with pytest.raises(UnpackError, match=reason) as caught:
        rar.unpack(archive, targets, progress=False)
    assert "\n" not in str(caught.value)
    assert files_below(tmp_path) == before
    assert runs_of(programs) == 0


def test_a_wrong_crc_keeps_what_was_right_and_gives_no_file_its_name(tmp_path, programs, targets):
    # The stand-in's own check would notice the false header: it reads the honest archive.
    honest = write_rar(tmp_path / "honest.rar", MEMBERS, modes=MODES)
    write_unpacker(programs, then=f"archive = rarfile.RarFile({str(honest)!r})")
    archive = write_rar(tmp_path / "films.rar", MEMBERS, modes=MODES, crcs={"films/c.avi": 1})
    with pytest.raises(UnpackError, match=r"did not unpack films/c\.avi as it should be"):
        rar.unpack(archive, targets, progress=False)
    assert set(files_below(tmp_path / "out")) == {"a.avi", "b.avi"}


@pytest.mark.parametrize("then", ["sys.exit(1)", "sys.exit('the disk is on fire')"])
def test_a_program_that_gives_up_is_quoted(tmp_path, programs, targets, then):
    write_unpacker(programs, then=f"member.filename.endswith('c.avi') and {then}")
    archive = write_rar(tmp_path / "films.rar", MEMBERS, modes=MODES)
    quoted = "the disk is on fire" if "fire" in then else "no message"
    with pytest.raises(UnpackError, match=rf"films/c\.avi as it should be \({quoted}\)"):
        rar.unpack(archive, targets, progress=False)
    assert targets["a.avi"].exists()
    write_unpacker(programs)
    check_unpacking(archive, targets)


def test_a_file_that_is_no_archive(tmp_path, programs, targets):
    (tmp_path / "films.rar").write_bytes(b"<html>Please log in</html>")
    with pytest.raises(UnpackError, match="not a RAR archive that can be read"):
        rar.unpack(tmp_path / "films.rar", targets, progress=False)


def test_an_archive_without_files_is_not_taken_for_done(tmp_path, programs, targets):
    archive = write_rar(tmp_path / "films.rar", {"films/": b""}, modes=MODES)
    with pytest.raises(UnpackError, match="holds no file that can be read"):
        rar.unpack(archive, targets, progress=False)


def test_a_file_where_a_folder_should_be(tmp_path, programs, targets):
    (tmp_path / "out").write_text("mine")
    archive = write_rar(tmp_path / "films.rar", MEMBERS, modes=MODES)
    with pytest.raises(UnpackError, match="a file lies where this folder or one above it"):
        rar.unpack(archive, targets, progress=False)
    assert (tmp_path / "out").read_text() == "mine"


def test_a_full_disk_is_told_before_unpacking(tmp_path, programs, targets, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(0, 0, 700_000))
    archive = write_rar(tmp_path / "films.rar", MEMBERS, modes=MODES)
    with pytest.raises(FetchError, match="unpacking needs"):
        rar.unpack(archive, targets, progress=False)
    assert runs_of(programs) == 0


def test_without_rarfile_the_user_is_told_before_anything_is_fetched(monkeypatch):
    monkeypatch.setitem(sys.modules, "rarfile", None)
    with pytest.raises(UnpackError, match=r"pip install 'quest82\[ucf101\]'"):
        rar.find_unpacker()
