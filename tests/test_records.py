"""The records of long experiments fit their stores, and the scripts that wrote them still run."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from quest82.essences import EssenceSet

BOOK = Path(__file__).parents[1] / "book"
RECORD = json.loads((BOOK / "results" / "utd_mhad.json").read_text("utf-8"))
PARTS = ("six", "circles", "all")


@pytest.fixture(scope="module")
def pairs():
    return EssenceSet.load(BOOK / "data" / "utd_mhad")


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(BOOK / "results")
    return importlib.import_module("utd_mhad")


def test_the_pairs_are_those_of_the_store(pairs):
    six = RECORD["six"]
    assert six["classes"] == list(pairs.classes)
    assert six["labels"] == pairs.labels.tolist()
    assert six["groups"] == list(pairs.groups)
    circles = pairs.labels < 2
    assert RECORD["circles"]["labels"] == pairs.labels[circles].tolist()
    assert RECORD["circles"]["groups"] == [pairs.groups[k] for k in circles.nonzero()[:, 0]]


@pytest.mark.parametrize("part", PARTS)
def test_each_model_says_a_class_for_each_clip(part):
    about = RECORD[part]
    assert len(about["labels"]) == len(about["groups"])
    assert set(about["labels"]) == set(range(len(about["classes"])))
    everything = [about["predictions"], about.get("backwards", {})]
    for said in (
        said for models in everything for runs in models.values() for said in runs.values()
    ):
        assert len(said) == len(about["labels"])
        assert set(said) <= set(about["labels"])


def test_all_27_classes_are_there():
    assert (len(RECORD["all"]["classes"]), len(RECORD["all"]["labels"])) == (27, 861)
    assert set(RECORD["six"]["classes"]) < set(RECORD["all"]["classes"])


def test_the_measurements_are_of_each_clip():
    N, T = len(RECORD["circles"]["labels"]), RECORD["made with"]["T"]
    assert np.isfinite(RECORD["tracked"]).all()
    assert np.shape(RECORD["tracked"]) == (N, T, 2)
    assert all(len(right) == N for right in RECORD["circles by rule"].values())
    assert all(len(part["direction"]) == N for part in RECORD["probe"].values())
    right = RECORD["without network"]["correct"].values()
    assert all(len(of_clip) == len(RECORD["six"]["labels"]) for of_clip in right)


def test_every_experiment_of_the_script_is_in_the_record(script, pairs):
    circles = pairs.subset(pairs.labels < 2)
    maps = replace(circles, essences=torch.zeros(len(circles), 1, 1280 * 49))
    experiments = [
        *script.six_classes(pairs),
        *script.circles_alone(circles, circles, circles, circles, maps, circles, {}),
        *script.all_27(pairs),
    ]
    expected = {}
    for part, name, _, _, seeds, _ in experiments:
        expected.setdefault(part, {}).setdefault(name, set()).update(map(str, seeds))
    found = {
        part: {name: set(runs) for name, runs in RECORD[part]["predictions"].items()}
        for part in PARTS
    }
    assert found == expected


def test_paths_are_read_by_probes_that_do_not_know_the_person(script, pairs):
    circles = pairs.subset(pairs.labels < 2)
    path, read = script.hand_paths(circles, RECORD["tracked"])
    assert set(read) == set(circles.groups)
    assert path.essences.shape == (64, 10, 2)
    own = np.array(circles.groups) == "s3"
    tracked = np.array(RECORD["tracked"])
    tracked[own] = 0  # what a probe would learn from the person
    _, again = script.hand_paths(circles, tracked)
    assert torch.equal(again["s3"].essences, read["s3"].essences)
    assert not torch.equal(again["s1"].essences, read["s1"].essences)


def test_an_experiment_of_the_script_runs(script, pairs, monkeypatch, tmp_path):
    monkeypatch.setattr(script, "RECORD", tmp_path / "record.json")
    few = [k for k, group in enumerate(pairs.groups) if group in ("s1", "s2")][::4]
    tiny = pairs.subset(few)
    record = {"six": {"predictions": {}}}
    for name, aggregator, data in (("mean", "mean", script.mean(tiny)), ("LSTM", "lstm", tiny)):
        script.ask(record, "six", name, data, aggregator, [0], {"epochs": 2})
    written = json.loads((tmp_path / "record.json").read_text("utf-8"))
    assert {name: len(runs["0"]) for name, runs in written["six"]["predictions"].items()} == {
        "mean": len(tiny),
        "LSTM": len(tiny),
    }
    assert len(written["six"]["backwards"]["LSTM"]["0"]) == len(tiny)
