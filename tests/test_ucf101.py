"""The official names and lists from one table and a rule; the download from a local server."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections import Counter, namedtuple
from pathlib import Path

import pytest
from archives import runs_of, write_rar, write_unpacker

from quest82.data import ucf101
from quest82.data.clips import Clip
from quest82.data.rar import UnpackError
from quest82.download import FetchError, fetching

FEW = [
    "Biking/v_Biking_g02_c05.avi",
    "HandstandPushups/v_HandStandPushups_g09_c02.avi",
    "JumpingJack/v_JumpingJack_g25_c01.avi",
    "JumpRope/v_JumpRope_g22_c01.avi",
]


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """UCF101 as it is unpacked, of empty files."""
    root = tmp_path_factory.mktemp("everything")
    for name in ucf101.names():
        touch(root / "UCF-101" / name)
    return root


def test_the_names_follow_ucfs_numbers():
    names = ucf101.names()
    assert len(names) == len(set(names)) == ucf101.NUM_CLIPS
    pattern = re.compile(r"(\w+)/v_(\w+)_g(\d\d)_c(\d\d)\.avi")
    parts = [pattern.fullmatch(name).groups() for name in names]
    assert all(label.lower() == in_file.lower() for label, in_file, _, _ in parts)
    assert {label for label, in_file, _, _ in parts if label != in_file} == {"HandstandPushups"}
    clips_of = Counter((label, group) for label, _, group, _ in parts)
    assert len(clips_of) == 101 * 25
    assert set(clips_of.values()) == {4, 5, 6, 7}
    assert all(int(clip) <= clips_of[label, group] for label, _, group, clip in parts)
    labels = list(dict.fromkeys(label for label, _, _, _ in parts))
    assert labels == sorted(labels, key=str.lower)


def test_the_rule_gives_the_official_lists_to_the_last_byte(shared_clips):
    folder = shared_clips / "ucf101" / "ucfTrainTestlist"
    if not folder.is_dir():
        pytest.skip("the official lists (../shared/clips/ucf101) are not on this machine")
    lists = ucf101.official_lists()
    assert len(lists) == 7
    assert set(lists) == {path.name for path in folder.glob("*.txt")}
    for name, text in lists.items():
        assert text.encode("ascii") == (folder / name).read_bytes(), name


def test_the_whole_data_set_is_listed_and_split(everything):
    clips = ucf101.clips(everything)
    assert [clip.id for clip in clips] == ucf101.names()
    assert ucf101.missing(clips) == []
    groups = {clip.group for clip in clips}
    assert len(groups) == 2525
    tested = Counter()
    for number, sizes in {1: (9537, 3783), 2: (9586, 3734), 3: (9624, 3696)}.items():
        train, test = ucf101.split(clips, number)
        assert (len(train), len(test)) == sizes
        assert {clip.group for clip in train} | {clip.group for clip in test} == groups
        assert not {clip.group for clip in train} & {clip.group for clip in test}
        tested.update({clip.group for clip in test})
        lines = ucf101.official_lists()[f"testlist0{number}.txt"].split()
        assert [clip.id for clip in test] == lines
    assert set(tested.values()) == {1}
    assert len(tested) == 101 * 21


LAYOUTS = {
    "class folders": "{name}",
    "one folder": "{file}",
    "UCF-101 below": "UCF-101/{name}",
    "videos below": "videos/{file}",
    "train and test": "train/{name}",
    "folder as the files": "{in_file}/{file}",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_list(tmp_path, layout):
    for name in FEW:
        file = name.split("/")[1]
        parts = {"name": name, "file": file, "in_file": file.split("_")[1]}
        touch(tmp_path / LAYOUTS[layout].format(**parts))
    clips = ucf101.clips(tmp_path)
    assert [clip.id for clip in clips] == FEW
    assert clips[1].label == "HandstandPushups"
    assert clips[1].group == "HandstandPushups g09"
    assert all(clip.path.is_file() for clip in clips)


def test_other_formats_and_another_case_are_the_same_clips(tmp_path):
    touch(tmp_path / "v_biking_g02_c05.MP4")
    touch(tmp_path / "V_handstandpushups_G09_C02.mkv")
    clips = ucf101.clips(tmp_path)
    assert [clip.id for clip in clips] == [
        "Biking/v_Biking_g02_c05.mp4",
        "HandstandPushups/v_HandStandPushups_g09_c02.mkv",
    ]
    assert len(ucf101.missing(clips)) == ucf101.NUM_CLIPS - 2
    assert [len(part) for part in ucf101.split(clips, 1)] == [1, 1]


@pytest.mark.parametrize("second", ["other/v_Biking_g02_c05.avi", "v_Biking_g02_c05.mp4"])
def test_a_clip_that_is_there_twice_is_an_error_that_names_both(tmp_path, second):
    touch(tmp_path / "Biking" / "v_Biking_g02_c05.avi")
    touch(tmp_path / second)
    with pytest.raises(ValueError, match="are the same clip") as caught:
        ucf101.clips(tmp_path)
    assert f"{tmp_path / second}" in str(caught.value)
    assert f"{tmp_path / 'Biking' / 'v_Biking_g02_c05.avi'}" in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["holiday.avi", "v_Biking_g26_c01.avi", "v_Biking_g01_c08.avi", "v_Cycling_g01_c01.avi"]
    + ["v_Biking_g1_c1.avi", "v_Biking_g01_c01 (1).avi"],
)
def test_a_video_with_another_name_is_named_and_not_passed_over(tmp_path, name):
    touch(tmp_path / "Biking" / "v_Biking_g02_c05.avi")
    touch(tmp_path / "Biking" / name)
    with pytest.raises(ValueError, match=rf"Biking/{re.escape(name)}: not a UCF101 name"):
        ucf101.clips(tmp_path)


def test_a_folder_without_videos(tmp_path):
    touch(tmp_path / "readme.txt")
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(ValueError, match="there is no such folder, or no video below it"):
            ucf101.clips(root)


def test_missing_clips_are_named_in_the_official_order():
    names = ucf101.names()
    assert ucf101.missing([]) == names
    gone = set(names[5::1000])
    there = [Clip(name, "", "", Path(name)) for name in reversed(names) if name not in gone]
    assert ucf101.missing(there) == names[5::1000]


@pytest.fixture
def ucf(web, tmp_path, monkeypatch):
    """UCF's server with few clips, and an unpacker; the root of the data set is `ucf.root`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, text in ucf101.official_lists().items():
            file.writestr(f"ucfTrainTestlist/{name}", text)
    web.members = {f"UCF-101/{name}": name.encode() * 100 for name in FEW}
    serve(web, monkeypatch, "LISTS", "lists.zip", packed.getvalue())
    monkeypatch.setattr(ucf101, "LISTS_SHA256", hashlib.sha256(packed.getvalue()).hexdigest())
    serve_archive(web, monkeypatch, tmp_path)
    for name, value in (("_PAUSE_SECONDS", 0), ("_TIMEOUT_SECONDS", 2)):
        monkeypatch.setattr(fetching, name, value)
    monkeypatch.setattr(ucf101, "_UNPACKED_BYTES", 1000)
    write_unpacker(tmp_path / "programs")
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    web.root = tmp_path / "data" / "ucf"
    return web


