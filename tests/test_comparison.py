import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, recall_score

from quest82 import learning
from quest82.experiments import comparison, reports
from quest82.experiments.models import MODELS, Model
from quest82.experiments.training import DIRECTIONS, Budget
from quest82.learning import uncertainty
from quest82.systems import classifier

NAMES = [model.name for model in MODELS]


@pytest.fixture
def halves(make_set):
    return make_set(num_clips=72).split(0.5)


@pytest.fixture(scope="module")
def hard_halves(make_set):
    """Classes so alike that both models are often wrong."""
    data = make_set(num_clips=96, num_classes=4, num_features=8)
    noise = torch.randn(data.essences.shape, generator=torch.Generator().manual_seed(1))
    return replace(data, essences=(0.3 * data.essences + noise).half()).split(0.5)


def trained_alone(name, train, test, seed, epochs):
    """The model of a report, made again by hand."""
    learned, watched = learning.set_aside(train)
    model = classifier.build(name, train.num_features, len(train.classes), seed=seed)
    learning.fit(model, learned, learning.TrainConfig(epochs=epochs, seed=seed), watched)
    return learning.evaluate(model, test)


def test_a_report_is_json_and_says_what_was_compared(halves):
    train, test = halves
    report = comparison.compare(train, test, num_seeds=2, budget=Budget(epochs=2))
    assert json.loads(json.dumps(report)) == report
    assert report["train"] + report["watched"] == len(train)
    assert report["test"] == len(test)
    assert report["test_groups"] == len(set(test.groups))
    assert report["never_learned"] == []
    assert len(report["differences"]["lstm"]["p_values"]) == 2
    for name in NAMES:
        for direction in DIRECTIONS:
            entry = report["models"][name][direction]
            assert len(entry["top1"]) == len(entry["top5"]) == 2
            assert entry["average"] == pytest.approx(np.mean(entry["top1"]))
            assert entry["interval"][0] <= entry["average"] <= entry["interval"][1]


def test_the_figures_are_those_of_the_models_trained_by_hand(hard_halves):
    train, test = hard_halves
    report = comparison.compare(train, test, num_seeds=2, budget=Budget(epochs=3))
    runs = {name: [trained_alone(name, train, test, seed, 3) for seed in (0, 1)] for name in NAMES}
    for name, (first, second) in runs.items():
        assert report["models"][name]["forwards"]["top1"] == [first.top1, second.top1]
        assert report["models"][name]["forwards"]["top5"] == [first.top5, second.top5]
    p_values = [
        uncertainty.mcnemar(a.correct, b.correct, test.groups)
        for a, b in zip(runs["mean"], runs["lstm"], strict=True)
    ]
    assert report["differences"]["lstm"]["p_values"] == p_values
    assert report["differences"]["lstm"]["corrected_p_values"] == uncertainty.holm(p_values)
    for name, (first, second) in runs.items():
        entry = report["models"][name]["forwards"]
        expected = [
            balanced_accuracy_score(test.labels, run.predictions) for run in (first, second)
        ]
        assert entry["mean_class_accuracy"] == pytest.approx(expected)
        average = np.mean([run.correct.numpy() for run in (first, second)], axis=0)
        assert tuple(entry["interval"]) == uncertainty.accuracy_interval(average, test.groups)
    assert report["majority"] == test.labels.bincount().max() / len(test)
    shares = [
        np.mean([run.correct.numpy() for run in runs[name]], axis=0) for name in ("mean", "lstm")
    ]
    difference = report["differences"]["lstm"]["difference"]
    assert difference["average"] == pytest.approx(shares[0].mean() - shares[1].mean())
    paired = uncertainty.difference_interval(shares[0] - shares[1], test.groups)
    assert tuple(difference["interval"]) == paired
    for row in report["per_class"]:
        own = [name == row["class"] for name in (test.classes[k] for k in test.labels)]
        recalls = [
            recall_score(own, [test.classes[k] == row["class"] for k in run.predictions])
            for run in runs["lstm"]
        ]
        assert row["recalls"]["lstm"] == pytest.approx(np.mean(recalls))


