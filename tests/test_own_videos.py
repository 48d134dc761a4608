"""One's own videos as they lie on the disk, on the command line: from files to a store."""

import json
import re
import shlex
import shutil

import pytest
from conftest import moving_square
from test_cli import quest82

from quest82 import video
from quest82.cli import description
from quest82.essences import EssenceSet
from quest82.experiments import records
from quest82.systems.weights import checkpoint_path

HOW = ("--num-frames", 2, "--size", 32, "--device", "cpu", "--workers", 0)
NAMES = [f"{person}{k}.mp4" for person in ("ann", "bo", "cy") for k in (1, 2)]


@pytest.fixture
def weights():
    if not checkpoint_path().exists():
        pytest.skip("the ImageNet weights are not in the cache: quest82 weights")


@pytest.fixture
def videos(tmp_path):
    """Six videos of three persons in one folder, a second long, and a table of their halves."""
    root, rows = tmp_path / "videos", ["path,label,group,start,end"]
    root.mkdir()
    for number, name in enumerate(NAMES):
        video.write_video(root / name, moving_square(24, shade=100 + 20 * number), fps=24)
        person = name[:-5]
        rows += [f"{name},rise,{person},0,0.5", f"{name},fall,{person},0.5,"]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    return root


def test_annotations_go_into_a_store(videos, weights, tmp_path):
    video.write_video(videos / "other.mp4", moving_square(4), fps=24)
    labels, store = ("--annotations", tmp_path / "labels.csv"), tmp_path / "store"
    out, _ = quest82("extract", videos, store, *labels, *HOW)
    assert "1 videos are not in the annotations, such as other.mp4" in out
    assert "12 clips, 2 classes, 3 groups" in out
    data = EssenceSet.load(store)
    assert data.clip_ids[:2] == ("ann1.mp4 0-0.5 s", "ann1.mp4 0.5- s")
    assert data.groups[:2] == ("ann", "ann")
    assert [data.classes[k] for k in data.labels[:2]] == ["rise", "fall"]
    lines = [json.loads(line) for line in (store / "clips.jsonl").read_text().splitlines()]
    assert [(line.get("start"), line.get("end")) for line in lines[:2]] == [(0, 0.5), (0.5, None)]


def test_annotations_are_compared(videos, weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels = ("--annotations", "labels.csv", "--seeds", 1, "--epochs", 1, "--test", 0.34)
    out, _ = quest82("compare", "videos", *labels, *HOW)
    assert "every clip is a group of its own" not in out
    assert (tmp_path / "videos.json").exists()


def test_a_bad_table_costs_one_message(videos, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text(table.read_text().replace("ann", "anna"))
    _, error = quest82("extract", videos, tmp_path / "s", "--annotations", table, code=2)
    assert error.startswith("quest82: 4 of 12 rows name videos that are not in")
    assert f"  {table}, line 2: path ('anna1.mp4')\n" in error
    assert not (tmp_path / "s").exists()


def in_folders(videos, *names):
    """The videos again, as class folders."""
    root = videos.parent / "tree"
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(videos / NAMES[number % len(NAMES)], root / name)
    return root


def test_the_split_of_the_folders_is_kept_and_compared(videos, weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [f"{s}/{c}/{k}.mp4" for s in ("train", "val", "test") for c in "ab" for k in (1, 2)]
    in_folders(videos, *names)
    out, _ = quest82("compare", "tree", "--seeds", 1, "--epochs", 1, *HOW)
    assert "split as given: test 4, train 4, val 4 clips" in out
    data = EssenceSet.load("tree.essences")
    assert data.splits == ("test",) * 4 + ("train",) * 4 + ("val",) * 4
    record = records.load("tree.json")
    (part,) = record.parts
    assert {
        name: {record.clips.splits[row] for row in rows}
        for name, rows in zip(part._fields[1:], part[1:], strict=True)
    } == {"train": {"train", "val"}, "watched": {"val"}, "test": {"test"}}
    data.save("again")
    assert EssenceSet.load("again").splits == data.splits
    assert data.reversed_pairs().splits[::2] == data.splits
    assert set(data.subset([0, 5]).splits) == {"test", "train"}


def test_the_line_for_a_deeper_folder_works(videos, weights, tmp_path):
    names = ("x/a/1.mp4", "x/b/2.mp4")
    root = in_folders(videos, *names)
    _, error = quest82("extract", root, tmp_path / "s", *HOW, code=2)
    line = shlex.split(error.rsplit(": ", 1)[1])
    assert line[0] == "quest82"
    out, _ = quest82(*line[1:])
    assert "2 clips, 2 classes" in out


def test_describe_says_what_is_there(videos, tmp_path):
    table = tmp_path / "labels.csv"
    (videos / NAMES[0]).write_text("no video")
    video.write_video(videos / NAMES[1], moving_square(30, size=32), fps=15)
    out, _ = quest82("describe", videos, "--annotations", table, "--workers", 1)
    lines = out.splitlines()
    assert lines[0] == f"{videos}: 10 clips, 2 classes, 3 groups"
    assert [line.split() for line in lines[1:4]] == [
        ["class", "clips", "groups"], ["fall", "5", "3"], ["rise", "5", "3"]
    ]  # fmt: skip
    assert lines[4].startswith("smallest class: 'fall' with 5 clips, the largest has 5; always")
    assert lines[5] == "lengths: 0.50 to 1.50 s, median 0.50 s"
    assert lines[6] == "sizes: 64x64 (8), 32x32 (2) pixels"
    assert lines[7] == "frame rates: 24 (8), 15 (2) frames per second"
    assert lines[8] == "split: by group into at most 3 parts: --test from 0.34 to 0.5"
    assert re.fullmatch(
        r"extraction: about \d+ s for 10 clips of 16 frames .* \(\d+ ms for .*\)", lines[9]
    )
    assert lines[10].startswith(f"unreadable {NAMES[0]}: cannot be read as a video")
    assert lines[11:] == ["1 files cannot be read"]


def test_describe_tells_what_a_split_cannot_do(videos, tmp_path):
    root = in_folders(videos, "a/1.mp4", "a/2.mp4", "b/1.mp4", "notes.txt")
    out, _ = quest82("describe", root, "--workers", 0)
    assert "note: every clip is a group of its own" in out
    assert "smallest class: 'b' with 1 clips, the largest has 2; always the most frequent" in out
    assert "note: class 'b' has clips of 1 group, too few to be learned and tested" in out
    assert "passed over notes.txt" in out
    out, _ = quest82("describe", root, "--groups", "mp", "--workers", 0)
    assert "split: none by group is possible" in out


def test_describe_of_what_cannot_be_read_ends_with_one(videos):
    root = in_folders(videos, "a/1.mp4", "b/2.mp4")
    for path in root.rglob("*.mp4"):
        path.write_text("no video")
    out, _ = quest82("describe", root, "--workers", 0, code=1)
    assert "2 files cannot be read" in out
    assert "classes" not in out


@pytest.mark.parametrize("seconds", [0.2, 5, 89, 600, 7200, 36000])
def test_rough_times_are_about_right(seconds):
    text, unit = description._rough(seconds).split()
    told = float(text) * {"s": 1, "min": 60, "h": 3600}[unit]
    assert told == pytest.approx(max(seconds, 1), rel=0.05)
