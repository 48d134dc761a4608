"""Opening a store reads no clip: its index says what its lines say, and damage is found later."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from command import quest82
from conftest import contents, moving_square
from hypothesis import given
from hypothesis import strategies as st

from quest82 import video
from quest82.data import clips
from quest82.data.names import Names
from quest82.essences import EssenceSet, StoreError, extract, index, writer
from quest82.essences.checking import check_store, index_store
from quest82.essences.files import lock_on
from quest82.frames.view import ViewSpec

SPEC = ViewSpec(num_frames=2, size=32)
HOW = {"engine": "plain", "num_workers": 0, "progress": False}
NUMBERS, LINES = "essences.npy", "clips.jsonl"
INDEX, MANIFEST = "index.safetensors", "manifest.json"


def into_first_format(store: Path) -> None:
    """As quest82 wrote it before there was an index."""
    (store / INDEX).unlink()
    manifest = json.loads((store / MANIFEST).read_text("utf-8"))
    told = {name: value for name, value in manifest.items() if name not in ("lines", "index")}
    told["format"] = "quest82-essences/1"
    text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    (store / MANIFEST).write_text(text, "utf-8")


def flip_byte(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def same(one: EssenceSet, other: EssenceSet) -> bool:
    names = ("groups", "clip_ids", "classes", "splits", "skipped", "settings")
    return (
        all(getattr(one, name) == getattr(other, name) for name in names)
        and one.labels.equal(other.labels)
        and one.labels.dtype == other.labels.dtype
        and one.essences.equal(other.essences)
    )


@pytest.fixture
def data(make_set):
    """24 clips with all that a line can hold."""
    skipped = (("x/б.mp4", "is empty"), ("y.mp4", "took longer than 60 s"))
    splits = tuple("train" if i % 4 else "test" for i in range(24))
    ids = tuple(f"клип/{i:03d}'.mp4" for i in range(24))
    return replace(make_set(views=2), clip_ids=ids, skipped=skipped, splits=splits)


@pytest.fixture
def store(data, tmp_path):
    data.save(tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def folder(tmp_path):
    for i, name in enumerate(("a/1.mp4", "a/2.mp4", "b/1.mp4")):
        path = tmp_path / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        video.write_video(path, moving_square(4, shade=150 + 20 * i), fps=25)
    (tmp_path / "clips" / "b" / "bad.mp4").write_text("no video")
    return tmp_path / "clips"


class TestNames:
    @given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))), st.booleans(), st.data())
    def test_are_a_tuple_in_all_but_where_they_lie(self, values, distinct, drawn):
        expected = tuple(dict.fromkeys(values)) if distinct else tuple(values)
        names = Names.of(expected, distinct=distinct)
        assert (tuple(names), len(names), repr(names)) == (expected, len(expected), repr(expected))
        assert names == expected
        assert expected == names
        assert names == Names.of(expected, distinct=False)
        assert names != (*expected, "x")
        assert names != list(expected)
        assert hash(names) == hash(expected)
        assert (names + ("x",), ("x",) + names) == ((*expected, "x"), ("x", *expected))
        cut = drawn.draw(st.slices(len(expected)))
        assert names[cut] == expected[cut]
        for row in range(-len(expected), len(expected)):
            assert names[torch.tensor(row)] == names[row] == expected[row]
        with pytest.raises(IndexError):
            _ = names[len(expected)]

    def test_many_are_read_in_order(self):
        values = [f"{i}" for i in range(10_000)]
        assert list(Names.of(values, distinct=True)) == values
        assert np.asarray(Names.of(values, distinct=False)).tolist() == values


class TestOpening:
    def test_the_index_says_what_the_lines_say(self, data, store, tmp_path):
        shutil.copytree(store, tmp_path / "old")
        into_first_format(tmp_path / "old")
        new, old = EssenceSet.load(store), EssenceSet.load(tmp_path / "old")
        assert isinstance(new.clip_ids, Names)
        assert isinstance(old.clip_ids, tuple)
        assert same(new, old)
        assert (new.clip_ids, new.groups, new.splits) == (data.clip_ids, data.groups, data.splits)
        for one, other in zip(new.split(0.25), old.split(0.25), strict=True):
            assert same(one, other)

    def test_spellings_of_a_group_are_one(self, make_set, tmp_path):
        spelt = replace(make_set(), groups=["Eli", "eli "] * 12)
        line = {"id": "one", "label": "a", "group": "Eli"}
        made = writer.StoreWriter(tmp_path / "s", {}, ["a"], (1, 1))
        made.add(line, np.zeros((1, 1)))
        made.add({**line, "id": "other", "group": "eli "}, np.zeros((1, 1)))
        made.finish()
        assert set(EssenceSet.load(tmp_path / "s").groups) == set(spelt.groups) == {"Eli"}

    def test_an_id_that_occurs_twice_is_refused(self, tmp_path):
        made = writer.StoreWriter(tmp_path / "s", {}, ["a"], (1, 1))
        for _ in range(2):
            made.add({"id": "one", "label": "a", "group": "g"}, np.zeros((1, 1)))
        with pytest.raises(StoreError, match="clip_ids must differ"):
            made.finish()

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda p: (p / INDEX).unlink(),
            lambda p: (p / INDEX).write_bytes(b""),
            lambda p: (p / INDEX).write_bytes((p / INDEX).read_bytes()[:-1]),
            lambda p: flip_byte(p / INDEX, -5),
        ],
    )
    def test_without_its_index_a_store_is_read_by_its_lines(self, data, store, spoil):
        whole = contents(store)
        spoil(store)
        opened = EssenceSet.load(store)
        assert isinstance(opened.clip_ids, tuple)
        assert (opened.clip_ids, opened.skipped) == (data.clip_ids, data.skipped)
        assert opened.essences.equal(data.essences)
        index_store(store)
        assert contents(store) == whole

    def test_the_index_of_another_store_is_not_taken(self, data, store, tmp_path):
        data.subset(range(23, -1, -1)).save(tmp_path / "other")
        shutil.copy(tmp_path / "other" / INDEX, store / INDEX)
        assert EssenceSet.load(store).clip_ids == data.clip_ids


class TestDamage:
    @pytest.fixture(params=["numbers", "line"])
    def damaged(self, request, store):
        """A store of which clip 7 is damaged."""
        if request.param == "numbers":
            size = (store / NUMBERS).stat().st_size
            row_bytes = 2 * 2 * 5 * 16
            flip_byte(store / NUMBERS, size - (24 - 7) * row_bytes)
        else:
            content = (store / LINES).read_bytes()
            place = content.index(b"007'")
            (store / LINES).write_bytes(content[:place] + b"008'" + content[place + 4 :])
        return store

    def test_is_found_when_the_clip_is_read_and_not_before(self, data, damaged):
        opened = EssenceSet.load(damaged)
        others = torch.tensor([k for k in range(24) if k != 7])
        views = torch.zeros_like(others)
        assert (opened.num_frames, opened.num_features, opened.num_views) == (5, 16, 2)
        assert opened.batch(others, views).equal(data.essences[others, 0])
        assert opened.subset([8, -1]).essences.equal(data.essences[[8, -1]])
        for read in (
            lambda: opened.batch(torch.tensor([3, 7])),
            lambda: opened.subset([7]),
            lambda: opened.subset([-17]),
            lambda: opened.essences,
            opened.backwards,
        ):
            with pytest.raises(StoreError, match=r"клип/007.* are damaged .*extract again"):
                read()

    def test_a_line_that_is_none_any_more_is_damage(self, store):
        content = (store / LINES).read_bytes()
        (store / LINES).write_bytes(b"]" + content[1:])
        with pytest.raises(StoreError, match="клип/000"):
            EssenceSet.load(store).batch(torch.tensor([0]))

    def test_is_listed_by_check(self, damaged):
        found = check_store(damaged, progress=False)
        assert len(found.damaged) == 1
        assert not found.is_sound
        said, _ = quest82("check", damaged, code=1)
        assert "24 clips checked, 1 damaged; 2 had been skipped" in said
        assert "delete the folder and extract again" in said

    def test_of_a_reason_is_found_by_check(self, store):
        content = (store / LINES).read_bytes()
        (store / LINES).write_bytes(content.replace(b"is empty", b"is full!"))
        found = check_store(store, progress=False)
        assert (found.damaged, found.has_other_lines) == ((), True)
        said, _ = quest82("check", store, code=1)
        assert "damaged clips.jsonl" in said


class TestFirstFormat:
    @pytest.fixture
    def old(self, folder, extractor, tmp_path):
        extract(clips.from_folder(folder), extractor, tmp_path / "old", SPEC, **HOW)
        shutil.copytree(tmp_path / "old", tmp_path / "fresh")
        into_first_format(tmp_path / "old")
        return tmp_path / "old"

    def test_is_checked_when_it_is_opened(self, store):
        into_first_format(store)
        flip_byte(store / NUMBERS, -100)
        with pytest.raises(StoreError, match="клип/023.* are damaged"):
            EssenceSet.load(store)

    def test_gets_its_index_by_the_next_extraction(self, folder, extractor, old, monkeypatch):
        monkeypatch.setattr(writer.StoreWriter, "add", lambda *asked: 1 / 0)  # nothing is made
        extract(clips.from_folder(folder), extractor, old, SPEC, **HOW)
        assert contents(old) == contents(old.parent / "fresh")

    def test_follows_its_files(self, folder, extractor, old):
        (folder / "a" / "1.mp4").unlink()
        video.write_video(folder / "b" / "2.mp4", moving_square(4, shade=99), fps=25)
        found = clips.from_folder(folder)
        extract(found, extractor, old, SPEC, **HOW)
        extract(found, extractor, old.parent / "new", SPEC, **HOW)
        assert contents(old) == contents(old.parent / "new")

    def test_goes_on_where_it_was_killed(self, folder, extractor, old):
        manifest = json.loads((old / MANIFEST).read_text("utf-8"))
        begun = {k: v for k, v in manifest.items() if not k.startswith("num_")}
        (old / MANIFEST).write_text(json.dumps(begun | {"complete": False}), "utf-8")
        extract(clips.from_folder(folder), extractor, old, SPEC, **HOW)
        assert contents(old) == contents(old.parent / "fresh")

    def test_gets_its_index_by_check(self, old):
        said, _ = quest82("check", old)
        assert f"quest82 check {old} --index writes one" in said
        said, _ = quest82("check", old, "--index")
        assert "index written" in said
        assert contents(old) == contents(old.parent / "fresh")
        said, _ = quest82("check", old, "--index")
        assert said == "3 clips checked, 0 damaged; 1 had been skipped\n"

    def test_a_damaged_one_gets_none(self, old):
        flip_byte(old / NUMBERS, -100)
        before = contents(old)
        quest82("check", old, "--index", code=1)
        assert contents(old) == before

    @pytest.mark.parametrize("module", [index, writer])
    def test_stays_readable_if_its_migration_is_killed(self, old, monkeypatch, module):
        """Before the index is there, and between it and the manifest."""

        class Killed(BaseException):
            pass

        def killed(path, content):
            path.with_name(path.name + ".part").write_bytes(content[:50])
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(module, "write_whole", killed)
            with pytest.raises(Killed):
                index_store(old)
        assert same(EssenceSet.load(old), EssenceSet.load(old.parent / "fresh"))
        index_store(old)
        assert contents(old) == contents(old.parent / "fresh")

    def test_that_cannot_be_written_is_opened_as_it_is(self, folder, extractor, old, monkeypatch):
        def refused(path, content):
            raise OSError(30, "Read-only file system")

        before = contents(old)
        monkeypatch.setattr(index, "write_whole", refused)
        assert len(extract(clips.from_folder(folder), extractor, old, SPEC, **HOW)) == 3
        assert contents(old) == before
        with pytest.raises(StoreError, match=r"old: cannot be written \(Read-only"):
            index_store(old)

    def test_being_written_is_left_alone(self, old):
        with lock_on(old), pytest.raises(StoreError, match="an extraction is writing there"):
            index_store(old)


def test_videos_have_no_index(folder):
    _, error = quest82("check", folder, "--index", code=2)
    assert "is no store of essences, so it has no index" in error
