"""The record that `two-streams` and `segments` read, and the script that wrote it."""

import importlib
import json
from pathlib import Path

import pytest
import torch

from quest82.systems.parts.stream_fusions import FUSIONS

RESULTS = Path(__file__).parents[1] / "book" / "results"
RECORD = json.loads((RESULTS / "streams.json").read_text("utf-8"))


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(RESULTS)
    return importlib.import_module("streams")


def test_the_record_is_whole(script):
    assert RECORD.keys() == script.PARTS.keys()
    for part, runs in RECORD.items():
        assert sorted(runs) == [str(seed) for seed in script.SEEDS], part
        assert len({tuple(run) for run in runs.values()}) == 1
    kinds = {f"{name} {after}" for name in FUSIONS for after in (1, 3)}
    assert kinds < RECORD["fusion"]["0"].keys()
    assert tuple(RECORD["first_layer"]["0"]) == script.INITIAL


def test_what_was_recorded_is_trained_the_same_way_in_small(script):
    found = script.fusion(0, num_objects=9, epochs=1)
    assert list(found) == list(RECORD["fusion"]["0"])
    for name, run in RECORD["fusion"]["0"].items():
        assert found[name]["parameters"] == run["parameters"]
    augmented = script.augmentation(0, num_train=3, epochs=1)
    assert list(augmented) == list(RECORD["augmentation"]["0"])


def test_the_temporal_network_reads_seven_steps_of_flow(script):
    with torch.no_grad():
        assert script.temporal("random", 0).eval()(torch.zeros(1, 7, 2, 32, 32)).shape == (1, 8)
