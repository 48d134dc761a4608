"""What goes wrong on a cluster costs time at most: the merged store is that of one process."""

from __future__ import annotations

import contextlib
import json
import os
import time

import pytest
import torch
from conftest import contents, moving_square
from stand_in import clips_named

from quest82 import video
from quest82.data import clips
from quest82.essences import Shard, StoreError, extract, extract_shard, extraction, merge, shards
from quest82.frames.view import ViewSpec

SPEC = ViewSpec(num_frames=2, size=32)
HOW = {"engine": "plain", "progress": False, "num_workers": 0}


class Brightness:
    """A network that is no work: the mean of each colour of a frame.

    Args:
        before: called before each clip, with its number; it may raise.
    """

    name, num_features, device = "brightness", 3, torch.device("cpu")

    def __init__(self, before=lambda number: None):
        self.before, self.calls = before, 0

    def fingerprint(self):
        return "none"

    def __call__(self, frames):
        self.calls += 1
        self.before(self.calls)
        return frames.mean(dim=(3, 4))


class Killed(Exception):
    pass


def killing(number):
    """Ends a run at its third clip."""
    if number == 3:
        raise Killed


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """Twelve clips, the last one no video, and the store of one process."""
    root = tmp_path_factory.mktemp("mishaps")
    for i in range(12):
        path = root / "clips" / "ab"[i % 2] / f"{i:02d}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        video.write_video(path, moving_square(3 + i % 3, size=32, shade=90 + 9 * i), fps=25)
    path.write_text("no video")
    extract(clips.from_folder(root / "clips"), Brightness(), root / "whole", SPEC, **HOW)
    return root


@pytest.fixture(scope="module")
def found(ground):
    return clips.from_folder(ground / "clips")


def make(found, out, number, network=None):
    return extract_shard(found, network or Brightness(), out, Shard(number, 2), SPEC, **HOW)


@pytest.fixture
def out(found, tmp_path):
    """Both shards, finished."""
    make(found, tmp_path / "out", 1)
    make(found, tmp_path / "out", 2)
    return tmp_path / "out"