def serve(web, monkeypatch, what, name, body):
    web.files[name] = body
    monkeypatch.setattr(ucf101, f"{what}_URL", web.url(name))
    monkeypatch.setattr(ucf101, f"{what}_BYTES", len(body))


def serve_archive(web, monkeypatch, folder, **options):
    archive = write_rar(folder / "served.rar", web.members, **options)
    serve(web, monkeypatch, "VIDEOS", "UCF101.rar", archive.read_bytes())


def download(root):
    return ucf101.download(root, progress=False)


def test_download_fetches_unpacks_and_lists(ucf, tmp_path):
    ucf.faults = [{}, {"cut": 1000}, {"cut": 30}]
    clips = download(ucf.root)
    assert [clip.id for clip in clips] == FEW
    for clip in clips:
        assert clip.path == ucf.root / "UCF-101" / clip.id
        assert clip.path.read_bytes() == clip.id.encode() * 100
    assert len(list((ucf.root / "ucfTrainTestlist").glob("*.txt"))) == 7
    for name, text in ucf101.official_lists().items():
        assert (ucf.root / "ucfTrainTestlist" / name).read_bytes() == text.encode()
    assert ucf.requests == ["lists.zip"] + ["UCF101.rar"] * 3
    assert download(ucf.root) == clips
    assert len(ucf.requests) == 4
    assert runs_of(tmp_path / "programs") == 1


