"""`quest82 predict`: which files it takes, what it says of them, and what it writes."""

from __future__ import annotations

import csv
import json
import os
import shutil

import pytest
import safetensors.torch
import torch
from command import quest82
from conftest import moving_square
from torchvision.models import mobilenet_v2

from quest82 import plots, video
from quest82.cli.videos import videos_of
from quest82.frames.view import ViewSpec
from quest82.service import Predictor
from quest82.service.explaining import contributions
from quest82.systems import classifier
from quest82.systems.backbones import open_backbone
from quest82.systems.calibration import Calibration

SPEC = ViewSpec(num_frames=3, size=64)
NAMES = ("a.mp4", "b.mkv", "deep/c.mp4")


@pytest.fixture(scope="module")
def desk(extractor, tmp_path_factory):
    """Three clips, one of them deeper; weights; and models that were trained on nothing."""
    root = tmp_path_factory.mktemp("desk")
    for number, name in enumerate(NAMES):
        path = root / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        frames = moving_square(7 + 4 * number, shade=100 + 40 * number)
        video.write_video(path, frames, fps=25)
    (root / "clips" / "notes.txt").write_text("hello")
    network = mobilenet_v2()
    network.features.load_state_dict(extractor.features.state_dict())
    safetensors.torch.save_file(network.state_dict(), root / "weights.safetensors")
    backbone = open_backbone("mobilenet_v2", root / "weights.safetensors")
    made = {"backbone": "mobilenet_v2", "weights": backbone.fingerprint(), "engine": "plain"}
    for name in ("mean", "lstm"):
        model = classifier.build(name, 1280, 3)
        extraction = SPEC.settings | made
        classifier.save(root / name, model, classes=["run", "a, b", "sit"], extraction=extraction)
    return root


@pytest.fixture
def predict(desk):
    def predict(*arguments, model="lstm", **how):
        weights = ("--backbone-weights", desk / "weights.safetensors", "--workers", 0)
        return quest82("predict", desk / model, *arguments, *weights, **how)

    return predict


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_files_folders_and_patterns_are_one(desk):
    clips = desk / "clips"
    every = [clips / name for name in NAMES]
    assert videos_of([str(clips)]) == every
    assert videos_of([str(clips / "**" / "*.m*")]) == every
    assert videos_of(map(str, every)) == every
    assert videos_of([str(clips), *map(str, every)]) == every
    assert videos_of([str(clips / "*.mp4")]) == every[:1]
    assert videos_of([str(clips / "none.mp4")]) == [clips / "none.mp4"]


def test_a_name_that_looks_like_a_pattern_is_a_name_where_there_is_such_a_file(tmp_path):
    odd = tmp_path / "take[1].mp4"
    odd.touch()
    assert videos_of([str(odd)]) == [odd]


@pytest.mark.parametrize(
    ("argument", "said"),
    [("clips/*.avi", "no file is named so"), ("empty", "holds no file with a video's ending"),
     ("-", "the list on the standard input is empty")],
)  # fmt: skip
def test_what_stands_for_no_video_is_refused(desk, predict, monkeypatch, argument, said):
    monkeypatch.chdir(desk)
    (desk / "empty").mkdir(exist_ok=True)
    _, error = predict(argument, code=2)
    assert said in error


def test_a_list_is_read_from_the_standard_input(desk, predict):
    given = f"{desk / 'clips' / 'b.mkv'}\n\n{desk / 'clips' / 'deep'}\n"
    text, _ = predict("-", given=given)
    told = [line for line in text.splitlines() if not line.startswith("  ")]
    assert told == [str(desk / "clips" / name) for name in NAMES[1:]]