def everything_below(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock"}


def refused(out, match):
    """A merge refuses, and leaves every file as it was."""
    before = everything_below(out)
    with pytest.raises(StoreError, match=match):
        merge(out, progress=False)
    assert everything_below(out) == before


@contextlib.contextmanager
def full_disk(most_bytes):
    """The system lets no file grow beyond so many bytes."""
    resource = pytest.importorskip("resource")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def test_a_full_disk_under_a_shard_costs_nothing(ground, found, tmp_path):
    make(found, tmp_path / "out", 1)
    with full_disk(600), pytest.raises(StoreError, match=r"cannot be written.*make space"):
        make(found, tmp_path / "out", 2)
    refused(tmp_path / "out", "shard 2/2 is not finished")
    make(found, tmp_path / "out", 2)
    merge(tmp_path / "out", progress=False)
    assert contents(tmp_path / "out") == contents(ground / "whole")


def test_a_full_disk_under_the_merge_costs_nothing(ground, out):
    with full_disk(600):
        refused(out, r"cannot be written.*make space")
    merge(out, progress=False)
    assert contents(out) == contents(ground / "whole")


@pytest.mark.parametrize("at", [1, 3, 5])
def test_two_writers_of_one_shard_where_locks_do_nothing(ground, found, tmp_path, monkeypatch, at):
    """While one process is at a clip, another one makes the whole shard."""
    out = tmp_path / "out"
    make(found, out, 1)
    monkeypatch.setattr(extraction, "lock_of", lambda *shard: contextlib.nullcontext())
    with contextlib.suppress(StoreError):
        make(found, out, 2, Brightness(lambda number: number == at and make(found, out, 2)))
    with contextlib.suppress(StoreError):
        merge(out, progress=False)
    if (out / "shards").exists():
        make(found, out, 2)
        merge(out, progress=False)
    assert contents(out) == contents(ground / "whole")


def test_a_node_whose_version_writes_another_format_is_named(ground, found, out):
    manifest = shards.folder_of(out, Shard(2, 2)) / "manifest.json"
    written = manifest.read_text("utf-8")
    other = json.loads(written) | {"format": "quest82-essences/99"}
    manifest.write_text(json.dumps(other), "utf-8")
    refused(out, r"2-of-2: .*format")
    with pytest.raises(StoreError, match=r"2-of-2: .*format"):
        make(found, out, 2)
    manifest.write_text(written, "utf-8")
    merge(out, progress=False)
    assert contents(out) == contents(ground / "whole")


def test_a_node_whose_version_knows_another_setting_is_named(out):
    manifest = shards.folder_of(out, Shard(2, 2)) / "manifest.json"
    other = json.loads(manifest.read_text("utf-8"))
    other["settings"]["of tomorrow"] = 1
    manifest.write_text(json.dumps(other), "utf-8")
    refused(out, r"2-of-2: was made with other settings: of tomorrow is 1")


def test_clocks_that_differ_by_years_change_nothing(ground, found, tmp_path, monkeypatch):
    """A shard is begun on a node far ahead, goes on years behind, and its files say otherwise."""
    out, now = tmp_path / "out", time.time()
    for years, network in ((5, Brightness(killing)), (-20, Brightness())):
        monkeypatch.setattr(time, "time", lambda years=years: now + years * 365 * 86_400)
        for number in (1, 2):
            with contextlib.suppress(Killed):
                make(found, out, number, network)
        for k, path in enumerate([*everything_below(out), *(clip.path for clip in found)]):
            os.utime(path, (now, now + (-1) ** k * 1e8 * (k + 1)))
    merge(out, progress=False)
    assert contents(out) == contents(ground / "whole")


NAMES = ("clips.jsonl", "essences.npy", "manifest.json")


@pytest.mark.parametrize("name", [*NAMES, "2-of-2.json"])
@pytest.mark.parametrize("late", ["older", "missing"])
def test_a_file_that_is_seen_late_is_waited_for(ground, found, tmp_path, name, late):
    """As over NFS: what another node wrote or renamed appears here after a while, file by file."""
    out, own = tmp_path / "out", shards.folder_of(tmp_path / "out", Shard(2, 2))
    path = own / name if name in NAMES else own.with_suffix(".json")
    make(found, out, 1)
    with pytest.raises(Killed):
        make(found[::-1], out, 2, Brightness(killing))
    older = path.read_bytes()
    make(found, out, 2)
    written = path.read_bytes()
    path.unlink()
    if late == "older":
        path.write_bytes(older)
    if older != written or late == "missing":  # the note of a shard is written once
        refused(out, r"2-of-2|shard 2/2")
        path.write_bytes(written)
    merge(out, progress=False)
    assert contents(out) == contents(ground / "whole")


def test_one_file_in_a_hundred_that_hangs_costs_its_time_limit_and_nothing_else(asked, tmp_path):
    names = [f"{'hang ' if i % 100 == 50 else ''}{i:03d}" for i in range(200)]
    how = {"engine": "plain", "progress": False, "num_workers": 2, "time_limit_seconds": 0.5}
    for number in (1, 2):
        made = clips_named(*names)
        extract_shard(made, Brightness(), tmp_path / "out", Shard(number, 2), SPEC, **how)
    data = merge(tmp_path / "out", progress=False)
    assert [clip_id for clip_id, _ in data.skipped] == ["hang 050", "hang 150"]
    assert all("took longer than the time limit" in reason for _, reason in data.skipped)
    assert data.clip_ids == tuple(name for name in names if "hang" not in name)
    shades = torch.tensor([int(name[-1]) / 255 for name in data.clip_ids]).half()
    assert torch.equal(data.essences, shades[:, None, None].expand(198, 2, 3))
