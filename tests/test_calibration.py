"""Calibration: against independent references, on held-out groups, and in the model's file."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from command import quest82
from sklearn.neighbors import NearestCentroid

from quest82 import learning
from quest82.essences import EssenceSet
from quest82.learning.calibration import (
    calibrate,
    calibration_error,
    fit_temperature,
    held_out_distances,
    mean_essences,
)
from quest82.systems import classifier
from quest82.systems.calibration import Calibration, nearest


def drawn(num_clips=4000, num_classes=4, seed=0):
    """Logits, and labels that are drawn from just their probabilities."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(num_clips, num_classes, generator=generator)
    labels = torch.multinomial(logits.softmax(dim=1), 1, generator=generator)[:, 0]
    return logits, labels


@pytest.mark.parametrize("factor", [0.5, 1, 3])
def test_the_temperature_undoes_a_factor(factor):
    logits, labels = drawn()
    assert fit_temperature(factor * logits, labels) == pytest.approx(factor, rel=0.06)
    before, after = (
        calibration_error((factor * logits / t).softmax(dim=1), labels)
        for t in (1, fit_temperature(factor * logits, labels))
    )
    assert after < 0.025
    assert factor == 1 or before > 2 * after


def test_the_temperature_is_the_least_surprised():
    logits, labels = drawn(num_clips=400)
    best = fit_temperature(5 * logits, labels)

    def surprise(temperature):
        return torch.nn.functional.cross_entropy(5 * logits / temperature, labels).item()

    grid = np.exp(np.linspace(-1, 4, 2001))
    assert best == pytest.approx(min(grid, key=surprise), rel=0.05)


def test_few_clips_all_right_make_nothing_certain():
    logits = 8 * torch.eye(3).repeat(3, 1)
    temperature = fit_temperature(logits, torch.arange(3).repeat(3))
    sure = (logits / temperature).softmax(dim=1).max().item()
    assert sure == pytest.approx(10 / 11, abs=1e-3)  # (N + 1) / (N + 2)


def test_the_error_is_that_of_bins_counted_one_by_one():
    logits, labels = drawn(num_clips=300)
    probabilities = (2 * logits).softmax(dim=1)
    sure, answer = probabilities.double().numpy().max(1), probabilities.argmax(1).numpy()
    error = 0.0
    for k in range(15):
        inside = (sure > k / 15) & (sure <= (k + 1) / 15)
        if inside.any():
            right = (answer == labels.numpy())[inside].mean()
            error += inside.mean() * abs(right - sure[inside].mean())
    assert calibration_error(probabilities, labels) == pytest.approx(error)


def test_distances_are_those_of_the_nearest_centroid(make_set):
    data = make_set(num_clips=48, clips_per_group=1)
    features = mean_essences(data)
    assert torch.allclose(features, data.essences.double().mean(1))
    found = np.sort(held_out_distances(data, features, num_folds=4, seed=0))
    expected = []
    for others, own in learning.folds(data, 4, seed=0):
        centroids = NearestCentroid().fit(features[others].numpy(), data.labels[others]).centroids_
        gaps = features[own].numpy()[:, None] - centroids
        expected += list(np.linalg.norm(gaps, axis=2).min(axis=1))
    assert found == pytest.approx(np.sort(expected))


def test_a_class_of_one_group_does_not_move_the_threshold(make_set):
    data = make_set(num_clips=48, clips_per_group=1)
    rare = data.essences.clone()
    rare[0] += 100
    labels, classes = data.labels.clone(), (*data.classes, "rare")
    labels[0] = 3
    odd = replace(data, essences=rare, labels=labels, classes=classes)
    assert len(held_out_distances(odd, mean_essences(odd), num_folds=4)) == 47
    assert held_out_distances(odd, mean_essences(odd), num_folds=4).max() < 50


def test_known_clips_are_known_and_strange_ones_are_not(make_set):
    data = make_set(num_clips=240, clips_per_group=1)
    train, test = data.split(0.25)

    def make():
        return classifier.build("mean", data.num_features, 3)

    config = learning.TrainConfig(epochs=5)
    result = learning.cross_validate(make, train, config, num_folds=4)
    found = calibrate(train, result, num_folds=4)
    calibration = found.calibration
    near = calibration.distances(test.essences) <= calibration.farthest
    assert 0.85 < near.double().mean() <= 1
    blank = torch.zeros(1, data.num_frames, data.num_features)
    assert calibration.distances(blank) > calibration.farthest
    assert 0 <= found.error_after <= 1 and found.error_before == calibration_error(
        result.logits.softmax(dim=1), train.labels
    )
    everyone = calibrate(train, result, num_folds=4, acceptance=1).calibration
    assert everyone.farthest > calibration.farthest
    with pytest.raises(ValueError, match=r"acceptance \(0\) must be above 0"):
        calibrate(train, result, acceptance=0)


def test_the_file_keeps_it_and_files_without_it_work(tmp_path):
    model = classifier.build("mean", 8, 3)
    calibration = Calibration(1.5, torch.randn(3, 8), 2.5, 0.95)
    classifier.save(tmp_path / "with", model, classes="abc", calibration=calibration)
    classifier.save(tmp_path / "without", model, classes="abc")
    again, settings = classifier.load(tmp_path / "with")
    assert settings["calibration"].numbers == calibration.numbers
    assert torch.equal(settings["calibration"].means, calibration.means)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    assert classifier.load(tmp_path / "without")[1]["calibration"] is None
    x = torch.randn(5, 3)
    assert torch.equal(calibration.probabilities(x).argmax(1), x.argmax(1))
    assert nearest(calibration.means, calibration.means).max() < 1e-6


def test_train_tells_it_and_evaluate_takes_it(make_set, tmp_path):
    data = make_set(num_clips=48, clips_per_group=1)
    replace(data, settings={"size": 64}).save(tmp_path / "store")
    text, _ = quest82("train", tmp_path / "store", tmp_path / "m", "--epochs", 2)
    calibration = classifier.load(tmp_path / "m")[1]["calibration"]
    assert f"temperature {calibration.temperature:.2f}, expected calibration error" in text
    assert f"none of these: clips farther than {calibration.farthest:.2f} from" in text
    assert math.isfinite(calibration.farthest) and calibration.means.shape == (3, 16)
    quest82("train", tmp_path / "store", tmp_path / "plain", "--epochs", 1, "--folds", 0)
    assert classifier.load(tmp_path / "plain")[1]["calibration"] is None
    assert len(EssenceSet.load(tmp_path / "store")) == 48