def test_table_and_json_say_what_the_predictor_says(desk, predict, tmp_path):
    table, content = tmp_path / "answers.csv", tmp_path / "answers.json"
    predict(desk / "clips", "--csv", table, "--json", content)
    rows, told = rows_of(table), json.loads(content.read_text("utf-8"))
    assert told["model"] == "lstm" and told["classes"] == ["run", "a, b", "sit"]
    weights = desk / "weights.safetensors"
    with Predictor.load(desk / "lstm", backbone_weights=weights, num_workers=0) as predictor:
        for row, entry, name in zip(rows, told["answers"], NAMES, strict=True):
            answer = predictor(desk / "clips" / name)
            assert row["path"] == entry["path"] == str(desk / "clips" / name)
            assert row["label"] == entry["label"] == answer.label
            expected = dict(zip(answer.classes, answer.probabilities.tolist(), strict=True))
            assert entry["probabilities"] == pytest.approx(expected)
            for label, probability in expected.items():
                assert float(row[f"p({label})"]) == pytest.approx(probability, abs=1e-6)
            assert entry["probability"] == max(entry["probabilities"].values())
            assert row["frames"] == " ".join(map(str, answer.frames))
            assert tuple(entry["frames"]) == answer.frames
            assert row["error"] == ""


@pytest.mark.parametrize("workers", [0, 2])
def test_bad_files_end_no_run_and_are_told_three_times(desk, predict, tmp_path, workers):
    good, odd = desk / "clips" / "a.mp4", tmp_path / "empty.mp4"
    odd.touch()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(good.read_bytes()[:300])
    table, content = tmp_path / "answers.csv", tmp_path / "answers.json"
    asked = (odd, good, tmp_path / "none.mp4", cut, good.with_name("b.mkv"))
    how = ("--csv", table, "--json", content, "--workers", workers)
    text, error = predict(*asked, *how, code=1)
    entries, rows = json.loads(content.read_text())["answers"], rows_of(table)
    assert ["error" in entry for entry in entries] == [True, False, True, True, False]
    assert [bool(row["error"]) for row in rows] == ["error" in entry for entry in entries]
    for entry, row in zip(entries, rows, strict=True):
        assert row["error"] == entry.get("error", "")
        assert entry.get("error", "") in error
        assert ("label" in entry) == (entry["path"] in text)


def test_a_name_in_no_encoding_is_written_in_escapes(desk, predict, tmp_path):
    strange = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4")
    try:
        shutil.copy(desk / "clips" / "a.mp4", strange)
    except OSError:
        pytest.skip("this file system wants names in Unicode")
    predict(strange, "--csv", tmp_path / "t.csv", "--json", tmp_path / "t.json")
    (entry,) = json.loads((tmp_path / "t.json").read_text())["answers"]
    assert entry["path"] == strange
    assert rows_of(tmp_path / "t.csv")[0]["path"].endswith("caf\\udce9.mp4")


def test_essences_that_are_no_numbers_cost_one_file(desk, monkeypatch):
    weights, clip = desk / "weights.safetensors", desk / "clips" / "a.mp4"
    with Predictor.load(desk / "mean", backbone_weights=weights, num_workers=0) as predictor:
        engine, full = predictor.engine, iter([torch.inf, 1.0])
        monkeypatch.setattr(predictor, "engine", lambda frames: engine(frames) * next(full))
        bad, good = predictor.each([clip, clip])
    assert str(bad).startswith(f"{clip}: the essences of a video ")
    assert good.label in predictor.classes


def test_the_engine_that_is_named_is_taken_or_refused(desk, predict):
    clip, weights = desk / "clips" / "a.mp4", desk / "weights.safetensors"
    with Predictor.load(desk / "mean", backbone_weights=weights, engine="fused") as predictor:
        assert predictor.engine.name == "fused"
    assert predict(clip, "--engine", "fused")[0].splitlines()[0] == str(clip)
    _, error = predict(clip, "--engine", "steam", code=2)
    assert "engine ('steam') must be one of openvino" in error


