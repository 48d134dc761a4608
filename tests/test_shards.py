"""A store made in shards is the store that one process makes, whatever happens on the way."""

from __future__ import annotations

import os
import random
import shutil
import time

import pytest
from command import quest82
from conftest import contents, moving_square, num_bytes
from hypothesis import given
from hypothesis import strategies as st
from killable import Killable, shard_or_merge

from quest82 import video
from quest82.data import clips
from quest82.essences import EssenceSet, Shard, StoreError, extract, extract_shard, merge, shards
from quest82.essences.estimate import estimate
from quest82.frames.view import ViewSpec
from quest82.systems.mobilenet import MobileNetV2Extractor

SPEC = ViewSpec(num_frames=2, size=32)
HOW = {"engine": "plain", "progress": False, "num_workers": 0}


@pytest.fixture(scope="module")
def ground(tmp_path_factory, weights):
    """Thirty clips of two classes, two of them no videos, and the store of one process."""
    root = tmp_path_factory.mktemp("shards")
    for i in range(30):
        path = root / "clips" / "ab"[i % 2] / f"{i:02d}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        if i % 14:
            video.write_video(path, moving_square(3 + i % 4, shade=60 + 5 * i), fps=25)
        else:
            path.write_text("no video")
    extract(
        clips.from_folder(root / "clips"),
        MobileNetV2Extractor(weights),
        root / "whole",
        SPEC,
        **HOW,
    )
    return root


@pytest.fixture(scope="module")
def network(weights):
    return MobileNetV2Extractor(weights)


@pytest.fixture(scope="module")
def found(ground):
    return clips.from_folder(ground / "clips")


def extract_all(found, network, out, total, *, but=()):
    for number in range(1, total + 1):
        if number not in but:
            extract_shard(found, network, out, Shard(number, total), SPEC, **HOW)


@given(st.text(min_size=1), st.integers(1, 1000))
def test_each_clip_is_in_one_shard_whatever_else_there_is(clip_id, total):
    assert sum(Shard(number, total).takes(clip_id) for number in range(1, total + 1)) == 1


def test_shards_are_about_equal():
    ids = [f"walk/{i:06d}.mp4" for i in range(16_000)]
    sizes = [sum(map(Shard(number, 16).takes, ids)) for number in range(1, 17)]
    assert min(sizes) > 870
    assert max(sizes) < 1130  # 1000 and four standard deviations of a binomial


