"""The command, as a user types it, from a folder of videos to a prediction."""

import importlib.util
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from command import quest82
from torchvision import models
from typer.testing import CliRunner

from quest82 import __version__, cli, learning, video
from quest82.cli import essences
from quest82.cli.app import COMMANDS as COMMANDS_AS_WRITTEN
from quest82.cli.options import Folder, ReadingOptions, Seeds, ViewOptions, expanded
from quest82.data import synthetic, ucf101
from quest82.essences import EssenceSet
from quest82.frames import workers
from quest82.frames.view import ViewSpec
from quest82.systems import classifier
from quest82.systems.weights import checkpoint_path

COMMANDS = (
    "weights", "synthesize", "check", "describe", "extract", "import-features", "train",
    "evaluate", "compare", "ucf101", "predict", "watch", "serve", "export",
)  # fmt: skip
FIGURES = ("accuracy", "classes", "confusions")


def test_the_command_is_installed():
    command = [sys.executable, "-c", "from quest82.cli import main; main()", "check", "nowhere"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "quest82: nowhere: there is no such file or folder, or it is empty\n"


def test_no_command_is_handed_many_things():
    """Options come in groups; the user still sees each by itself."""
    for command in COMMANDS_AS_WRITTEN:
        assert len(inspect.signature(command).parameters) <= 9, command.__name__
    shown = inspect.signature(expanded(essences.extract)).parameters
    assert {"num_frames", "views", "flip", "workers", "device"} <= set(shown)
    assert {field.name for field in fields(ViewOptions)} <= set(shown)
    assert shown["size"].default == ViewSpec().size


def test_a_command_gets_its_groups_back():
    got = {}

    def watch(where: Folder, *, reading: ReadingOptions, seeds: Seeds = 2) -> None:
        """Look."""
        got.update(where=where, reading=reading, seeds=seeds)

    shown = expanded(watch)
    assert list(inspect.signature(shown).parameters) == [
        "where", "workers", "time_limit", "device", "seeds"
    ]  # fmt: skip
    assert (shown.__name__, shown.__doc__) == ("watch", "Look.")
    shown(where="here", workers=3, time_limit=2.0, device="cpu", seeds=1)
    assert got == {"where": "here", "reading": ReadingOptions(3, 2.0, "cpu"), "seeds": 1}


def run_module(*arguments, **environment):
    """`python -m quest82` in a process of its own, with every warning that Python has."""
    command = [sys.executable, "-W", "default", "-m", "quest82", *map(str, arguments)]
    environment = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_the_package_runs_as_a_module():
    version = run_module("--version")
    assert (version.returncode, version.stdout) == (0, f"quest82 {__version__}\n")
    assert run_module("-h").stdout == run_module("--help").stdout


def test_the_shell_completes_commands_without_the_heavy_libraries():
    said = run_module(
        _QUEST82_COMPLETE="complete_bash", COMP_WORDS="quest82 ext", COMP_CWORD="1",
        PYTHONPROFILEIMPORTTIME="1",
    )  # fmt: skip
    assert said.stdout.split() == ["extract"]
    assert "typer" in said.stderr
    assert not re.search(r"\| +(torch|av|sklearn|numpy)$", said.stderr, re.MULTILINE)


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
    how = ("--num-frames", 4, "--size", 64, "--device", "cpu", "--workers", 1)
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


@pytest.mark.parametrize("command", COMMANDS)
def test_short_and_long_help_are_one(command):
    assert quest82(command, "-h") == quest82(command, "--help")


def test_no_library_speaks_on_its_own(workshop, tmp_path):
    """A damaged file, a rare class, an unreadable one: each line is ours, or a progress bar."""
    root, store = tmp_path / "clips", tmp_path / "store"
    shutil.copytree(workshop / "clips", root, ignore=lambda *_: ["empty.mp4", "notes.txt"])
    doors = sorted((root / "open_door").iterdir())
    content = bytearray(doors[0].read_bytes())
    content[len(content) // 2 :: 50] = bytes(len(content[len(content) // 2 :: 50]))
    doors[0].write_bytes(content)
    doors[1].write_bytes(content[: len(content) // 3])
    (root / "rare").mkdir()
    shutil.copy(doors[2], root / "rare")
    how = ("--num-frames", 2, "--size", 32, "--workers", 0, "--device", "cpu")
    runs = [
        run_module("check", root, "--workers", 0),
        run_module("compare", root, "--store", store, "--results", tmp_path / "r.json", *how,
                   "--test", 0.34, "--seeds", 1, "--epochs", 1),
        run_module("predict", workshop / "model.safetensors", *doors),
    ]  # fmt: skip
    assert [run.returncode for run in runs] == [1, 0, 1], [run.stderr for run in runs]
    for line in re.split(r"[\r\n]+", "\n".join(run.stderr for run in runs)):
        assert re.match(r"quest82: |\w[\w ,]*: +\d+%\|| *$|\x1b\[A", line), line


def test_outputs_are_tried_before_the_work(workshop, toy_ucf, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.TemporaryFile", _refused)
    before = sorted(tmp_path.rglob("*"))
    where = tmp_path / "new" / "folder"
    for arguments in (
        ("train", workshop / "store", tmp_path / "m.safetensors"),
        ("compare", workshop / "clips", "--results", where / "r.json"),
        ("ucf101", toy_ucf, "--run", "--split", 2, "--results", where / "r.json"),
        ("extract", workshop / "clips", where / "store"),
        ("compare", workshop / "clips", "--store", where / "s", "--results", tmp_path / "r.json"),
    ):
        _, error = quest82(*arguments, code=2)
        assert re.fullmatch(r"quest82: .*: cannot be written \(Read-only file system\).*\n", error)
    assert sorted(tmp_path.rglob("*")) == before


def _refused(**options):
    raise OSError(30, "Read-only file system")


def test_what_cannot_be_compared_is_refused_before_the_extraction(workshop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(workshop / "clips" / "open_door", tmp_path / "one" / "open_door")
    _, error = quest82("compare", "one", code=2)
    assert "are of the class 'open_door': with one class there is nothing to tell apart" in error
    data = EssenceSet.load(workshop / "store")
    only = replace(data.subset(data.labels == 0), classes=data.classes[:1])
    only.save(tmp_path / "only")
    for command in ("train", "evaluate"):
        model = [tmp_path / "m"] if command == "train" else []
        _, error = quest82(command, tmp_path / "only", *model, code=2)
        assert "with one class there is nothing to tell apart" in error
    _, error = quest82("compare", workshop / "clips", "--test", 0.05, code=2)
    assert "test (0.05) means 20 parts, but 10 groups" in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "only"]


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
    assert "(only 3 groups), top-5" in text
    assert "; mean class accuracy " in text
    assert "; always the most frequent class 16.7%" in text
    assert "stopped at epoch" in text


@pytest.fixture
def few_clips(make_set, tmp_path):
    """A store of two classes; a third has clips of one group only."""
    data = make_set(num_clips=48, clips_per_group=1)
    rare = (data.labels != 2) | (torch.arange(48) < 3)
    replace(data.subset(rare), settings={"size": 64, "weights": "none"}).save(tmp_path / "few")
    return tmp_path / "few"


def test_train_runs_every_epoch_where_few_clips_would_be_watched(few_clips, tmp_path):
    text, _ = quest82("train", few_clips, tmp_path / "m", "--epochs", 2, "--class-weights")
    assert "aggregator: mean, the default for --task classes" in text
    assert "none watched, every one of 2 epochs run" in text
    assert "note: class 'class 2' has clips of 1 group, too few" in text
    assert "top-5" not in text
    how = ("--epochs", 2, "--test", 0.2, "--validation", 0.25)
    watched, _ = quest82("train", few_clips, tmp_path / "m", *how)
    assert re.search(r"\d+ watched, stopped at epoch", watched)


def test_train_finds_the_exact_minimum_of_the_mean(few_clips, tmp_path):
    how = ("train", few_clips, tmp_path / "m", "--solver", "lbfgs")
    text, _ = quest82(*how, "--test", 0.5)
    assert "the exact minimum at strength" in text and "watched" not in text
    text, _ = quest82(*how, "--folds", 0, "--strength", 0.5, "--class-weights")
    assert "mean: 33 clips trained, the exact minimum at strength 0.5" in text
    model, settings = classifier.load(tmp_path / "m")
    assert settings["aggregator"] == "mean" and settings["head_dropout"] == 0
    _, error = quest82(*how, "--aggregator", "lstm", code=2)
    assert "aggregator (LSTM)" in error and "take 'mean'" in error
    _, error = quest82(*how, "--epochs", 3, code=2)
    assert "epochs (3) has no meaning where solver='lbfgs'" in error
    _, error = quest82(*how, "--test", 0.2, "--validation", 0.25, code=2)
    assert "has no meaning where solver='lbfgs'" in error


def test_a_model_of_all_clips_is_judged_by_models_of_some(few_clips, tmp_path):
    """The figure is that of `cross_validate`, and what is written is what `fit` gives."""
    how = ("--epochs", 3, "--folds", 4, "--seed", 1)
    text, _ = quest82("train", few_clips, tmp_path / "m", *how)
    data, config = EssenceSet.load(few_clips), learning.TrainConfig(epochs=3, seed=1)

    def make():
        return classifier.build("mean", data.num_features, len(data.classes), seed=1)

    result = learning.cross_validate(make, data, config, num_folds=4)
    assert f"33 clips of groups left out in 4 folds: top-1 {result.top1:.1%}, 95 % int" in text
    assert f"; always the most frequent class {result.majority:.1%}" in text
    assert "mean: 33 clips trained, none watched, every one of 3 epochs run" in text
    expected = make()
    learning.fit(expected, data, config)
    saved, settings = classifier.load(tmp_path / "m")
    for name, tensor in saved.state_dict().items():
        assert torch.equal(tensor, expected.state_dict()[name])
    assert set(settings["seen"]) == {*data.groups, *data.clip_ids}
    _, error = quest82("evaluate", few_clips, "--model", tmp_path / "m", code=2)
    assert "was trained on these clips" in error


def test_five_folds_unless_there_are_fewer_groups_or_none_are_wanted(few_clips, tmp_path):
    how = (tmp_path / "m", "--epochs", 1)
    assert "left out in 5 folds" in quest82("train", few_clips, *how)[0]
    text, _ = quest82("train", few_clips, *how, "--folds", 0)
    assert "no clips are left to say how good it is" in text
    assert "33 clips trained" in text and "top-1" not in text
    data = EssenceSet.load(few_clips)
    for number in (1, 3):
        groups = tuple(f"g{row % number}" for row in range(len(data)))
        replace(data, groups=groups).save(tmp_path / f"{number}")
    assert "left out in 3 folds" in quest82("train", tmp_path / "3", *how)[0]
    assert "no clips are left to say" in quest82("train", tmp_path / "1", *how)[0]
    _, error = quest82("train", few_clips, *how, "--folds", 99, code=2)
    assert "num_folds (99) must be from 2 to the number of groups" in error


def test_folds_a_test_and_watched_clips_exclude_each_other(few_clips, tmp_path):
    how = ("train", few_clips, tmp_path / "m", "--epochs", 1)
    _, error = quest82(*how, "--folds", 3, "--test", 0.2, code=2)
    assert "give one of the two" in error
    _, error = quest82(*how, "--validation", 0.2, code=2)
    assert "would keep clips from a model of all clips" in error
    assert "watched" in quest82(*how, "--validation", 0.2, "--folds", 0)[0]


def test_order_is_not_given_to_the_mean_without_a_word(few_clips, tmp_path):
    how = (few_clips, tmp_path / "m", "--task", "direction", "--epochs", 1)
    text, _ = quest82("train", *how)
    assert "aggregator: lstm, the default for --task direction" in text
    text, _ = quest82("train", *how, "--aggregator", "mean")
    assert "provably right about at most one, so at most at 50 %" in text
    assert "top-1 50.0%" in text


def test_a_group_in_another_spelling_is_left_out_of_the_test(few_clips, tmp_path):
    quest82("train", few_clips, tmp_path / "m", "--epochs", 1, "--test", 0.2)
    data = EssenceSet.load(few_clips)
    renamed = tuple(f"{clip} again" for clip in data.clip_ids)
    groups = tuple(group.upper() for group in data.groups)
    replace(data, clip_ids=renamed, groups=groups).save(tmp_path / "loud")
    plain, _ = quest82("evaluate", few_clips, "--model", tmp_path / "m")
    loud, _ = quest82("evaluate", tmp_path / "loud", "--model", tmp_path / "m")
    assert "left out" in plain
    assert loud == plain


def test_the_command_lets_waiting_threads_sleep():
    """Set before torch is imported, since OpenMP reads it once; a user's own choice stays."""
    code = "import os, sys, quest82.cli; print(os.environ.get('OMP_WAIT_POLICY')); "
    code += "sys.argv[1:] = ['--help']\ntry: quest82.cli.main()\nexcept SystemExit: pass\n"
    code += "print(os.environ['OMP_WAIT_POLICY'])"
    command = [sys.executable, "-c", code]
    without = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    for chosen, expected in (
        ({}, ["None", "PASSIVE"]),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, ["ACTIVE"] * 2),
    ):
        result = subprocess.run(
            command, env=without | chosen, capture_output=True, text=True, check=True
        )
        lines = result.stdout.splitlines()
        assert [lines[0], lines[-1]] == expected


def test_evaluate_leaves_out_what_the_model_has_seen(workshop):
    text, _ = quest82("evaluate", workshop / "store", "--model", workshop / "model.safetensors")
    assert "trained on: left out" in text
    assert "6 clips: top-1" in text
    averaged, _ = quest82(
        "evaluate", workshop / "store", "--model", workshop / "model.safetensors", "--average-views"
    )
    # The store has one view of each clip, over which the average is that view.
    assert averaged == text.replace("6 clips: top-1", "6 clips, 1 views of each: top-1")


def test_evaluate_compares_both_aggregators(workshop):
    text, _ = quest82(
        "evaluate", workshop / "store", "--task", "direction", "--seeds", 1, "--epochs", 2,
        "--folds", 3,
    )  # fmt: skip
    assert "mean  seed 0: top-1 50.0%" in text
    assert "lstm  seed 0: top-1" in text
    assert "seed 0: mean minus LSTM" in text
    assert "McNemar p =" in text
    assert "(only 9 groups)" in text
    assert "top-5" not in text


def test_evaluate_counts_the_comparisons(few_clips):
    text, _ = quest82("evaluate", few_clips, "--seeds", 2, "--epochs", 1, "--folds", 2)
    last = text.splitlines()[-1]
    assert last.startswith("over 2 seeds: mean minus LSTM ")
    assert "95 % interval" in last
    assert last.endswith("(2 comparisons, corrected by Holm)")
    assert "note: class 'class 2' has clips of 1 group" in text


def test_evaluate_compares_the_models_that_are_named(few_clips):
    how = ("--seeds", 1, "--epochs", 1, "--folds", 2)
    names = ("--model", "attention", "--model", "mean", "--model", "lstm")
    text, _ = quest82("evaluate", few_clips, *names, *how)
    for other in ("mean", "LSTM"):
        (line,) = (
            t for t in text.splitlines() if t.startswith(f"over 1 seed: attention minus {other}")
        )
        assert line.endswith("(2 comparisons, corrected by Holm)")
    alone, _ = quest82("evaluate", few_clips, "--model", "mean", *how)
    assert "\nmean  seed 0: top-1" in alone
    assert "minus" not in alone
    _, error = quest82("evaluate", few_clips, "--model", "mean", "--model", "m", *how, code=2)
    assert "model ('m') must be one of mean" in error


def test_experiments_are_listed_run_and_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[1])
    text, _ = quest82("experiment", "list")
    assert "weizmann: weizmann, 5 seeds of mean, lstm" in text
    assert "20 of 20 runs" in text
    text, _ = quest82("experiment", "run", "weizmann", "--tiny", "--results", tmp_path)
    assert "lstm, seed 0: top-1" in text
    again, _ = quest82("experiment", "run", "weizmann", "--tiny", "--results", tmp_path)
    assert again == f"{tmp_path / 'weizmann.json'}: complete\n"
    how = ("experiment", "show", "weizmann", "--results", tmp_path, "--baseline", "lstm")
    text, _ = quest82(*how)
    assert "LSTM minus shuffled" in text
    _, error = quest82("experiment", "run", "weizmann", "--results", tmp_path, code=2)
    assert "another experiment (budget" in error or "another experiment (data" in error
    text, _ = quest82("experiment", "list", "--results", tmp_path)
    assert "another experiment" in text
    _, error = quest82("experiment", "run", "nothing", code=2)
    assert "experiment ('nothing') must be one of weizmann" in error


def in_this_process(*arguments):
    """Run the command here, where parts of the package can be replaced; its output as text."""
    result = CliRunner().invoke(cli.app, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def toy_ucf(workshop, tmp_path, monkeypatch):
    """Doors under the names of two classes in three groups; 30 clips are said to be missing."""
    doors = sorted((workshop / "clips" / "open_door").glob("open*.mp4"))
    for label in ("Biking", "Diving"):
        for group, door in zip((3, 9, 23), doors, strict=True):
            path = tmp_path / "UCF" / label / f"v_{label}_g{group:02d}_c01.avi"
            path.parent.mkdir(parents=True, exist_ok=True)
            video.write_video(path, video.read_frames(door, range(6)), fps=25)
    absent = [f"v_YoYo_g{k:02d}_c01" for k in range(30)]
    monkeypatch.setattr(ucf101, "missing", lambda clips: absent, raising=False)
    return tmp_path / "UCF"


def test_ucf101_names_and_counts_what_is_missing(toy_ucf, monkeypatch):
    lines = in_this_process("ucf101", toy_ucf, "--split", 3, "--split", 1).splitlines()
    assert lines[0] == "6 of 13,320 clips, 30 missing"
    assert lines[1:21] == [f"missing v_YoYo_g{k:02d}_c01" for k in range(20)]
    assert lines[21] == "and 10 more; the report of --run names them all"
    assert lines[22:] == [
        "split 1: 4 to learn from, 2 to test",
        "split 3: 6 to learn from, 0 to test",
    ]
    asked = []
    monkeypatch.setattr(ucf101, "download", asked.append, raising=False)
    in_this_process("ucf101", toy_ucf, "--download")
    assert asked == [toy_ucf]


def test_ucf101_runs_the_whole_comparison(toy_ucf, tmp_path):
    results = tmp_path / "results" / "ucf101.json"
    how = ("--store", tmp_path / "store", "--results", results, "--seeds", 1, "--epochs", 1)
    how += ("--workers", 0, "--device", "cpu", "--num-frames", 3, "--size", 64, "--views", 2)
    text = in_this_process("ucf101", toy_ucf, "--run", "--split", 2, "--split", 1, *how)
    assert "UCF101, split 1" in text
    assert "average over 2 splits" in text
    assert text.strip().endswith("ucf101-split-2-confusions.png written")
    saved = json.loads((results.parent / "ucf101-report.json").read_text())
    assert [part["split"] for part in saved["splits"]] == ["split 1", "split 2"]
    assert len(saved["missing"]) == 30
    for part in saved["splits"]:
        assert (part["test"], part["classes"]) == (2, 2)
        made = part["extraction"]
        assert (made["num_frames"], made["size"], made["num_views"]) == (3, 64, 2)
        assert made["weights"]
        top1 = [f"{100 * share:.1f}" for share in part["models"]["lstm"]["forwards"]["top1"]]
        assert f"LSTM: top-1 {' / '.join(top1)} %" in text
    figures = {f"ucf101-split-{k}-{name}.png" for k in (1, 2) for name in FIGURES}
    assert {path.name for path in results.parent.iterdir()} == {
        "ucf101.json", "ucf101-report.json", *figures
    }  # fmt: skip


def test_ucf101_refuses_before_the_work_begins(toy_ucf, tmp_path):
    how = ("ucf101", toy_ucf, "--run", "--store", tmp_path / "store")
    with pytest.raises(ValueError, match="split 3 needs clips on both sides"):
        in_this_process(*how, "--split", 3)
    with pytest.raises(ValueError, match="is a folder; give a file name"):
        in_this_process(*how, "--results", tmp_path)
    assert not (tmp_path / "store").exists()


def test_the_whole_command_on_real_clips(workshop, shared_clips, tmp_path, monkeypatch):
    """Four classes to test, one to learn from: too little to learn, enough to run through."""
    monkeypatch.setattr(ucf101, "missing", lambda clips: [], raising=False)
    for path in (shared_clips / "ucf101").glob("*.avi"):
        folder = tmp_path / "UCF" / path.name.split("_")[1]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder)
    results = tmp_path / "ucf101.json"
    how = ("--store", tmp_path / "store", "--results", results, "--num-frames", 4, "--epochs", 2)
    how += ("--workers", 0)
    in_this_process("ucf101", tmp_path / "UCF", "--run", "--device", "cpu", *how)
    (part,) = json.loads((tmp_path / "ucf101-report.json").read_text())["splits"]
    assert (part["train"], part["test"], part["test_groups"]) == (2, 4, 4)
    assert part["never_learned"] == ["ApplyEyeMakeup", "Basketball", "Biking", "Diving"]
    for name in ("mean", "lstm"):
        assert part["models"][name]["forwards"]["top1"] == [0, 0, 0]
        assert sum(pair["counts"][name] for pair in part["confusions"]) == 4


def test_compare_works_on_any_folder(workshop, tmp_path):
    how = ("--store", workshop / "store", "--results", tmp_path / "r.json", "--num-frames", 4)
    how += ("--size", 64, "--seeds", 1, "--epochs", 2, "--workers", 0, "--test", 0.34)
    text = in_this_process("compare", workshop / "clips", *how)
    assert in_this_process("compare", workshop / "clips", *how) == text  # nothing is made twice
    with pytest.raises(ValueError, match="another experiment"):
        in_this_process(
            "compare", workshop / "clips", *how, "--model", "mean", "--model", "attention"
        )
    assert text.count("every clip is a group of its own") == 2
    assert "skipped open_door/empty.mp4: the file is empty" in text
    assert "passed over open_door/notes.txt" in text
    assert "clips, split by clip" in text
    assert "no published model" not in text
    (note,) = json.loads((tmp_path / "r-report.json").read_text())["notes"]
    assert "every clip is a group of its own" in note
    assert {path.name for path in tmp_path.iterdir()} == {
        "r.json", "r-report.json", *(f"r-{name}.png" for name in FIGURES)
    }  # fmt: skip


def test_compare_keeps_groups_apart(workshop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    how = ("--num-frames", 2, "--size", 64, "--seeds", 1, "--epochs", 1, "--workers", 0)
    shutil.copytree(workshop / "clips", "doors", ignore=lambda *_: ["empty.mp4"])
    text = in_this_process("compare", "doors", "--groups", "([0-9]{4})", "--test", 0.34, *how)
    assert "group of its own" not in text
    assert "doors, split by group" in text
    (part,) = json.loads((tmp_path / "doors-report.json").read_text())["splits"]
    assert (part["train"], part["test"], part["test_groups"]) == (6, 3, 1)
    assert (tmp_path / "doors.essences").is_dir()


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


def test_another_backbone_from_the_store_to_the_prediction(workshop, tmp_path, monkeypatch):
    weights, store, model = (tmp_path / name for name in ("net.safetensors", "store", "model"))
    safetensors.torch.save_file(models.resnet18(weights=None).state_dict(), weights)
    network = ("--backbone", "resnet18", "--backbone-weights", weights)
    how = ("--num-frames", 4, "--size", 64, "--device", "cpu", "--workers", 0)
    text, _ = quest82("extract", workshop / "clips", store, *network, *how)
    fast = importlib.util.find_spec("openvino") is not None
    assert f"by the engine {'openvino' if fast else 'plain'}" in text
    assert EssenceSet.load(store).num_features == 512
    _, error = quest82("extract", workshop / "clips", workshop / "store", *network, *how, code=2)
    assert "backbone is 'mobilenet_v2' there and 'resnet18' here" in error
    quest82("train", store, model, "--epochs", 1, "--test", 0)
    _, error = quest82("evaluate", workshop / "store", "--model", model, code=2)
    assert "backbone is 'mobilenet_v2', but" in error
    door = sorted((workshop / "clips" / "open_door").glob("open*.mp4"))[0]
    text, _ = quest82("predict", model, door, *network[2:], "--workers", 0)
    assert text.splitlines()[0] == str(door)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", _refused_by_the_web)
    _, error = quest82("predict", model, door, code=2)
    assert "could not be fetched (no route)" in error
    assert "--backbone-weights" in error


def _refused_by_the_web(url, **how):
    raise OSError("no route")


def test_check_finds_what_is_wrong(workshop):
    text, _ = quest82("check", workshop / "clips", "--workers", 1, code=1)
    assert "empty.mp4: the file is empty" in text
    assert "notes.txt: not named like a video" in text
    assert text.splitlines()[-1] == "10 videos read, 1 with problems; 1 other files"


def test_check_takes_a_single_file_and_names_the_time_limit(write_clip, monkeypatch):
    path = write_clip("one.mp4", num_frames=1)
    text, _ = quest82("check", path, "--workers", 0, code=1)
    assert "one.mp4: holds a single frame" in text
    text, _ = quest82("check", write_clip("two.mp4"), "--workers", 0)
    assert text.splitlines()[-1] == "1 videos read, 0 with problems; 0 other files"
    hangs = "import time; print('ready', flush=True); time.sleep(100)"
    monkeypatch.setattr(workers, "_command", lambda: [sys.executable, "-c", hangs])
    text, _ = quest82("check", path, "--time-limit", 0.2, code=1)
    assert "took longer than the time limit of 0.2 s; raise it (--time-limit)" in text


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
        (("check", "{root}/nowhere"), "no such file or folder"),
        (("compare", "{root}/nowhere"), "no such folder"),
        (("compare", "{root}/clips", "--results", "{root}"), "give a file name"),
        (("compare", "{root}/clips", "--results", "{root}/train.txt/r.json"), "choose another"),
        (("compare", "{root}/clips", "--store", "{root}/store"), "num_frames is 4 there"),
        (("synthesize", "{root}/out", "--swing", "half"), "swing ('half')"),
    ],
)  # fmt: skip
def test_bad_input_ends_in_one_sentence(workshop, arguments, said):
    filled = [argument.format(root=workshop) for argument in arguments]
    _, error = quest82(*filled, code=2)
    assert said in error
    last = error.strip().splitlines()[-1]
    assert last.startswith("quest82: ")
