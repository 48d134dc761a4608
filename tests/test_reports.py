import copy
import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from quest82.experiments import comparison, reports
from quest82.experiments.training import DIRECTIONS

FIGURES = ("accuracy", "classes", "confusions")


@pytest.fixture(scope="module")
def part():
    """A report of one split, of seven classes, two of them never confused with others."""
    rng = np.random.default_rng(0)
    runs = {"top1": [0.512, 0.498], "top5": [0.9, 0.89], "average": 0.505, "interval": [0.4, 0.61]}
    worse = {"top1": [0.203, 0.199], "top5": [0.7, 0.7], "average": 0.201, "interval": [0.1, 0.31]}
    runs["mean_class_accuracy"] = worse["mean_class_accuracy"] = [0.345, 0.333]
    same = {"average": 0.0, "interval": [0.0, 0.0]}
    classes = [f"act {k}" for k in range(7)]
    return {
        "extraction": {"num_frames": 16},
        "skipped": [["act 0/c.mp4", "the file is empty"]],
        "classes": 7,
        "train": 1234,
        "watched": 56,
        "test": 78,
        "test_groups": 19,
        "few_groups": "",
        "majority": 0.287,
        "never_learned": [],
        "never_tested": [],
        "one_sided": {},
        "models": {
            "mean": {
                "title": "mean",
                "parameters": 1000,
                "forwards": runs,
                "backwards": runs,
                "drop": same,
            },
            "lstm": {
                "title": "LSTM",
                "parameters": 2000,
                "forwards": {**runs, "top1": [0.604, 0.633], "average": 0.6185},
                "backwards": worse,
                "drop": {"average": 0.4175, "interval": [0.3, 0.5]},
            },
        },
        "baseline": "mean",
        "comparisons": 2,
        "differences": {
            "lstm": {
                "difference": {"average": -0.1135, "interval": [-0.2, 0.01]},
                "p_values": [0.0123, 0.4],
                "corrected_p_values": [0.0246, 0.4],
            }
        },
        "per_class": [
            {"class": name, "clips": 11, "groups": 3, "recalls": {"mean": m, "lstm": m - d},
             "differences": {"lstm": {"average": d, "interval": [d - 0.1, d + 0.1]}}}
            for name, m, d in zip(classes, rng.random(7), np.linspace(-0.3, 0.31, 7), strict=True)
        ],
        "confusions": [
            {"true": "act 1", "predicted": "act 2", "counts": {"mean": 5, "lstm": 4}},
            {"true": "act 2", "predicted": "act 1", "counts": {"mean": 0, "lstm": 6}},
        ],
    }  # fmt: skip


def numbers_in(text):
    return re.findall(r"-?\d[\d,]*(?:\.\d+)?", text)


def test_the_text_holds_the_numbers_of_the_json(part):
    text = reports.describe(comparison.collect("made up", {"split 1": part}))
    said = numbers_in(text)
    for name in ("mean", "lstm"):
        entry = part["models"][name]
        for direction in DIRECTIONS:
            shares = [*entry[direction]["top1"], entry[direction]["average"]]
            assert all(f"{100 * share:.1f}" in said for share in shares)
        assert f"{entry['parameters']:,}" in said
    assert "mean minus LSTM: -11.3 points (95 % interval -20.0 to 1.0)" in text
    assert "p = 0.012 / 0.4 (2 comparisons; by Holm: 0.025 / 0.4)" in text
    assert "1,234 clips to learn from, 56 watched, 78 to test in 19 groups, 1 skipped" in text
    assert "always naming the most frequent class: 28.7 %" in text
    assert text.count("mean class accuracy 34.5 / 33.3 %; top-5 90.0 / 89.0 %") == 2
    assert "mean ahead in 4, LSTM in 3, equal in 0; the interval excludes 0 in 5 of 7" in text
    assert "act 1 taken for act 2 (5 / 4), act 2 taken for act 1 (0 / 6)" in text
    for row in (*part["per_class"][:3], *part["per_class"][-3:]):
        assert f"{row['class']}: mean {100 * row['recalls']['mean']:.1f} %" in text
    assert "note" not in text
    assert "average over" not in text


def test_notes_and_missing_clips_are_told(part):
    alone = {**part, "never_learned": ["act 3"], "confusions": [], "watched": 0, "classes": 5}
    alone |= {"never_tested": ["act 4"], "one_sided": {"act 5": 1}, "few_groups": "only 3 groups"}
    once = {**part["differences"]["lstm"], "p_values": [0.5], "corrected_p_values": [0.5]}
    alone |= {"differences": {"lstm": once}, "comparisons": 1}
    report = comparison.collect("made up", {"a": alone}, notes=["beware"], missing=["x", "y"])
    text = reports.describe(report)
    assert "note: beware" in text
    assert "note: clips of the data set that were not there: 2" in text
    assert "never right: act 3" in text
    assert "without a test clip: act 4" in text
    assert "act 5 (1); add clips of other groups" in text
    assert "note: only 3 groups to test" in text
    assert "every epoch was run" in text
    assert "p = 0.5 (1 comparison)" in text
    assert "confused" not in text
    assert "top-5" not in text


def test_a_result_too_good_to_be_true_is_flagged(part):
    good = copy.deepcopy(part)
    good["models"]["mean"]["forwards"]["top1"] = [0.7, 0.821]
    alarm = comparison.SUSPICIOUS_TOP1
    cases = [({"1": part}, alarm, False), ({"1": part, "2": good}, alarm, True)]
    cases += [({"1": good}, None, False)]
    for splits, limit, flagged in cases:
        text = reports.describe(comparison.collect("UCF101", splits, alarm=limit))
        assert ("On UCF101 no published model" in text) == flagged


def test_json_and_figures_are_written_side_by_side(part, tmp_path):
    report = comparison.collect("made up", {"split 1": part})
    written = reports.write(report, tmp_path / "r.json")
    assert [path.name for path in written] == [
        "r-report.json",
        *(f"r-{name}.png" for name in FIGURES),
    ]
    assert sorted(tmp_path.iterdir()) == sorted(written)
    assert json.loads(written[0].read_text()) == report
    for path in written[1:]:
        assert plt.imread(path).std() > 0.05
    assert not plt.get_fignums()


def test_each_split_has_its_figures(part, tmp_path):
    report = comparison.collect("made up", {"split 1": part, "split 3": part})
    names = {path.name for path in reports.write(report, tmp_path / "r.json")}
    assert names == {"r-report.json"} | {
        f"r-split-{k}-{name}.png" for k in (1, 3) for name in FIGURES
    }
    assert "average over 2 splits" in reports.describe(report)


def test_a_split_without_mistakes_has_figures_too(part, tmp_path):
    silent = copy.deepcopy(part)
    silent["confusions"] = []
    for row in silent["per_class"]:
        row["differences"]["lstm"] = {"average": 0.0, "interval": [-0.1, 0.1]}
    report = comparison.collect("made up", {"split 1": silent})
    assert len(reports.write(report, tmp_path / "r.json")) == 4
    assert "equal in 7; the interval excludes 0 in 0 of 7" in reports.describe(report)