def test_where_all_clips_are_nothing_is_fetched_or_needed(ucf, everything, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert len(download(everything)) == ucf101.NUM_CLIPS
    assert not ucf.requests


def test_the_unpacker_is_looked_for_before_anything_is_fetched(ucf, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnpackError, match="no program to unpack RAR"):
        download(ucf.root)
    assert not ucf.requests
    assert not ucf.root.exists()


def test_the_disk_is_looked_at_before_anything_is_fetched(ucf, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(ucf101, "_UNPACKED_BYTES", 7_500_000_000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(0, 0, 7_400_000_000))
    with pytest.raises(FetchError, match=r"7\.4 GB are free and UCF101 with its archive needs 7"):
        download(ucf.root)
    assert not ucf.requests


def test_files_that_were_put_there_by_hand_are_used(ucf):
    ucf.root.mkdir(parents=True)
    for name in ("lists.zip", "UCF101.rar"):
        (ucf.root / name).write_bytes(ucf.files[name])
    ucf.close()
    assert len(download(ucf.root)) == len(FEW)
    assert not ucf.requests


def test_one_sentence_says_of_both_files_what_to_do(ucf):
    names = sorted(ucf.files)
    ucf.files.clear()
    with pytest.raises(FetchError) as caught:
        download(ucf.root)
    text = str(caught.value)
    assert all(ucf.url(name) in text for name in names)
    assert f"fetch with a browser, put it into {ucf.root} and run again" in text
    assert "\n" not in text


def test_other_lists_than_the_official_ones_are_told(ucf, monkeypatch):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, text in ucf101.official_lists().items():
            file.writestr(f"ucfTrainTestlist/{name}", text.replace("g08", "g09"))
    ucf.files["lists.zip"] = packed.getvalue()
    with pytest.raises(FetchError, match="lists.zip"):
        download(ucf.root)
    monkeypatch.setattr(ucf101, "LISTS_BYTES", len(packed.getvalue()))
    monkeypatch.setattr(ucf101, "LISTS_SHA256", None)
    with pytest.raises(ValueError, match=r"lists\.zip: trainlist01\.txt is not the official list"):
        download(ucf.root)


def test_files_that_are_not_ucf101s_are_passed_over_and_counted(ucf, tmp_path, monkeypatch):
    ucf.members |= {"UCF-101/Biking/Thumbs.db": b"x", "UCF-101/Diving/Thumbs.db": b"y"}
    ucf.members["UCF-101/Biking/v_Biking_g99_c01.avi"] = b"z"
    serve_archive(ucf, monkeypatch, tmp_path)
    with pytest.warns(UserWarning, match="3 files are not UCF101's and were passed over"):
        clips = download(ucf.root)
    assert [clip.id for clip in clips] == FEW
    files = [path for path in (ucf.root / "UCF-101").rglob("*") if path.is_file()]
    assert len(files) == len(FEW)


def test_a_hostile_archive_writes_nothing(ucf, tmp_path, monkeypatch):
    ucf.members["../../../v_Biking_g01_c01.avi"] = b"x"
    serve_archive(ucf, monkeypatch, tmp_path)
    with pytest.raises(UnpackError, match="a name that leads out of the folder"):
        download(ucf.root)
    assert not (ucf.root / "UCF-101").exists()
    assert not list(tmp_path.rglob("v_*"))
