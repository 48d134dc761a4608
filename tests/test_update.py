"""A store follows its files: only what is new or changed is read, and the result is as if fresh."""

import json
import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import moving_square

from quest82 import video
from quest82.data import clips
from quest82.data.clips import digest_of
from quest82.essences import EssenceSet, StoreError, extract, update
from quest82.essences.engines import EngineError
from quest82.essences.reader import is_complete
from quest82.essences.writer import StoreWriter
from quest82.frames import worker_program, workers
from quest82.frames.view import ViewSpec

SPEC = ViewSpec(num_frames=2, size=32)
HOW = {"engine": "plain", "num_workers": 0, "progress": False}
FILES = ["clips.jsonl", "essences.npy", "index.safetensors", "manifest.json"]
NAMES = ("a/1.mp4", "a/2.mp4", "b/1.mp4", "b/2.mp4")


def contents(path: Path) -> dict[str, bytes]:
    assert sorted(p.name for p in path.iterdir()) == FILES
    return {name: (path / name).read_bytes() for name in FILES}


def write(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    video.write_video(path, moving_square(4, shade=shade), fps=25)


@pytest.fixture
def folder(tmp_path):
    """Four clips and one that cannot be read."""
    for i, name in enumerate(NAMES):
        write(tmp_path / "clips" / name, shade=150 + 20 * i)
    (tmp_path / "clips" / "b" / "bad.mp4").write_text("no video")
    return tmp_path / "clips"


@pytest.fixture
def read(monkeypatch):
    """The ids of the clips whose frames are read, as they are read."""
    ids, read_views = [], worker_program.read_views

    def noting(clip, views, spec):
        ids.append(clip.id)
        return read_views(clip, views, spec)

    monkeypatch.setattr(workers.Here, "read", staticmethod(noting))
    return ids


def mend(folder):
    write(folder / "b" / "bad.mp4", shade=99)


def add(folder):
    write(folder / "a" / "0.mp4", shade=99)


def add_class(folder):
    write(folder / "A0" / "0.mp4", shade=99)


def change(folder):
    write(folder / "a" / "2.mp4", shade=99)


def spoil(folder):
    (folder / "a" / "2.mp4").write_text("no video either")


def remove(folder):
    (folder / "a" / "1.mp4").unlink()


def rename(folder):
    (folder / "a" / "1.mp4").rename(folder / "a" / "3.mp4")


def relabel(folder):
    (folder / "a" / "1.mp4").rename(folder / "b" / "0.mp4")


def several(folder):
    mend(folder)
    change(folder)
    remove(folder)
    add(folder)


CHANGES = {
    mend: ["b/bad.mp4"],
    add: ["a/0.mp4", "b/bad.mp4"],
    add_class: ["A0/0.mp4", "b/bad.mp4"],
    change: ["a/2.mp4", "b/bad.mp4"],
    spoil: ["a/2.mp4", "b/bad.mp4"],
    remove: ["b/bad.mp4"],
    rename: ["a/3.mp4", "b/bad.mp4"],
    relabel: ["b/0.mp4", "b/bad.mp4"],
    several: ["a/0.mp4", "a/2.mp4", "b/bad.mp4"],
}


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("happens", CHANGES, ids=lambda happens: happens.__name__)
def test_only_what_changed_is_read_and_the_store_is_as_if_fresh(
    folder, extractor, tmp_path, read, happens, views
):
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    extract(clips.from_folder(folder), extractor, out, replace(SPEC, num_views=views), **HOW)
    happens(folder)
    found = clips.from_folder(folder)
    read.clear()
    data = extract(found, extractor, out, replace(SPEC, num_views=views), **HOW)
    assert read == CHANGES[happens]
    extract(found, extractor, fresh, replace(SPEC, num_views=views), **HOW)
    assert contents(out) == contents(fresh)
    assert set(data.clip_ids) | dict(data.skipped).keys() == {clip.id for clip in found}


def test_other_labels_groups_and_orders_cost_nothing(folder, extractor, tmp_path, read):
    found = clips.from_folder(folder)[:4]
    extract(found, extractor, tmp_path / "out", SPEC, **HOW)
    found = [replace(clip, label=clip.label + "?", group="g") for clip in reversed(found)]
    read.clear()
    data = extract(found, extractor, tmp_path / "out", SPEC, **HOW)
    assert read == []
    assert (data.classes, set(data.groups)) == (("a?", "b?"), {"g"})
    extract(found, extractor, tmp_path / "fresh", SPEC, **HOW)
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def test_where_nothing_changed_nothing_is_written(folder, extractor, tmp_path, read):
    found, out = clips.from_folder(folder), tmp_path / "out"
    extract(found, extractor, out, SPEC, **HOW)
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.iterdir()}
    os.utime(folder / "a" / "1.mp4", (0, 0))  # another time is not another content
    read.clear()
    extract(found, extractor, out, SPEC, **HOW)
    assert read == ["b/bad.mp4"]  # what was skipped is tried again by each run
    assert {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in out.iterdir()} == before