def test_recalls_weighted_by_their_clips_are_the_accuracy(hard_halves):
    report = comparison.compare(*hard_halves, num_seeds=2, budget=Budget(epochs=3))
    clips = [row["clips"] for row in report["per_class"]]
    assert sum(clips) == report["test"]
    for name in NAMES:
        recalls = [row["recalls"][name] for row in report["per_class"]]
        average = report["models"][name]["forwards"]["average"]
        assert np.average(recalls, weights=clips) == pytest.approx(average)
    for row in report["per_class"]:
        assert row["differences"]["lstm"]["average"] == pytest.approx(
            row["recalls"]["mean"] - row["recalls"]["lstm"]
        )


def test_confusions_are_those_of_scikit_learn(hard_halves):
    train, test = hard_halves
    report = comparison.compare(train, test, num_seeds=1, budget=Budget(epochs=3))
    number = {name: k for k, name in enumerate(test.classes)}
    counts = {
        name: confusion_matrix(test.labels, trained_alone(name, train, test, 0, 3).predictions)
        for name in NAMES
    }
    pairs = [(number[c["true"]], number[c["predicted"]]) for c in report["confusions"]]
    assert len(pairs) > 2
    for pair, entry in zip(pairs, report["confusions"], strict=True):
        assert pair[0] != pair[1]
        assert (entry["counts"]["mean"], entry["counts"]["lstm"]) == (
            counts["mean"][pair],
            counts["lstm"][pair],
        )
    together = counts["mean"] + counts["lstm"]
    np.fill_diagonal(together, 0)
    ranked = [together[pair] for pair in pairs]
    assert ranked == sorted(together[together > 0], reverse=True)[:20]


def test_the_mean_is_the_same_backwards_and_the_lstm_need_not_be(make_set):
    """What a clip shows is the same in both directions; when it shows it, is not."""
    data = make_set(num_clips=60, num_classes=2, num_frames=6)
    moments = torch.linspace(1, -1, 6)[:, None] * torch.linspace(1, 2, 16)
    turned = torch.where(data.labels[:, None, None] == 0, moments, -moments)
    ordered = replace(data, essences=(0.1 * data.essences + turned).half())
    report = comparison.compare(*ordered.split(0.5), num_seeds=2, budget=Budget(epochs=15))
    mean, lstm = report["models"]["mean"], report["models"]["lstm"]
    assert mean["forwards"] == mean["backwards"]
    assert mean["drop"]["average"] == 0
    low, high = mean["drop"]["interval"]
    assert low == -high < 0
    assert min(lstm["forwards"]["top1"]) > 0.9
    assert max(lstm["backwards"]["top1"]) < 0.1
    drop = lstm["forwards"]["average"] - lstm["backwards"]["average"]
    assert lstm["drop"]["average"] == pytest.approx(drop)


def test_clips_with_views_are_compared_too(make_set):
    train, test = make_set(num_clips=48, views=2).split(0.5)
    report = comparison.compare(train, test, num_seeds=1, budget=Budget(epochs=1))
    mean = report["models"]["mean"]
    assert mean["forwards"] == mean["backwards"]


def test_a_class_without_a_clip_to_learn_from_is_named(halves):
    train, test = halves
    two = train.subset(train.labels != 1)
    report = comparison.compare(two, test, num_seeds=1, budget=Budget(epochs=1))
    assert report["never_learned"] == ["class 1"]


def test_a_class_that_cannot_be_on_both_sides_is_named(halves):
    train, test = halves
    report = comparison.compare(
        train.subset(train.labels != 1),
        test.subset(test.labels != 2),
        num_seeds=1,
        budget=Budget(epochs=1),
    )
    assert (report["never_learned"], report["never_tested"]) == (["class 1"], ["class 2"])
    one = test.subset([group == test.groups[0] for group in test.groups])
    report = comparison.compare(
        train.subset(train.labels != 1), one, num_seeds=1, budget=Budget(epochs=1)
    )
    assert report["one_sided"] == {"class 1": 1}


def test_one_group_has_an_interval_as_wide_as_one_answer_gives(halves):
    train, test = halves
    one = test.subset([group == test.groups[0] for group in test.groups])
    report = comparison.compare(train, one, num_seeds=1, budget=Budget(epochs=1))
    assert report["few_groups"] == "only 1 group"
    gaps = [report["differences"]["lstm"]["difference"]]
    gaps += [row["differences"]["lstm"] for row in report["per_class"]]
    for gap in gaps:
        assert gap["interval"][1] - gap["interval"][0] > 1


