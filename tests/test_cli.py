"""The command, as a user types it, from a folder of videos to a prediction."""

import json
import shutil
import subprocess
import sys

import pytest

from quest82 import synthetic, video
from quest82.weights import checkpoint_path

COMMANDS = ("weights", "synthesize", "check", "extract", "train", "evaluate", "ucf101", "predict")


def quest82(*arguments, code=0):
    """Run the command in a process of its own; standard output and error as text."""
    command = [sys.executable, "-c", "from quest82.cli import main; main()"]
    result = subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, encoding="utf-8"
    )
    assert result.returncode == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout, result.stderr


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A folder of small clips, its store, and a model: made once by the commands themselves."""
    if not checkpoint_path().exists():
        pytest.skip("the ImageNet weights are not in the cache: quest82 weights")
    root = tmp_path_factory.mktemp("workshop")
    synthetic.synthesize(root / "clips", clips_per_action=3, progress=False)
    for action in list(synthetic.REVERSED)[3:]:
        shutil.rmtree(root / "clips" / action)
    (root / "clips" / "open_door" / "empty.mp4").touch()
    (root / "clips" / "open_door" / "notes.txt").write_text("hello")
    how = ("--num-frames", 4, "--size", 64, "--device", "cpu")
    out, _ = quest82("extract", root / "clips", root / "store", *how)
    (root / "extract.txt").write_text(out)
    out, _ = quest82(
        "train", root / "store", root / "model.safetensors", "--aggregator", "lstm",
        "--task", "pairs", "--epochs", 3, "--test", 0.34, "--validation", 0.5,
    )  # fmt: skip
    (root / "train.txt").write_text(out)
    return root


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example(command):
    text, _ = quest82(command, "--help")
    assert f"quest82 {command}" in text


def test_extract_lists_and_counts_what_it_could_not_use(workshop):
    lines = (workshop / "extract.txt").read_text().splitlines()
    assert lines[0].startswith("skipped open_door/empty.mp4: the file is empty")
    assert "notes.txt" in lines[1]
    assert lines[-1].startswith("9 clips, 3 classes, 9 groups")
    assert lines[-1].endswith("1 clips skipped, 1 files passed over")


def test_train_reports_on_unseen_groups(workshop):
    text = (workshop / "train.txt").read_text()
    assert "clips of unseen groups: top-1" in text
    assert "95 % interval" in text


def test_evaluate_leaves_out_what_the_model_has_seen(workshop):
    text, _ = quest82("evaluate", workshop / "store", "--model", workshop / "model.safetensors")
    assert "trained on: left out" in text
    assert "6 clips: top-1" in text


def test_evaluate_compares_both_aggregators(workshop):
    text, _ = quest82(
        "evaluate", workshop / "store", "--task", "direction", "--seeds", 1, "--epochs", 2,
        "--folds", 3,
    )  # fmt: skip
    assert "mean  seed 0: top-1 50.0%" in text
    assert "lstm  seed 0: top-1" in text
    assert "McNemar p =" in text


def test_ucf101_runs_the_whole_comparison(workshop, tmp_path):
    doors = sorted((workshop / "clips" / "open_door").glob("open*.mp4"))
    for label in ("Archery", "Biking"):
        for group, door in zip((3, 9, 23), doors, strict=True):
            frames = video.read_frames(door, range(6))
            path = tmp_path / "UCF" / label / f"v_{label}_g{group:02d}_c01.avi"
            path.parent.mkdir(parents=True, exist_ok=True)
            video.write_video(path, frames, fps=25)
    root, report = tmp_path / "UCF", tmp_path / "ucf101.json"
    text, _ = quest82("ucf101", root)
    assert text.strip() == "6 of 13,320 clips; split 1: 4 to learn from, 2 to test"
    how = ("--store", tmp_path / "store", "--results", report, "--seeds", 1, "--epochs", 1)
    text, _ = quest82("ucf101", root, "--run", "--split", 2, *how, "--device", "cpu")
    assert "mean against LSTM" in text
    saved = json.loads(report.read_text())
    assert (saved["split"], saved["test"], saved["classes"]) == (2, 2, 2)
    _, error = quest82("ucf101", root, "--run", "--split", 3, *how, code=2)
    assert "clips on both sides" in error


def test_predict_names_the_action_and_goes_on_after_a_bad_file(workshop):
    door = sorted((workshop / "clips" / "open_door").glob("open*.mp4"))[0]
    model = workshop / "model.safetensors"
    text, error = quest82("predict", model, workshop / "none.mp4", door, "--top", 6, code=1)
    assert "none.mp4: there is no such file" in error
    lines = text.splitlines()
    assert lines[0] == str(door)
    shares = [float(line.split("%")[0]) for line in lines[1:]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert {line.split("  ")[-1] for line in lines[1:]} >= {"open_door", "close_door"}


def test_check_finds_what_is_wrong(workshop):
    text, _ = quest82("check", workshop / "clips", code=1)
    assert "empty.mp4: the file is empty" in text
    assert "notes.txt: not named like a video" in text
    assert text.splitlines()[-1] == "10 videos read, 1 with problems; 1 other files"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("extract", "{root}/nowhere", "{root}/out"), "no such folder"),
        (("extract", "{root}/clips", "{root}/out", "--groups", "(["), "not a regular expression"),
        (("extract", "{root}/clips", "{root}/out", "--device", "abacus"), "device ('abacus')"),
        (("extract", "{root}/clips", "{root}/store"), "num_frames is 4 there and 16 here"),
        (("train", "{root}/clips", "{root}/m"), "no store of essences"),
        (("train", "{root}/store", "{root}/no/m"), "cannot be written"),
        (("train", "{root}/store", "{root}/m", "--task", "sing"), "task ('sing')"),
        (("train", "{root}/store", "{root}/m", "--test", "0.34", "--validation", "0.5",
          "--aggregator", "max"), "aggregator ('max')"),
        (("evaluate", "{root}/store", "--model", "{root}/extract.txt"), "not a model"),
        (("predict", "{root}/nothing", "clip.mp4"), "no such model"),
        (("check", "{root}/nowhere"), "no such folder"),
        (("synthesize", "{root}/out", "--swing", "half"), "swing ('half')"),
    ],
)  # fmt: skip
def test_bad_input_ends_in_one_sentence(workshop, arguments, said):
    filled = [argument.format(root=workshop) for argument in arguments]
    _, error = quest82(*filled, code=2)
    assert said in error
    last = error.strip().splitlines()[-1]
    assert last.startswith("quest82: ")