def test_a_clip_whose_file_is_away_keeps_what_it_has(folder, extractor, tmp_path, read):
    found, out = clips.from_folder(folder), tmp_path / "out"
    before = extract(found, extractor, out, SPEC, **HOW)
    shutil.rmtree(folder / "a")
    write(folder / "b" / "2.mp4", shade=99)
    read.clear()
    after = extract(found, extractor, out, SPEC, **HOW)
    assert read == ["b/2.mp4", "b/bad.mp4"]
    assert after.clip_ids == before.clip_ids
    assert after.essences[:3].equal(before.essences[:3])
    assert not after.essences[3].equal(before.essences[3])


def test_essences_of_an_interrupted_update_are_not_made_again(
    folder, extractor, tmp_path, read, monkeypatch
):
    """Even if the list changes again before the update is resumed."""
    found, out = clips.from_folder(folder), tmp_path / "out"
    extract(found, extractor, out, SPEC, **HOW)
    old = contents(out)
    several(folder)
    found = clips.from_folder(folder)
    interrupted = update.StoreUpdate.skip, update.StoreUpdate.add
    calls = []

    def add(self, *arguments):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(arguments)
        interrupted[1](self, *arguments)

    monkeypatch.setattr(update.StoreUpdate, "add", add)
    with pytest.raises(KeyboardInterrupt):
        extract(found, extractor, out, SPEC, **HOW)
    monkeypatch.setattr(update.StoreUpdate, "add", interrupted[1])
    assert {name: (out / name).read_bytes() for name in FILES} == old
    assert len(EssenceSet.load(out)) == 4
    write(folder / "a" / "00.mp4", shade=77)
    found = clips.from_folder(folder)
    read.clear()
    extract(found, extractor, out, SPEC, **HOW)
    assert read == ["a/00.mp4", "b/bad.mp4"]
    extract(found, extractor, tmp_path / "fresh", SPEC, **HOW)
    assert contents(out) == contents(tmp_path / "fresh")


class Killed(BaseException):
    """The process ends here."""


class Death:
    """Ends the process, as it were, at the n-th change of a folder: a hook into the interpreter."""

    def __init__(self) -> None:
        self.folder, self.left = None, 0
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple) -> None:
        if self.folder is None or event not in CHANGING or not isinstance(arguments[0], str | Path):
            return
        if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return
        inside_open_folder = event in ("os.remove", "os.rmdir") and arguments[1] != -1
        if inside_open_folder or str(arguments[0]).startswith(self.folder):
            self.left -= 1
            if self.left < 0:
                raise Killed


CHANGING = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}


@pytest.fixture(scope="module")
def death():
    return Death()


def test_an_update_may_end_before_any_change_of_the_disk(folder, extractor, tmp_path, death):
    extract(clips.from_folder(folder), extractor, tmp_path / "old", SPEC, **HOW)
    several(folder)
    found = clips.from_folder(folder)
    extract(found, extractor, tmp_path / "fresh", SPEC, **HOW)
    fresh, step, ended = contents(tmp_path / "fresh"), 0, False
    while not ended:
        out = tmp_path / f"out{step}"
        shutil.copytree(tmp_path / "old", out)
        death.folder, death.left = str(out), step
        try:
            extract(found, extractor, out, SPEC, **HOW)
            ended = True
        except Killed:
            step += 1
        finally:
            death.folder = None
        extract(found, extractor, out, SPEC, **HOW)
        assert contents(out) == fresh
    assert step > 30


def test_a_half_moved_state_is_not_read_as_damaged(folder, extractor, tmp_path, monkeypatch):
    out = tmp_path / "out"
    extract(clips.from_folder(folder), extractor, out, SPEC, **HOW)
    change(folder)
    with monkeypatch.context() as patch:
        patch.setattr(update, "finish_move", _move_one)
        with pytest.raises(Killed):
            extract(clips.from_folder(folder), extractor, out, SPEC, **HOW)
    with pytest.raises(StoreError, match="was not finished; run it again"):
        EssenceSet.load(out)


def _move_one(path: Path) -> None:
    if is_complete(path / "next"):
        (path / "next" / "essences.npy").replace(path / "essences.npy")
        raise Killed


def test_a_refused_update_leaves_the_store_as_it_was(folder, extractor, tmp_path):
    found, out = clips.from_folder(folder), tmp_path / "out"
    extract(found, extractor, out, SPEC, **HOW)
    before = contents(out)
    change(folder)
    with pytest.raises(StoreError, match="num_frames is 2 there and 3 here"):
        extract(found, extractor, out, replace(SPEC, num_frames=3), **HOW)
    with pytest.raises(StoreError, match=f"^{re.escape(str(out))}: not one clip could be read"):
        extract([clip for clip in found if "bad" in clip.id], extractor, out, SPEC, **HOW)
    with pytest.raises(ValueError, match=r"the id 'a/1\.mp4' occurs twice"):
        extract([*found, found[0]], extractor, out, SPEC, **HOW)
    assert {name: (out / name).read_bytes() for name in FILES} == before
    assert len(EssenceSet.load(out)) == 4


