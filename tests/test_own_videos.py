"""One's own videos as they lie on the disk, on the command line: from files to a store."""

import json
import shlex
import shutil

import pytest
from conftest import moving_square
from test_cli import quest82

from quest82 import video
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
