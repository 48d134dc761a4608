"""The cluster in numbers, held to what can be computed without it."""

from __future__ import annotations

import heapq
import importlib
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quest82.data.clips import Clip
from quest82.essences.cluster import Cluster, draw_shards, simulate
from quest82.frames.view import ViewSpec
from quest82.video import probe

ROOT = Path(__file__).parents[1]
HOUR = 3600.0
SHARDS = st.lists(st.lists(st.floats(0.01, 100), max_size=8), min_size=1, max_size=12)


def test_one_node_takes_the_sum():
    shards = draw_shards([0.1, 0.2, 0.6], 5000, 7)
    found = simulate(shards, Cluster(1))
    assert found.hours * HOUR == pytest.approx(sum(map(np.sum, shards)))
    assert found.core_hours == pytest.approx(found.hours)
    assert (found.num_clips, found.num_deaths, found.waste) == (5000, 0, 0)


@pytest.mark.parametrize("nodes", [1, 2, 8])
def test_equal_shards_on_equal_nodes_take_their_share_and_a_start(nodes):
    found = simulate([[0.5] * 100] * 8, Cluster(nodes, cores=4, startup_seconds=6))
    assert found.hours * HOUR == pytest.approx(8 / nodes * (50 + 6))
    assert found.core_hours * HOUR == pytest.approx(4 * 8 * 56)
    assert found.waste == pytest.approx(6 / 56)


@settings(max_examples=50, deadline=None)
@given(SHARDS, st.integers(1, 5), st.floats(0, 50))
def test_without_trouble_it_is_list_scheduling(shards, nodes, startup):
    free = [0.0] * nodes
    for shard in shards:
        heapq.heappush(free, heapq.heappop(free) + startup + sum(shard))
    found = simulate(shards, Cluster(nodes, startup_seconds=startup))
    assert found.hours * HOUR == pytest.approx(max(free), abs=1e-6)


def test_the_slowest_of_k_is_as_slow_as_the_harmonic_number_says():
    """The mean of the largest of k exponential times is 1 + 1/2 + ... + 1/k of their mean."""
    rng, k, rounds = np.random.default_rng(0), 10, 500
    times = rng.exponential(10, (rounds, k, 1))
    found = np.mean([simulate(shards, Cluster(k)).hours * HOUR for shards in times])
    deviation = 10 * math.sqrt(sum(1 / i**2 for i in range(1, k + 1)) / rounds)
    assert abs(found - 10 * sum(1 / i for i in range(1, k + 1))) < 4 * deviation


def test_deaths_cost_what_the_renewal_equation_says():
    """Clips of c seconds, starts of s, deaths at a rate r: a clip needs c seconds in one piece.

    A stretch of x seconds without a death takes (exp(r x) - 1) / r on average, deaths included.
    """
    c, s, r, n = 40.0, 25.0, 1 / 100, 5000
    stretch = (math.exp(r * (s + c)) - 1) / r
    dead = 1 - math.exp(-r * c)  # the chance that a death cuts a clip off
    expected = stretch + (n - 1) * (dead / r + dead * stretch)
    cluster = Cluster(1, startup_seconds=s, hours_between_deaths=1 / r / HOUR)
    found = simulate([[c] * n], cluster)
    assert found.hours * HOUR == pytest.approx(expected, rel=0.06)
    assert found.num_deaths == pytest.approx(r * found.hours * HOUR, rel=0.06)


def test_storage_that_is_too_slow_sets_the_time_alone():
    shards = [[1.0] * 1000] * 40
    for nodes in (10, 20, 40):
        slow = Cluster(nodes, storage_megabytes_per_second=5)
        found = simulate(shards, slow, clip_megabytes=2)
        assert found.hours * HOUR == pytest.approx(40_000 * 2 / 5)
        assert found.gigabytes == pytest.approx(80)
        assert found.waste == pytest.approx(1 - 5 / (2 * nodes))
    fast = replace(slow, storage_megabytes_per_second=80)
    assert simulate(shards, fast, clip_megabytes=2).hours * HOUR == pytest.approx(1000)


def test_a_cluster_of_slow_nodes_takes_that_much_longer():
    shards = draw_shards([0.1, 0.3], 1000, 10)
    cluster = Cluster(4, slow_factor=3)
    slow = simulate(shards, replace(cluster, slow_share=1))
    assert slow.hours == pytest.approx(3 * simulate(shards, cluster).hours)
    assert slow.waste == pytest.approx(2 / 3)


