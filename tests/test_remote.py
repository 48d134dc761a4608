"""Videos elsewhere give the clips and the bytes that they give in a folder of this machine."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from command import quest82
from conftest import contents, moving_square
from object_stores import local_s3, upload, web_folder

from quest82 import video
from quest82.data import annotations, clips, places
from quest82.download import Cache, DiskError, FetchError
from quest82.essences import Shard, extract, extract_shard, merge
from quest82.essences.estimate import estimate
from quest82.frames.view import ViewSpec

SPEC = ViewSpec(num_frames=2, size=32)
HOW = {"engine": "plain", "progress": False, "num_workers": 0}
NAMES = ("walk/ida 1.mp4", "walk/élan+%20#2.mp4", "run/ida_3.mp4", "run/eli_4.mp4")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Four clips, one that cannot be read, a file that is no clip, and one that is hidden."""
    monkeypatch.setenv("QUEST82_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "clips"
    for i, name in enumerate(NAMES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        video.write_video(root / name, moving_square(4 + i, shade=150 + 20 * i), fps=25)
    (root / "run" / "bad.mp4").write_text("no video")
    (root / "run" / ".hidden.mp4").write_text("not for us")
    (root / "readme.txt").write_text("four clips")
    return root


@pytest.fixture(params=["memory", "web", "s3"])
def url(request, folder, monkeypatch):
    """The URL of the same files elsewhere."""
    if request.param == "web":
        with web_folder(folder.parent) as (address, _):
            yield f"{address}/clips"
    elif request.param == "s3":
        with local_s3(monkeypatch) as bucket:
            upload(folder, f"{bucket}/some/clips")
            yield f"{bucket}/some/clips"
    else:
        upload(folder, "memory://clips")
        yield "memory://clips"
        fsspec.filesystem("memory").rm("/clips", recursive=True)


@pytest.fixture
def memory(folder):
    files = fsspec.filesystem("memory")
    upload(folder, "memory://clips")
    yield files
    files.rm("/clips", recursive=True)


def ids(found):
    """What a store holds of clips."""
    return [replace(clip, path=None, remote=None) for clip in found]


def fetched(folder: Path) -> list[Path]:
    return [p for p in (folder.parent / "cache" / "remote").rglob("*.mp4") if p.is_file()]


def test_the_store_is_that_of_the_folder_byte_for_byte(folder, url, tmp_path, extractor):
    groups = "^([^ _+]+)"
    here = clips.from_folder(folder, groups=groups)
    there = clips.from_folder(url, groups=groups)
    assert ids(there) == ids(here)
    assert len({clip.path for clip in there}) == 5
    made = extract(there, extractor, tmp_path / "there", SPEC, **HOW)
    extract(here, extractor, tmp_path / "here", SPEC, **HOW)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert [name for name, _ in made.skipped] == ["run/bad.mp4"]
    assert len(fetched(folder)) == 5


def test_so_are_shards_with_worker_processes_and_a_cache_for_two_files(
    folder, url, tmp_path, extractor
):
    sizes = sorted(path.stat().st_size for path in folder.rglob("*.mp4"))
    cache = Cache(tmp_path / "small", sizes[-1] + sizes[-2])
    there = clips.from_folder(url, cache=cache)
    for number in (1, 2):
        # Processes take seconds to start: once is enough.
        how = {**HOW, "num_workers": 1 if url.startswith("memory") and number == 1 else 0}
        extract_shard(there, extractor, tmp_path / "there", Shard(number, 2), SPEC, **how)
    merge(tmp_path / "there", progress=False)
    extract(clips.from_folder(folder), extractor, tmp_path / "here", SPEC, **HOW)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    left = [path.stat().st_size for path in (tmp_path / "small").rglob("*.mp4")]
    assert 0 < sum(left) <= cache.max_bytes
    assert len(left) < 5


def test_annotations_name_parts_of_videos_elsewhere(folder, url, tmp_path, extractor):
    table = tmp_path / "labels.csv"
    rows = [f"{NAMES[0]},walk,0,0.08", f"{NAMES[0]},stop,0.08,0.16", f"{NAMES[3]},run,,"]
    table.write_text("\n".join(["path,label,start,end", *rows]), "utf-8")
    here = annotations.from_annotations(folder, [table], groups="^([^ _]+)")
    there = annotations.from_annotations(url, [table], groups="^([^ _]+)")
    assert ids(there) == ids(here)
    assert len({clip.path for clip in there}) == 2
    for name, found in (("here", here), ("there", there)):
        extract(found, extractor, tmp_path / name, SPEC, **HOW)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_rows_may_hold_urls_of_their_own(folder, tmp_path, memory):
    table = tmp_path / "labels.csv"
    secret = "https://me:pass@host/a/b%20c.mp4?key=1"
    rows = ["memory://clips/run/eli_4.mp4,run", f"{NAMES[0]},walk", f"{secret},walk"]
    table.write_text("\n".join(["path,label", *rows]), "utf-8")
    found = annotations.from_annotations(folder, [table], groups="^([^ _]+)")
    names = ["https://host/a/b%20c.mp4", "memory://clips/run/eli_4.mp4", NAMES[0]]
    assert [clip.id for clip in found] == names
    assert [clip.group for clip in found] == ["b", "eli", "ida"]
    assert [clip.remote and clip.remote.url for clip in found] == [secret, names[1], None]


def test_what_is_not_there_is_skipped_counted_and_tried_again(folder, memory, tmp_path, extractor):
    found = clips.from_folder("memory://clips")
    content = memory.cat_file("/clips/run/eli_4.mp4")
    memory.rm_file("/clips/run/eli_4.mp4")
    made = extract(found, extractor, tmp_path / "there", SPEC, **HOW)
    reasons = dict(made.skipped)
    assert sorted(reasons) == ["run/bad.mp4", "run/eli_4.mp4"]
    assert "memory://clips/run/eli_4.mp4: there is no such" in reasons["run/eli_4.mp4"]
    memory.pipe_file("/clips/run/eli_4.mp4", content)
    extract(clips.from_folder("memory://clips"), extractor, tmp_path / "there", SPEC, **HOW)
    extract(clips.from_folder(folder), extractor, tmp_path / "here", SPEC, **HOW)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


@pytest.mark.parametrize("cache", ["kept", "lost"])
def test_a_finished_store_follows_files_elsewhere_without_fetching_them_all(
    folder, tmp_path, extractor, cache
):
    (folder / "run" / "bad.mp4").unlink()
    with web_folder(folder) as (url, asked):
        extract(clips.from_folder(url), extractor, tmp_path / "there", SPEC, **HOW)
        video.write_video(folder / NAMES[2], moving_square(9, shade=90), fps=25)
        if cache == "lost":
            shutil.rmtree(tmp_path / "cache")
        asked.clear()
        extract(clips.from_folder(url), extractor, tmp_path / "there", SPEC, **HOW)
    sent = [path for method, path in asked if method == "GET" and path.endswith(".mp4")]
    assert sent == [f"/{NAMES[2]}"]
    extract(clips.from_folder(folder), extractor, tmp_path / "here", SPEC, **HOW)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_a_change_that_keeps_the_size_is_seen_by_whoever_fetched_it(
    folder, memory, tmp_path, extractor
):
    extract(clips.from_folder("memory://clips"), extractor, tmp_path / "there", SPEC, **HOW)
    name = folder / NAMES[0]
    name.write_bytes(name.read_bytes()[:-1] + b"\1")
    upload(folder, "memory://clips")
    extract(clips.from_folder("memory://clips"), extractor, tmp_path / "there", SPEC, **HOW)
    extract(clips.from_folder(folder), extractor, tmp_path / "here", SPEC, **HOW)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_a_cache_that_cannot_be_written_ends_the_run_and_skips_nothing(
    folder, memory, tmp_path, extractor
):
    (tmp_path / "file").write_text("in the way")
    found = clips.from_folder("memory://clips", cache=Cache(tmp_path / "file" / "cache", 10**6))
    with pytest.raises(DiskError, match="choose another folder for the cache"):
        extract(found, extractor, tmp_path / "there", SPEC, **HOW)
    assert not [p.read_text() for p in tmp_path.glob("there/clips.jsonl") if p.stat().st_size]


def test_the_costs_are_estimated_with_fetching(folder, memory, extractor):
    found = estimate(
        clips.from_folder("memory://clips"), extractor, SPEC, engine="plain", num_workers=0
    )
    assert (found.num_clips, found.num_skipped) == (5, 1)


def test_layouts_elsewhere_are_told_like_those_here(folder, memory):
    memory.mv("/clips", "/above/clips", recursive=True)
    with pytest.raises(places.TooDeep, match="one level deeper; give memory://above/clips in its"):
        clips.from_folder("memory://above")
    memory.mv("/above/clips", "/clips/Train", recursive=True)
    found = clips.from_folder("memory://clips")
    assert {clip.split for clip in found} == {"train"}
    assert found[0].id == "Train/run/bad.mp4"
    with pytest.raises(ValueError, match="memory://clips/Train/run: holds no clips; expected"):
        clips.from_folder("memory://clips/Train/run")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("memory://nowhere", "memory://nowhere: there is no such folder, or it is empty"),
        ("s9://bucket/clips", "there is no kind of store s9://; known are s3://"),
        ("gs://bucket/clips", "needs the package gcsfs: pip install gcsfs"),
        ("http://127.0.0.1:9/clips", "the folder cannot be listed"),
    ],
)
def test_what_is_wrong_with_a_url_is_told_with_the_remedy(url, told, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
    with pytest.raises(FetchError, match=told) as error:
        clips.from_folder(url)
    assert str(error.value).startswith((f"{url}: ", f"{url}/: "))


def test_a_page_that_lists_nothing_is_refused(folder, web):
    web.files["clips/"] = b"a/b.mp4"
    with pytest.raises(FetchError, match=r"clips/: is no page that lists files \(text/plain\)"):
        clips.from_folder(web.url("clips"))
    with pytest.raises(FetchError, match="cannot be listed.*404.*name its files in a table"):
        clips.from_folder(web.url("nowhere"))


def test_what_is_wrong_with_a_bucket_is_told_with_the_remedy(folder, monkeypatch):
    with local_s3(monkeypatch) as bucket:
        with pytest.raises(FetchError, match="s3://other/clips: there is no such bucket"):
            clips.from_folder("s3://other/clips")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        fsspec.filesystem("s3").clear_instance_cache()
        with pytest.raises(FetchError, match="no credentials were found; set AWS_ACCESS_KEY_ID"):
            clips.from_folder(f"{bucket}/clips")


def test_the_command_takes_urls(folder, memory, weights, tmp_path):
    options = ["--num-frames", 2, "--size", 32, "--engine", "plain", "--workers", 0]
    options += ["--backbone-weights", weights, "--device", "cpu"]
    out, _ = quest82("extract", "memory://clips", tmp_path / "there", "--cache-gb", 0.5, *options)
    assert "4 clips, 2 classes" in out
    assert "1 clips skipped, 1 files passed over" in out
    assert "passed over readme.txt" in out
    quest82("extract", folder, tmp_path / "here", *options)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    _, error = quest82("extract", "memory://nowhere", tmp_path / "x", *options, code=2)
    assert error.startswith("quest82: memory://nowhere: there is no such folder")
    _, error = quest82("extract", "memory://clips", tmp_path / "x", "--cache-gb", -1, code=2)
    assert "the size of the cache (-1.0) must be a number of gigabytes above 0" in error


def test_ids_do_not_depend_on_how_a_server_writes_names(folder):
    with web_folder(folder) as (url, _):
        found = clips.from_folder(f"{url}/")
        assert [clip.id for clip in found] == [clip.id for clip in clips.from_folder(folder)]
        assert {clip.file_name for clip in found} >= {Path(name).name for name in NAMES}


def test_a_path_in_the_cache_tells_nothing_of_a_url():
    cache = Cache(Path("cache"), 1)
    path = cache.path_of("https://host/a.MP4?X-Amz-Signature=secret")
    assert path.suffix == ".mp4"
    assert (
        path.stem == hashlib.sha256(b"https://host/a.MP4?X-Amz-Signature=secret").hexdigest()[:32]
    )
