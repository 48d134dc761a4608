"""The one place that predicts: the numbers of the store, a file that hangs, several threads."""

import importlib.util
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
import safetensors.torch
import torch
from conftest import moving_square
from torchvision.models import resnet18

from quest82 import video
from quest82.data import clips
from quest82.essences import extract
from quest82.frames import workers
from quest82.frames.sampling import segment_indices
from quest82.frames.view import ViewSpec
from quest82.learning import TrainConfig, evaluate, fit
from quest82.service import Answer, Predictor
from quest82.systems import classifier
from quest82.systems.backbones import open_backbone
from quest82.video import VideoError

SPEC = ViewSpec(num_frames=4, size=64, by="count")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    for i in range(6):
        path = root / "ab"[i % 2] / f"{i}.mp4"
        path.parent.mkdir(exist_ok=True)
        video.write_video(path, moving_square(7 + 2 * i, shade=120 + 20 * i), fps=25)
    return root


@pytest.fixture(scope="module")
def trained(folder, weights, tmp_path_factory):
    """Extract, train, save: the set, the model and its file; once for each engine and backbone."""

    @cache
    def train(engine="plain", backbone="mobilenet_v2", file=weights):
        network, found = open_backbone(backbone, file), clips.from_folder(folder)
        root = tmp_path_factory.mktemp("store")
        how = {"engine": engine, "num_workers": 0, "progress": False}
        data = extract(found, network, root / "store", SPEC, **how)
        model = classifier.build("lstm", data.num_features, 2)
        fit(model, data, TrainConfig(epochs=2))
        names = {"classes": data.classes, "extraction": data.settings}
        classifier.save(root / "model", model, **names)
        return data, model, root / "model"

    return train


def paths_of(data, folder):
    return [folder / clip_id for clip_id in data.clip_ids]


@pytest.mark.parametrize(
    ("engine", "num_workers"), [("plain", 0), ("plain", 1), ("fused", 0), ("openvino", 0)]
)
def test_a_clip_of_the_store_gets_the_numbers_of_the_store(
    trained, folder, weights, engine, num_workers
):
    if engine == "openvino" and importlib.util.find_spec("openvino") is None:
        pytest.skip("openvino is not installed")
    data, model, file = trained(engine)
    with Predictor.load(file, backbone_weights=weights, num_workers=num_workers) as predictor:
        assert predictor.engine.name == engine
        answers = [predictor(path) for path in paths_of(data, folder)]
    probabilities = torch.stack([answer.probabilities for answer in answers])
    alone = evaluate(model, data, batch_size=1).logits.softmax(dim=1)
    assert torch.equal(probabilities, alone)
    together = evaluate(model, data).logits.softmax(dim=1)  # products of other shapes round anew
    assert (probabilities - together).abs().max() < 1e-6
    assert [answer.label for answer in answers] == [data.classes[k] for k in alone.argmax(dim=1)]


def test_an_answer_says_which_frames_it_was_shown(trained, folder, weights):
    _, _, file = trained()
    with Predictor.load(file, backbone_weights=weights, num_workers=0) as predictor:
        for i in range(6):
            path = folder / "ab"[i % 2] / f"{i}.mp4"
            assert predictor(path).frames == tuple(segment_indices(7 + 2 * i, 4).tolist())


def test_four_threads_get_what_one_gets(trained, folder, weights):
    data, _, file = trained()
    paths = paths_of(data, folder) * 4
    with Predictor.load(file, backbone_weights=weights, num_workers=2) as predictor:
        expected = {path: predictor(path).probabilities for path in paths[:6]}
        start = threading.Barrier(4)

        def ask(part: list[Path]) -> list[Answer]:
            start.wait()
            return [predictor(path) for path in part]

        with ThreadPoolExecutor(4) as pool:
            parts = [paths[k::4] for k in range(4)]
            found = list(pool.map(ask, parts))
    for part, answers in zip(parts, found, strict=True):
        for path, answer in zip(part, answers, strict=True):
            assert torch.equal(answer.probabilities, expected[path])


def test_loading_leaves_alone_what_all_threads_share(trained, weights, monkeypatch):
    _, _, file = trained()
    state = torch.get_rng_state()
    for name in ("manual_seed", "set_rng_state", "set_default_dtype"):
        monkeypatch.setattr(torch, name, None)
    Predictor.load(file, backbone_weights=weights).close()
    assert torch.equal(torch.get_rng_state(), state)