@pytest.mark.parametrize("farthest", [0.0, 1e6])
def test_a_calibrated_model_is_less_sure_and_says_none_of_these(desk, predict, tmp_path, farthest):
    model, settings = classifier.load(desk / "mean")
    calibration = Calibration(3.0, torch.zeros(3, 1280), farthest, 0.95)
    how = {"classes": settings["classes"], "extraction": settings["extraction"]}
    classifier.save(tmp_path / "m", model, calibration=calibration, **how)
    clip, weights = desk / "clips" / "a.mp4", desk / "weights.safetensors"
    with Predictor.load(desk / "mean", backbone_weights=weights, num_workers=0) as plain:
        known = plain(clip)
    assert known.distance is None and not known.unlike
    with Predictor.load(tmp_path / "m", backbone_weights=weights, num_workers=0) as calibrated:
        answer = calibrated(clip)
    assert answer.unlike == (farthest == 0) and answer.distance > 0
    cooler = (known.probabilities.log() / 3).softmax(dim=0)  # the same up to a constant
    assert torch.allclose(answer.probabilities, cooler, atol=1e-6)
    text, _ = predict(clip, "--csv", tmp_path / "t.csv", model=tmp_path / "m")
    assert ("  none of these: " in text) == answer.unlike
    (row,) = rows_of(tmp_path / "t.csv")
    assert row["none_of_these"] == str(answer.unlike)
    assert float(row["distance"]) == pytest.approx(answer.distance)


def test_the_contributions_of_a_mean_add_up_to_the_score(desk):
    network, _ = classifier.load(desk / "mean")
    essences = torch.rand(5, 1280)
    shares = contributions(network, essences)
    logits, bias = network(essences[None])[0].double(), network.head.bias.double()
    k = int(logits.argmax())
    score = logits[k] - logits.mean() - (bias[k] - bias.mean())
    assert shares.sum().item() == pytest.approx(score.item(), abs=1e-5)
    assert torch.allclose(contributions(network, essences.flip(0)), shares.flip(0))


def test_other_aggregators_are_asked_without_each_frame(desk):
    network, _ = classifier.load(desk / "lstm")
    essences = torch.rand(4, 1280)
    logits = network(essences[None])[0].double()
    k = int(logits.argmax())
    for t, share in enumerate(contributions(network, essences).tolist()):
        less = network(torch.cat([essences[:t], essences[t + 1 :]])[None])[0].double()
        expected = (logits[k] - logits.mean()) - (less[k] - less.mean())
        assert share == pytest.approx(expected.item(), abs=1e-6)
    (alone,) = contributions(network, essences[:1])
    logits = network(essences[None, :1])[0].double()
    assert alone.item() == pytest.approx((logits.max() - logits.mean()).item(), abs=1e-6)


def test_explain_tells_each_frame(desk, predict, tmp_path):
    clip = desk / "clips" / "a.mp4"
    text, _ = predict(clip, "--explain", "--json", tmp_path / "t.json")
    (entry,) = json.loads((tmp_path / "t.json").read_text())["answers"]
    told = [line.split()[1:] for line in text.splitlines() if line.startswith("  frame")]
    shares = zip(entry["frames"], entry["contributions"], strict=True)
    assert told == [[str(frame), f"{share:+.2f}"] for frame, share in shares]
    assert "  frame" not in predict(clip)[0]


def test_explain_draws_the_frames_that_the_model_saw(desk, predict, tmp_path, monkeypatch):
    drawn, draw = [], plots.frame_bars
    monkeypatch.setattr(plots, "frame_bars", lambda *a, **b: drawn.append(a) or draw(*a, **b))
    clip, figure = desk / "clips" / "a.mp4", tmp_path / "p.png"
    text, _ = predict(clip, "--explain", "--plot", figure, "--json", tmp_path / "t.json")
    assert text.endswith(f"{figure} written\n")
    assert figure.read_bytes().startswith(b"\x89PNG")
    (entry,) = json.loads((tmp_path / "t.json").read_text())["answers"]
    ((frames, values),) = drawn
    assert torch.equal(frames, video.read_frames(clip, entry["frames"]))
    assert values == entry["contributions"]
    _, error = predict(desk / "clips", "--explain", "--plot", figure, code=2)
    assert "shows one video, not" in error


def test_files_are_tried_before_the_work(desk, predict, tmp_path):
    for name in ("--csv", "--json"):
        for path in (tmp_path, tmp_path / "no" / "file"):
            _, error = predict(desk / "clips", name, path, code=2)
            assert "cannot be written; give a file name in a folder that exists" in error