def test_a_store_that_cannot_be_written_is_opened_where_nothing_is_due(
    folder, extractor, tmp_path, monkeypatch, read
):
    def refused(**options):
        raise OSError(30, "Read-only file system")

    found, out = clips.from_folder(folder), tmp_path / "out"
    extract(found, extractor, out, SPEC, **HOW)
    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    assert len(extract(found, extractor, out, SPEC, **HOW)) == 4
    change(folder)
    read.clear()
    with pytest.raises(ValueError, match=r"out: cannot be written \(Read-only file system\)"):
        extract(found, extractor, out, SPEC, **HOW)
    with pytest.raises(ValueError, match=r"new/out: cannot be written"):
        extract(found, extractor, tmp_path / "new" / "out", SPEC, **HOW)
    assert read == []
    assert not (tmp_path / "new").exists()


def test_damaged_numbers_are_not_carried_on(folder, extractor, tmp_path):
    out = tmp_path / "out"
    extract(clips.from_folder(folder), extractor, out, SPEC, **HOW)
    content = bytearray((out / "essences.npy").read_bytes())
    content[-1] ^= 1
    (out / "essences.npy").write_bytes(content)
    add(folder)
    with pytest.raises(StoreError, match=r"of b/2\.mp4 are damaged"):
        extract(clips.from_folder(folder), extractor, out, SPEC, **HOW)


def test_a_store_without_digests_is_opened_and_made_anew(folder, extractor, tmp_path, read):
    """As they were written before a line knew its file."""
    found, out, fresh = clips.from_folder(folder), tmp_path / "out", tmp_path / "fresh"
    extract(found, extractor, fresh, SPEC, **HOW)
    settings = json.loads((fresh / "manifest.json").read_text())["settings"]
    data = EssenceSet.load(fresh)
    shape = data.essences.shape[1:]
    writer = StoreWriter(out, {**settings, "clips": "0"}, data.classes, shape)
    for row, clip in zip(data.essences.numpy(), found[:4], strict=True):
        writer.add({"id": clip.id, "label": clip.label, "group": clip.group}, row)
    writer.finish()
    assert EssenceSet.load(out).essences.equal(data.essences)
    read.clear()
    extract(found, extractor, out, SPEC, **HOW)
    assert read == [clip.id for clip in found]
    assert contents(out) == contents(fresh)


@pytest.mark.parametrize("error", [ValueError, EngineError])
def test_a_wrong_engine_leaves_nothing_behind(folder, extractor, tmp_path, monkeypatch, error):
    found, out = clips.from_folder(folder), tmp_path / "out"
    if error is EngineError:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    name = {ValueError: "abacus", EngineError: "openvino"}[error]
    with pytest.raises(error, match=name):
        extract(found, extractor, out, SPEC, **{**HOW, "engine": name})
    assert not out.exists()


def test_a_store_in_which_nothing_is_written_takes_other_settings(
    folder, extractor, tmp_path, monkeypatch
):
    found, out = clips.from_folder(folder), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(workers.Here, "read", lambda *asked: _end())
        with pytest.raises(Killed):
            extract(
                found, extractor, out, replace(SPEC, num_frames=5), **{**HOW, "engine": "fused"}
            )
    extract(found, extractor, out, SPEC, **HOW)
    extract(found, extractor, tmp_path / "fresh", SPEC, **HOW)
    assert contents(out) == contents(tmp_path / "fresh")


def _end() -> None:
    raise Killed


@pytest.mark.parametrize("size", [0, 1, 65536, 2**20 - 1, 2**20])
def test_each_byte_of_a_small_file_is_in_its_digest(tmp_path, size):
    path = tmp_path / "file"
    path.write_bytes(bytes(size))
    seen = {digest_of(path)}
    for position in {0, size // 3, size // 2, size - 1} if size else ():
        content = bytearray(size)
        content[position] = 1
        path.write_bytes(content)
        seen.add(digest_of(path))
    assert len(seen) == 1 + len({0, size // 3, size // 2, size - 1} if size else ())
    path.write_bytes(bytes(size + 1))
    assert digest_of(path) not in seen
    assert all(digest.startswith(f"{size}-") for digest in seen)


def test_of_a_large_file_sixteen_blocks_count(tmp_path):
    path, size = tmp_path / "file", 5 * 2**20 + 12345
    path.write_bytes(bytes(size))
    before, last = digest_of(path), size - 65536
    starts = [last * k // 15 for k in range(16)]
    for position in (*starts, *(start + 65535 for start in starts)):
        with path.open("r+b") as file:
            file.seek(position)
            file.write(b"\1")
            file.flush()
            assert digest_of(path) != before, position
            file.seek(position)
            file.write(b"\0")
    assert digest_of(path) == before


def test_a_file_that_is_away_has_no_digest(tmp_path):
    assert digest_of(tmp_path / "nothing") is None
    assert digest_of(tmp_path) is None