HANGS = """
import sys, time
sys.path[:] = {path}
from quest82.frames import worker_program
take_view = worker_program.take_view
def hang(clip, view, spec):
    return time.sleep(1000) if clip.id == "hang.mp4" else take_view(clip, view, spec)
worker_program.take_view = hang
worker_program.main()
"""


def test_a_file_that_hangs_costs_itself(trained, folder, weights, monkeypatch):
    data, _, file = trained()
    code = HANGS.format(path=repr(sys.path))
    monkeypatch.setattr(workers, "_command", lambda: [sys.executable, "-c", code])
    with Predictor.load(file, backbone_weights=weights, time_limit_seconds=3) as predictor:
        with pytest.raises(VideoError, match=r"hang.*time limit of 3 s; raise it"):
            predictor(folder / "hang.mp4")
        assert predictor(paths_of(data, folder)[0]).label in data.classes


def test_many_files_keep_their_order_and_a_bad_one_is_its_error(trained, folder, weights):
    data, _, file = trained()
    first, second = paths_of(data, folder)[:2]
    paths = [second, folder / "none.mp4", first]
    with Predictor.load(file, backbone_weights=weights) as predictor:
        one, bad, other = predictor.each(paths)
        assert torch.equal(one.probabilities, predictor(second).probabilities)
        assert torch.equal(other.probabilities, predictor(first).probabilities)
        end = predictor.workers._end
    assert not end.alive
    assert isinstance(bad, VideoError)
    assert "none.mp4: there is no such file" in str(bad)


def test_the_best_classes_come_first():
    answer = Answer(("a", "b", "c"), torch.tensor([0.25, 0.5, 0.25]), (0, 1))
    assert answer.label == "b"
    assert answer.top(2) == [("b", 0.5), ("a", 0.25)]
    assert len(answer.top(9)) == 3


def test_a_model_of_another_backbone_asks_for_its_weights(trained, folder, weights, tmp_path):
    for seed in (0, 1):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            state = resnet18(weights=None).state_dict()
        safetensors.torch.save_file(state, tmp_path / f"{seed}.safetensors")
    right, wrong = tmp_path / "0.safetensors", tmp_path / "1.safetensors"
    data, model, file = trained(backbone="resnet18", file=right)
    with Predictor.load(file, backbone_weights=right, num_workers=0) as predictor:
        answer = predictor(paths_of(data, folder)[0])
    expected = evaluate(model, data, batch_size=1).logits.softmax(dim=1)[0]
    assert torch.equal(answer.probabilities, expected)
    with pytest.raises(ValueError, match=r"essences of resnet18 with the weights .*; give their"):
        Predictor.load(file, backbone_weights=wrong)
    with pytest.raises(ValueError, match="not a state dict of torchvision's resnet18"):
        Predictor.load(file, backbone_weights=weights, num_workers=0)


@pytest.mark.parametrize(
    ("missing", "said"),
    [("size", "how frames were taken is not known: size"), ("backbone", "by which network")],
)
def test_a_model_that_does_not_say_how_its_essences_were_made_is_refused(
    make_set, tmp_path, missing, said
):
    settings = {**SPEC.settings, "backbone": "mobilenet_v2", "weights": "0"}
    del settings[missing]
    model = classifier.build("mean", 16, 3)
    classifier.save(tmp_path / "m", model, classes=list("abc"), extraction=settings)
    with pytest.raises(ValueError, match=said):
        Predictor.load(tmp_path / "m")


def test_where_the_engine_of_the_training_is_missing_another_takes_its_place(
    trained, folder, weights, monkeypatch
):
    data, _, file = trained("fused")
    exact = Predictor.load(file, backbone_weights=weights, num_workers=0)
    monkeypatch.setattr(classifier, "load", _with_engine(classifier.load, "openvino"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    instead = Predictor.load(file, backbone_weights=weights, num_workers=0)
    assert instead.engine.name == "fused"
    path = paths_of(data, folder)[0]
    assert torch.equal(instead(path).probabilities, exact(path).probabilities)


def _with_engine(load, name):
    def changed(path):
        model, settings = load(path)
        settings["extraction"]["engine"] = name
        return model, json.loads(json.dumps(settings))

    return changed
