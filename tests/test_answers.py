"""`quest82 evaluate` as files: every answer, the figures of each class, the confusions."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest
import torch
from command import quest82
from PIL import Image
from sklearn.metrics import f1_score, precision_score, recall_score

from quest82.essences import EssenceSet
from quest82.learning import evaluate
from quest82.learning.evaluation import class_figures
from quest82.systems import classifier
from quest82.systems.calibration import Calibration


@pytest.fixture
def store(make_set, tmp_path):
    data = make_set(num_clips=48, clips_per_group=1)
    replace(data, settings={"size": 64, "weights": "none"}).save(tmp_path / "store")
    return tmp_path / "store"


def files(tmp_path):
    names = {"--csv": "a.csv", "--json": "r.json", "--plot": "c.png"}
    return [part for name, file in names.items() for part in (name, tmp_path / file)]


def written(tmp_path):
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with Image.open(tmp_path / "c.png") as figure:
        assert figure.width > 500
    return rows, json.loads((tmp_path / "r.json").read_text("utf-8"))["results"]


def test_class_figures_are_shares_of_the_confusions():
    generator = torch.Generator().manual_seed(0)
    labels, answers = torch.randint(3, (2, 50), generator=generator)
    for k, told in enumerate(class_figures(labels, answers, 3)):
        mine, named = labels == k, answers == k
        assert told["precision"] == pytest.approx((mine & named).sum().item() / named.sum().item())
        assert told["recall"] == pytest.approx((mine & named).sum().item() / mine.sum().item())
        expected = 2 / (1 / told["precision"] + 1 / told["recall"])
        assert told["f1"] == pytest.approx(expected)
        assert told["clips"] == mine.sum()


def test_a_share_of_nothing_is_none():
    never_named, absent = class_figures(torch.tensor([0, 0, 1]), torch.tensor([0, 0, 0]), 3)[1:]
    assert never_named == {"precision": None, "recall": 0, "f1": 0, "clips": 1}
    assert absent == {"precision": None, "recall": None, "f1": None, "clips": 0}


def test_a_model_is_told_clip_by_clip_and_class_by_class(store, tmp_path):
    quest82("train", store, tmp_path / "m", "--epochs", 2, "--test", 0.25)
    text, _ = quest82("evaluate", store, "--model", tmp_path / "m", *files(tmp_path))
    rows, (report,) = written(tmp_path)
    data = EssenceSet.load(store)
    of_clip = dict(zip(data.clip_ids, data.labels.tolist(), strict=True))
    assert 0 < len(rows) < len(data) and report["clips"] == len(rows)
    for row, answer in zip(rows, report["answers"], strict=True):
        assert row["label"] == answer["label"] == data.classes[of_clip[row["clip"]]]
        assert (row["right"] == "True") == answer["right"] == (row["label"] == row["answer"])
        shares = [float(row[f"p({name})"]) for name in data.classes]
        assert shares == pytest.approx(answer["probabilities"], abs=1e-6)
        assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert data.classes[shares.index(max(shares))] == row["answer"]
        assert row["model"] == "m" and row["seed"] == ""
    truth, said = [row["label"] for row in rows], [row["answer"] for row in rows]
    for name, told in report["classes"].items():
        how = {"labels": [name], "average": "macro", "zero_division": 0}
        for key, score in (("precision", precision_score), ("recall", recall_score),
                           ("f1", f1_score)):  # fmt: skip
            assert (told[key] or 0) == pytest.approx(score(truth, said, **how))
    right = sum(row["right"] == "True" for row in rows)
    assert report["top1"] == pytest.approx(right / len(rows))
    assert report["interval"][0] <= report["top1"] <= report["interval"][1]
    assert sum(map(sum, report["confusion"])) == len(rows)
    assert "precision  recall      F1  clips" in text
    assert text.endswith(f"{tmp_path / 'c.png'} written\n")


def test_a_calibrated_model_gives_calibrated_probabilities(store, tmp_path):
    data = EssenceSet.load(store)
    model = classifier.build("mean", data.num_features, 3)
    calibration = Calibration(0.25, torch.zeros(3, 16), 1.0, 0.95)
    how = {"classes": data.classes, "extraction": data.settings}
    classifier.save(tmp_path / "m", model, calibration=calibration, **how)
    quest82("evaluate", store, "--model", tmp_path / "m", *files(tmp_path))
    _, (report,) = written(tmp_path)
    told = torch.tensor([answer["probabilities"] for answer in report["answers"]])
    assert torch.allclose(told, (4 * evaluate(model, data).logits).softmax(dim=1), atol=1e-6)


def test_models_that_are_compared_are_told_with_their_seeds(store, tmp_path):
    how = ("--epochs", 1, "--folds", 2, "--seeds", 2)
    quest82("evaluate", store, *how, *files(tmp_path))
    rows, reports = written(tmp_path)
    assert [(part["model"], part["seed"]) for part in reports] == [
        ("mean", 0), ("mean", 1), ("lstm", 0), ("lstm", 1)
    ]  # fmt: skip
    assert len(rows) == 4 * 48
    assert {(row["model"], row["seed"]) for row in rows} == {
        (name, seed) for name in ("mean", "lstm") for seed in "01"
    }


def test_files_are_tried_before_the_training(store, tmp_path):
    for name in ("--csv", "--json", "--plot"):
        _, error = quest82("evaluate", store, name, tmp_path / "no" / "file.png", code=2)
        assert "cannot be written" in error
    _, error = quest82("evaluate", store, "--plot", tmp_path / "c.txt", code=2)
    assert "plot" in error and ".png" in error
