"""`quest82 export`: the file that is written answers as PyTorch does, or there is no file."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from command import quest82
from conftest import moving_square

from quest82 import __version__, video
from quest82.data.clips import Clip
from quest82.frames.view import ViewSpec, frames_of_view
from quest82.service import Predictor, export, graphs, quantising
from quest82.systems import classifier
from quest82.systems.aggregators import AGGREGATORS
from quest82.systems.backbones import open_backbone
from quest82.systems.calibration import Calibration

SPEC = ViewSpec(num_frames=3, size=64)
CLASSES = ["run", "a, b", "sit down"]
D, T = 8, 4
# Those whose pairs or windows of T frames are written down.
LENGTH_FIXED = {"trn", "slow_pool", "local_pool", "time_domain_pool"}
SMALL = {"projection_size": 8}
OPTIONS = dict.fromkeys(AGGREGATORS, SMALL) | {
    "mean": {},
    "lstm": SMALL | {"hidden_size": 6, "num_layers": 2},
    "lstm5": SMALL | {"hidden_size": 6},
    "gru": SMALL | {"hidden_size": 6},
    "two_frames": {"hidden_size": 6},
}


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """A small model of each aggregator, of essences that were imported."""
    root = tmp_path_factory.mktemp("heads")
    for seed, (name, options) in enumerate(OPTIONS.items()):
        model = classifier.build(name, D, 3, seed=seed, **options)
        classifier.save(root / name, model, classes=CLASSES, extraction={"num_frames": T})
    return root


@pytest.fixture(scope="module")
def desk(weights, tmp_path_factory):
    """A calibrated LSTM on frames, four clips, and the whole of it as a file."""
    root = tmp_path_factory.mktemp("desk")
    (root / "clips").mkdir()
    for number in range(4):
        frames = moving_square(5 + number, shade=90 + 40 * number)
        video.write_video(root / "clips" / f"{number}.mp4", frames, fps=25)
    made = {"backbone": "mobilenet_v2", "engine": "plain"}
    made["weights"] = open_backbone("mobilenet_v2", weights).fingerprint()
    calibration = Calibration(1.7, torch.zeros(3, 1280), 100.0, 0.95)
    model = classifier.build("lstm", 1280, 3, projection_size=16, hidden_size=8)
    how = {"extraction": SPEC.settings | made, "calibration": calibration}
    classifier.save(root / "model", model, classes=CLASSES, **how)
    told = quest82("export", root / "model", root / "out.onnx", "--backbone-weights", weights)
    (root / "told.txt").write_text("\n".join(told))
    return root


def session_of(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def answer(path, **inputs):
    given = {name: tensor.numpy() for name, tensor in inputs.items()}
    return [torch.from_numpy(array) for array in session_of(path).run(None, given)]


@pytest.mark.parametrize("name", AGGREGATORS)
def test_each_head_answers_as_pytorch_does(heads, name, tmp_path):
    told, _ = quest82("export", heads / name, tmp_path / "head.onnx", "--head")
    network, _ = classifier.load(heads / name)
    lengths = (T,) if name in LENGTH_FIXED else (2, T, 9)
    for B in (1, 3):
        for length in lengths:
            essences = torch.randn(B, length, D, generator=torch.Generator().manual_seed(B))
            (logits,) = answer(tmp_path / "head.onnx", essences=essences)
            torch.testing.assert_close(logits, network(essences).detach(), rtol=0, atol=1e-5)
    frames = T if name in LENGTH_FIXED else "frames"
    assert told.startswith(f"essences (batch, {frames}, {D}) -> logits (batch, 3): 0.")


def test_a_stream_of_steps_gives_what_the_whole_clip_gives(heads, tmp_path):
    quest82("export", heads / "lstm", tmp_path / "step.onnx", "--step")
    network, _ = classifier.load(heads / "lstm")
    session = session_of(tmp_path / "step.onnx")
    assert [v.name for v in session.get_outputs()] == ["logits", "next_hidden", "next_cell"]
    essences = torch.randn(3, T, D, generator=torch.Generator().manual_seed(0))
    hidden = cell = torch.zeros(2, 3, 6)
    for t in range(T):
        given = {"essence": essences[:, t], "hidden": hidden, "cell": cell}
        logits, hidden, cell = answer(tmp_path / "step.onnx", **given)
        expected = network(essences[:, : t + 1]).detach()
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)


def test_a_step_of_a_gru_has_no_cell(heads):
    network, _ = classifier.load(heads / "gru")
    graph = graphs.step(network)
    assert (list(graph.inputs), graph.outputs) == (["essence", "hidden"], ("logits", "next_hidden"))
    essence, hidden = graph.examples(3, 1)
    logits, _ = graph.network(essence, torch.zeros_like(hidden))
    torch.testing.assert_close(logits, network(essence[:, None]))


def test_frames_give_the_probabilities_of_pytorch(desk, weights):
    """On real files and on noise, with the temperature; batches of 1 and of 3."""
    network, settings = classifier.load(desk / "model")
    backbone = open_backbone("mobilenet_v2", weights)
    clips = [Clip(str(k), "", "", desk / "clips" / f"{k}.mp4") for k in range(2)]
    frames = torch.stack([frames_of_view(clip, 0, SPEC) for clip in clips])
    frames = torch.cat([frames, torch.rand(1, *frames.shape[1:])])
    for batch in (frames[:1], frames):
        (probabilities,) = answer(desk / "out.onnx", frames=batch)
        with torch.no_grad():
            expected = settings["calibration"].probabilities(network(backbone(batch)))
        torch.testing.assert_close(probabilities, expected, rtol=0, atol=1e-5)


def test_the_file_answers_as_predict_does_but_for_half_precision(desk, weights):
    clip = desk / "clips" / "0.mp4"
    with Predictor.load(desk / "model", backbone_weights=weights, num_workers=0) as predictor:
        expected = predictor(clip).probabilities
    frames = frames_of_view(Clip("0", "", "", clip), 0, SPEC)
    (probabilities,) = answer(desk / "out.onnx", frames=frames[None])
    torch.testing.assert_close(probabilities[0], expected, rtol=0, atol=2e-3)


def test_the_file_says_what_an_application_has_to_know(desk):
    about = session_of(desk / "out.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(about["classes"]) == CLASSES
    assert json.loads(about["view"]) == SPEC.settings
    assert json.loads(about["temperature"]) == 1.7
    assert (about["backbone"], about["aggregator"]) == ("mobilenet_v2", "lstm")
    assert (about["task"], about["quest82"]) == ("classes", __version__)


def test_the_file_is_sound_and_names_no_file_of_ours(desk):
    onnx.checker.check_model(onnx.load(desk / "out.onnx"), full_check=True)
    assert b".py" not in (desk / "out.onnx").read_bytes()
    told = (desk / "told.txt").read_text()
    assert told.splitlines()[0].startswith(
        "frames (batch, 3, 3, 64, 64) -> probabilities (batch, 3): 9."
    )
    assert re.fullmatch(
        r"[^\n]+\nONNX Runtime against PyTorch: largest difference \d\.\de-\d\d\n\S+ written\n+",
        told,
    ), "and no library spoke"


def test_in_eight_bits_it_is_smaller_and_says_how_well_it_agrees(
    desk, weights, tmp_path, monkeypatch
):
    small = tmp_path / "small.onnx"
    monkeypatch.setattr(export, "_traced", lambda graph: onnx.load(desk / "out.onnx"))  # as it did
    (desk / "clips" / "broken.mp4").write_bytes(b"no video")
    where = ("--int8", desk / "clips", "--backbone-weights", weights, "--workers", 0)
    told, error = quest82("export", desk / "model", small, *where)
    assert re.search(r"the same class as before for \d of [12] other clips", told)
    assert "passed over" in told and error == ""
    assert small.stat().st_size < 0.4 * (desk / "out.onnx").stat().st_size
    about = session_of(small).get_modelmeta().custom_metadata_map
    assert about["precision"] == "int8" and json.loads(about["classes"]) == CLASSES
    weights_of = {t.name: t for t in onnx.load(small).graph.initializer}
    assert sum(t.data_type == onnx.TensorProto.INT8 for t in weights_of.values()) >= 52
    (given,) = answer(small, frames=torch.rand(2, 3, 3, 64, 64))
    assert torch.allclose(given.sum(1), torch.ones(2))


def test_agreement_counts_and_measures():
    class Fixed:
        def __init__(self, *rows):
            self.rows = iter(rows)

        def run(self, _, given):
            return [np.array([next(self.rows)], np.float32)]

    clips = torch.zeros(2, 1, 3, 8, 8, dtype=torch.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantising, "opened", lambda content: content)
        networks = [Fixed([0.7, 0.3], [0.6, 0.4]), Fixed([0.9, 0.1], [0.1, 0.9])]
        made = [export.Exported(network, {}, {}, {}, 0.0) for network in networks]
        assert quantising.agreement(*made, clips) == (1, 2, pytest.approx(0.5))


def test_what_answers_differently_is_not_written(desk, weights, tmp_path, monkeypatch):
    """As if ONNX Runtime had computed something else."""
    run = onnxruntime.InferenceSession.run

    class Wrong(onnxruntime.InferenceSession):
        def run(self, names, given):
            return [array + 2e-4 for array in run(self, names, given)]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Wrong)
    monkeypatch.setattr(export, "_traced", lambda graph: onnx.load(desk / "out.onnx"))
    how = ("--backbone-weights", weights)
    _, error = quest82("export", desk / "model", tmp_path / "a.onnx", *how, code=2)
    assert "gives other numbers than PyTorch (by 2.0e-04, allowed are 1e-04)" in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        ("mean", ["--step"], "(MeanPool) reads a clip as a whole"),
        ("mean", [], "size is missing; export its head alone (--head)"),
        ("mean", ["--head", "--step"], "exclude each other"),
        ("mean", ["--head", "--int8", "."], "exclude each other"),
        ("none", ["--head"], "there is no such model"),
        ("mean", ["--int8", "empty"], "holds no file with a video's ending"),
        ("mean", ["--int8", "one.mp4"], "must hold at least 2 videos"),
    ],
)
def test_what_cannot_be_exported_is_refused(heads, tmp_path, monkeypatch, model, options, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "one.mp4").touch()
    _, error = quest82("export", heads / model, "a.onnx", *options, code=2)
    assert said in error
    assert not Path("a.onnx").exists()


@pytest.mark.parametrize("name", ["onnxscript", "onnxruntime"])
def test_without_the_extra_it_says_what_to_install(heads, tmp_path, monkeypatch, name):
    monkeypatch.delitem(sys.modules, "quest82.service.export", raising=False)
    monkeypatch.delattr("quest82.service.export", raising=False)
    monkeypatch.setitem(sys.modules, name, None)
    _, error = quest82("export", heads / "mean", tmp_path / "a.onnx", "--head", code=2)
    assert f'{name} is not installed; pip install "quest82[export]"' in error


def test_without_executorch_it_says_what_to_install(heads, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "quest82.service.programs", raising=False)
    monkeypatch.setitem(sys.modules, "executorch", None)
    how = ("--format", "executorch", "--head")
    _, error = quest82("export", heads / "mean", tmp_path / "a.pte", *how, code=2)
    assert 'is not installed; pip install "quest82[executorch]"' in error
    _, error = quest82("export", heads / "mean", tmp_path / "a.pte", "--format", "tflite", code=2)
    assert "format ('tflite') must be one of onnx, executorch" in error


@pytest.mark.parametrize("name", ["mean", "lstm"])
def test_a_program_of_executorch_answers_as_pytorch_does(heads, name, tmp_path):
    """Where the extra is installed, which it is not by default: it brings many packages."""
    runtime = pytest.importorskip("executorch.runtime")
    part = "step" if name == "lstm" else "head"
    how = (f"--{part}", "--format", "executorch")
    text, _ = quest82("export", heads / name, tmp_path / "a.pte", *how)
    assert "ExecuTorch against PyTorch: largest difference" in text
    program = runtime.Runtime.get().load_program((tmp_path / "a.pte").read_bytes())
    assert json.loads(program.load_method("classes").execute([])[0]) == CLASSES
    network, _ = classifier.load(heads / name)
    given, zeros = torch.rand(1, T, D), []
    if part == "step":
        layers, H = network.aggregator.options["num_layers"], network.aggregator.out_features
        given, zeros = torch.rand(1, D), [torch.zeros(layers, 1, H)] * 2
    logits = program.load_method("forward").execute([given, *zeros])[0]
    with torch.no_grad():
        expected = network(given[None] if part == "step" else given)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)


def test_the_test_vector_of_the_book_is_what_pytorch_says(desk, weights, monkeypatch, capsys):
    """The command in the appendix runs as it stands there."""
    text = (Path(__file__).parents[1] / "book" / "phones.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(desk)
    exec(code.replace("lstm.onnx", "out.onnx"), {})
    frames = (torch.arange(3 * 3 * 64 * 64) % 251 / 250).view(1, 3, 3, 64, 64)
    network, settings = classifier.load(desk / "model")
    with torch.no_grad():
        logits = network(open_backbone("mobilenet_v2", weights)(frames))
    (expected,) = settings["calibration"].probabilities(logits).tolist()
    told = [float(number) for number in re.findall(r"[\d.]+", capsys.readouterr().out)]
    assert told == pytest.approx(expected, abs=1e-4)
