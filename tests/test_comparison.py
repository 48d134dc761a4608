import json

import pytest
import torch

from quest82 import comparison


@pytest.fixture
def halves(make_set):
    return make_set(num_clips=72).split(0.5)


def test_a_report_is_json_and_says_what_was_compared(halves):
    train, test = halves
    report = comparison.compare(train, test, num_seeds=2, epochs=2)
    assert json.loads(json.dumps(report)) == report
    assert report["train"] + report["watched"] == len(train)
    assert report["test"] == len(test)
    for name in ("mean", "lstm"):
        entry = report["models"][name]
        assert len(entry["top1"]) == len(entry["top5"]) == len(report["p_values"]) == 2
        assert entry["interval"][0] <= entry["top1"][0] <= entry["interval"][1]
    text = comparison.describe(report)
    assert f"{len(test)} to test" in text
    assert "McNemar by group" in text


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
    assert comparison.compare(few, test, num_seeds=1, epochs=1)["watched"] == 0


def test_a_result_too_good_to_be_true_is_flagged(halves):
    report = comparison.compare(*halves, num_seeds=1, epochs=1)
    report["models"]["mean"]["top1"] = [0.91]
    assert "both sides" in comparison.describe(report)
    report["models"] = {name: {**entry, "top1": [0.7]} for name, entry in report["models"].items()}
    assert "both sides" not in comparison.describe(report)