@pytest.mark.parametrize("text", ["3", "0/4", "5/4", "3/16 ", "a/b", "1/0"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ValueError, match=r"shard .*must be"):
        Shard.of(text)


@pytest.mark.parametrize("total", [1, 4, 45])
def test_merged_shards_are_the_store_of_one_process(ground, network, found, tmp_path, total):
    """Forty-five shards of thirty clips: some are empty, some have no clip that can be read."""
    out = tmp_path / "out"
    extract_all(found, network, out, total)
    assert len(merge(out, progress=False)) == 27
    assert contents(out) == contents(ground / "whole")


def test_a_merged_store_follows_its_files(ground, network, found, tmp_path):
    out = tmp_path / "out"
    extract_all(found[:20], network, out, 3)
    merge(out, progress=False)
    extract(found, network, out, SPEC, **HOW)
    assert contents(out) == contents(ground / "whole")


def test_one_is_told_how_far_the_shards_are(network, found, tmp_path):
    extract_all(found, network, tmp_path, 4, but=(2,))
    states = shards.states_of(tmp_path)
    assert [state.complete for state in states] == [True, False, True, True]
    assert [state.num_clips is None for state in states] == [False, True, False, False]
    assert all(state.num_done == state.num_clips for state in states if state.complete)
    own = [sum(map(Shard(number, 4).takes, (clip.id for clip in found))) for number in (1, 3, 4)]
    assert [state.num_clips for state in states if state.complete] == own


class TestRefused:
    def test_a_missing_shard(self, network, found, tmp_path):
        extract_all(found, network, tmp_path, 4, but=(2, 3))
        with pytest.raises(StoreError, match="shard 2/4, 3/4 is missing"):
            merge(tmp_path, progress=False)

    def test_another_list_of_clips(self, network, found, tmp_path):
        extract_shard(found, network, tmp_path, Shard(1, 2), SPEC, **HOW)
        extract_shard(found[1:], network, tmp_path, Shard(2, 2), SPEC, **HOW)
        with pytest.raises(StoreError, match=r"1/2 is of 30 clips and shard 2/2 .* of 29"):
            merge(tmp_path, progress=False)

    def test_other_settings(self, network, found, tmp_path):
        extract_shard(found, network, tmp_path, Shard(1, 2), SPEC, **HOW)
        other = ViewSpec(num_frames=2, size=64)
        extract_shard(found, network, tmp_path, Shard(2, 2), other, **HOW)
        with pytest.raises(StoreError, match=r"2-of-2: was made with other settings: size is 64"):
            merge(tmp_path, progress=False)
        assert not (tmp_path / "next").exists()

    def test_shards_of_two_divisions(self, network, found, tmp_path):
        extract_shard(found, network, tmp_path, Shard(1, 2), SPEC, **HOW)
        with pytest.raises(StoreError, match="holds shards of 2 beside 3"):
            extract_shard(found, network, tmp_path, Shard(1, 3), SPEC, **HOW)

    def test_no_shards(self, tmp_path):
        with pytest.raises(StoreError, match="holds no shards; make them with"):
            merge(tmp_path, progress=False)

    def test_a_shard_of_a_finished_store(self, ground, network, found, tmp_path):
        shutil.copytree(ground / "whole", tmp_path / "out")
        with pytest.raises(StoreError, match="is a store already"):
            extract_shard(found, network, tmp_path / "out", Shard(1, 2), SPEC, **HOW)
        assert contents(tmp_path / "out") == contents(ground / "whole")

    def test_a_damaged_note(self, network, found, tmp_path):
        extract_all(found, network, tmp_path, 2)
        (tmp_path / "shards" / "2-of-2.json").write_text("{")
        with pytest.raises(StoreError, match=r"2-of-2\.json: is damaged .*run the shard again"):
            merge(tmp_path, progress=False)
        extract_shard(found, network, tmp_path, Shard(2, 2), SPEC, **HOW)
        assert len(merge(tmp_path, progress=False)) == 27

    def test_numbers_that_were_changed(self, network, found, tmp_path):
        extract_all(found, network, tmp_path, 2)
        numbers = tmp_path / "shards" / "1-of-2" / "essences.npy"
        data = bytearray(numbers.read_bytes())
        data[-100] ^= 1
        numbers.write_bytes(data)
        with pytest.raises(StoreError, match="damaged"):
            merge(tmp_path, progress=False)

    def test_a_shard_that_another_process_writes(self, ground, found, network, tmp_path):
        extract_all(found, network, tmp_path, 2)
        with shards.lock_of(tmp_path, Shard(2, 2)):
            with pytest.raises(StoreError, match="shard 2/2 is being written"):
                merge(tmp_path, progress=False)
            with pytest.raises(StoreError, match="another extraction is writing"):
                extract_shard(found, network, tmp_path, Shard(2, 2), SPEC, **HOW)
        merge(tmp_path, progress=False)
        assert contents(tmp_path) == contents(ground / "whole")


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_any_shard_and_the_merge_may_be_killed_at_any_time(ground, weights, tmp_path):
    out, rng, killed = tmp_path / "out", random.Random(0), 0
    for task in ("1/2", "2/2", "merge"):
        before, run = num_bytes(out), (shard_or_merge, ground, weights, out, task)
        process, deadline = Killable(*run), time.monotonic() + 120
        while process.is_running() and num_bytes(out) == before:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.05))
        killed += process.is_running()
        process.kill()
        assert Killable(*run).result() == "done"
    assert killed >= 2
    assert contents(out) == contents(ground / "whole")
    assert len(EssenceSet.load(out)) == 27


class TestCommands:
    """`quest82 extract --shard`, `--list-shards`, `--dry-run`, and `quest82 merge`."""

    def test_shards_are_made_listed_and_merged(self, ground, asked, tmp_path):
        out = tmp_path / "out"
        said, _ = quest82("extract", ground / "clips", out, *asked, "--shard", "2/2")
        assert f"of 30 clips; when all 2 are there: quest82 merge {out}" in said
        said, _ = quest82("extract", ground / "clips", out, "--list-shards")
        assert said.splitlines() == [
            "shard 1/2: not begun",
            "shard 2/2: finished",
            "1 of 2 are finished",
        ]
        _, error = quest82("merge", out, code=2)
        assert "shard 1/2 is missing" in error
        quest82("extract", ground / "clips", out, *asked, "--shard", "1/2")
        said, _ = quest82("merge", out)
        assert said == f"27 clips, 2 classes, 27 groups in {out}; 3 clips skipped\n"
        assert contents(out) == contents(ground / "whole")

    def test_a_dry_run_writes_nothing_and_counts_what_will_be_written(
        self, ground, asked, tmp_path
    ):
        out = tmp_path / "out"
        said, _ = quest82("extract", ground / "clips", out, *asked, "--dry-run")
        assert said.startswith("30 clips: ")
        assert "2 of the sample cannot be read" in said  # 24 of 30 clips, of which 3 are no videos
        assert said.endswith("nothing was written\n")
        assert not out.exists()

    def test_maps_have_no_shards(self, ground, tmp_path):
        maps = ("--maps", 2, "--channels", 4, "--shard", "1/2")
        _, error = quest82("extract", ground / "clips", tmp_path, *maps, code=2)
        assert "--maps (2) is not for --shard" in error

    @pytest.fixture
    def asked(self, weights) -> tuple:
        views = ("--num-frames", 2, "--size", 32, "--workers", 0)
        return (*views, "--engine", "plain", "--backbone-weights", weights)


def test_an_estimate_counts_bytes_and_extrapolates_time(found, network):
    readable = [clip for clip in found if clip.path.stat().st_size > 100]
    whole = estimate(readable, network, SPEC, engine="plain", num_workers=0)
    assert (whole.num_clips, whole.num_skipped, whole.engine) == (27, 0, "plain")
    assert whole.num_bytes == 27 * 2 * 1280 * 2
    assert whole.seconds > 0