def test_groups_on_both_sides_are_refused(halves):
    train, _ = halves
    with pytest.raises(ValueError, match="training and test"):
        comparison.compare(train, train)
    with pytest.raises(ValueError, match="at least one clip"):
        comparison.compare(train, train.subset([]))
    with pytest.raises(ValueError, match="num_seeds"):
        comparison.compare(*halves, num_seeds=0)


def test_too_few_groups_to_watch_any(halves):
    train, test = halves
    few = train.subset(torch.tensor([group == train.groups[0] for group in train.groups]))
    assert comparison.compare(few, test, num_seeds=1, budget=Budget(epochs=1))["watched"] == 0


def test_enough_clips_are_watched(make_set):
    train, test = make_set(num_clips=600).split(0.5)
    report = comparison.compare(train, test, num_seeds=1, budget=Budget(epochs=1))
    assert report["watched"] == pytest.approx(60, abs=6)
    assert report["train"] + report["watched"] == len(train)


def test_several_splits_are_averaged(hard_halves):
    one, other = hard_halves
    how = {"num_seeds": 1, "budget": Budget(epochs=2)}
    splits = {
        "split 1": comparison.compare(one, other, **how),
        "split 2": comparison.compare(other, one, **how),
    }
    report = comparison.collect("made up", splits)
    assert json.loads(json.dumps(report)) == report
    assert [part["split"] for part in report["splits"]] == ["split 1", "split 2"]
    for name in NAMES:
        for direction in DIRECTIONS:
            parts = [part["models"][name][direction]["average"] for part in splits.values()]
            assert report["average"][name][direction] == pytest.approx(sum(parts) / 2)


THREE = (Model("mean"), Model("attention"), Model("first", "mean", {}, "first frame"))


@pytest.fixture(scope="module")
def of_three(hard_halves):
    return comparison.compare(*hard_halves, THREE, num_seeds=2, budget=Budget(epochs=3))


class TestMoreThanTwo:
    def test_each_is_tested_against_the_first_and_corrected_for_all(self, of_three):
        assert of_three["baseline"] == "mean"
        assert list(of_three["differences"]) == ["attention", "first"]
        assert of_three["comparisons"] == 4
        entries = of_three["differences"].values()
        p_values = [p for entry in entries for p in entry["p_values"]]
        corrected = [p for entry in entries for p in entry["corrected_p_values"]]
        assert corrected == uncertainty.holm(p_values)
        averages = {n: entry["forwards"]["average"] for n, entry in of_three["models"].items()}
        for name, entry in of_three["differences"].items():
            gap = averages["mean"] - averages[name]
            assert entry["difference"]["average"] == pytest.approx(gap)

    def test_another_baseline_turns_the_difference_round(self, hard_halves, of_three):
        turned = comparison.compare(
            *hard_halves, THREE, baseline="first", num_seeds=2, budget=Budget(epochs=3)
        )
        assert list(turned["differences"]) == ["mean", "attention"]
        one, other = turned["differences"]["mean"], of_three["differences"]["first"]
        assert one["p_values"] == other["p_values"]
        low, high = other["difference"]["interval"]
        assert one["difference"]["interval"] == pytest.approx([-high, -low])
        with pytest.raises(ValueError, match="baseline \\('nobody'\\) must be one of mean"):
            comparison.compare(*hard_halves, THREE, baseline="nobody", budget=Budget(epochs=1))

    def test_every_model_stands_in_every_table(self, of_three):
        names = [model.name for model in THREE]
        for row in of_three["per_class"]:
            assert list(row["recalls"]) == names
            assert list(row["differences"]) == names[1:]
        assert all(list(entry["counts"]) == names for entry in of_three["confusions"])
        assert list(of_three["models"]) == names

    def test_the_text_and_the_figures_show_all(self, of_three, tmp_path):
        collected = comparison.collect("made up", {"a": of_three, "b": of_three})
        text = reports.describe(collected)
        for name in ("attention", "first"):
            assert text.count(f"mean minus {name}: ") == 2
            assert text.count(f"  {name}: top-1 ") == 3
        assert text.count("(4 comparisons; by Holm: ") == 4
        assert "most confused (mean / attention / first, first seed)" in text
        assert len(reports.write(collected, tmp_path / "r.json")) == 7

    def test_equal_names_and_single_models_are_refused(self, hard_halves):
        with pytest.raises(ValueError, match="different names"):
            comparison.compare(*hard_halves, [Model("mean"), Model("mean")])
        with pytest.raises(ValueError, match="at least two"):
            comparison.compare(*hard_halves, [Model("mean")])