CLUSTERS = st.builds(
    Cluster,
    jobs_at_once=st.integers(1, 6),
    cores=st.integers(1, 4),
    startup_seconds=st.floats(0, 30),
    slow_share=st.floats(0, 1),
    slow_factor=st.floats(1, 5),
    hours_between_deaths=st.floats(0.1, 1e3),
    storage_megabytes_per_second=st.floats(0.5, 1e3),
)


@settings(max_examples=60, deadline=None)
@given(SHARDS, CLUSTERS, st.integers(0, 9))
def test_whatever_happens_every_clip_is_made_and_every_core_hour_accounted_for(
    shards, cluster, seed
):
    found = simulate(shards, cluster, clip_megabytes=1, seed=seed)
    work = sum(map(sum, shards)) * cluster.cores / HOUR
    num_clips = sum(map(len, shards))
    longest = max(max(shard, default=0) for shard in shards) * cluster.cores / HOUR
    assert found.num_clips == num_clips
    assert found.core_hours == pytest.approx(work + sum(found.wasted.values()), abs=1e-6)
    assert found.wasted["lost"] <= found.num_deaths * longest + 1e-6
    assert found.gigabytes >= num_clips / 1000 * (1 - 1e-6)
    assert found == simulate(shards, cluster, clip_megabytes=1, seed=seed)


def test_drawn_clips_are_measured_ones_and_the_seed_says_which():
    shards = draw_shards([1, 2, 4], 9000, 30, seed=5)
    assert len(shards) == 30 and sum(map(len, shards)) == 9000
    assert set(np.concatenate(shards)) == {1, 2, 4}
    sizes = [len(shard) for shard in shards]
    assert np.std(sizes) == pytest.approx(math.sqrt(9000 / 30), rel=0.4)  # as a hash divides
    assert all(map(np.array_equal, shards, draw_shards([1, 2, 4], 9000, 30, seed=5)))
    assert sizes != [len(shard) for shard in draw_shards([1, 2, 4], 9000, 30, seed=6)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("jobs_at_once", 0),
        ("cores", 0),
        ("startup_seconds", -1),
        ("slow_share", 1.5),
        ("slow_factor", 0.5),
        ("hours_between_deaths", 0),
        ("storage_megabytes_per_second", math.nan),
    ],
)
def test_bad_numbers_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"{name} \({value}\)"):
        Cluster(**{"jobs_at_once": 4, name: value})


def test_bad_work_is_refused():
    with pytest.raises(ValueError, match="num_shards"):
        draw_shards([1.0], 10, 0)
    with pytest.raises(ValueError, match="clip_megabytes"):
        simulate([[1.0]], Cluster(1), clip_megabytes=-1)


class TestRecord:
    """`book/results/clip_costs.json` is what `benchmarks/clip_costs.py` measures."""

    @pytest.fixture
    def script(self, monkeypatch):
        monkeypatch.syspath_prepend(ROOT / "benchmarks")
        return importlib.import_module("clip_costs")

    @pytest.fixture
    def record(self):
        path = ROOT / "book" / "results" / "clip_costs.json"
        return json.loads(path.read_text("utf-8"))

    def test_it_has_every_point_of_the_script(self, script, record):
        assert record["spec"] == script.SPEC
        assert list(record["num_frames"]) == list(map(str, script.NUM_FRAMES))
        assert list(record["size"]) == list(map(str, script.SIZES))
        assert list(record["startup"]) == list(map(str, script.WORKERS))
        sources = [(v["width"], v["height"], v["length"]) for v in record["sources"]]
        assert sources == script.SOURCES

    def test_costs_are_above_zero_and_the_network_grows_with_frames_and_pixels(self, record):
        for costs in (*record["clips"], *record["sources"], *record["num_frames"].values()):
            assert min(costs.values()) > 0
        for curve in (record["num_frames"], record["size"]):
            network = [cost["network"] for cost in curve.values()]
            assert network == sorted(network)

    def test_a_point_of_the_script_is_measured(self, script, write_clip, monkeypatch):
        monkeypatch.setitem(script.SPEC, "rounds", 1)
        clip = Clip("c", "", "c", write_clip(num_frames=6))
        view = ViewSpec(num_frames=2, size=32)
        found = script.rounds({"decode": lambda: script.decoding_of(clip, view)})
        assert found["decode"] > 0
        larger = script.encoded(clip.path, clip.path.with_suffix(".2.mp4"), 128, 96, 30)
        assert (probe(larger).num_frames, probe(larger).width) == (30, 128)
