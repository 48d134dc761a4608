"""Other networks than MobileNetV2 make essences, too."""

import importlib.util
import json
import urllib.error
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from torchvision import models

from quest82.data import clips
from quest82.essences import EssenceSet, StoreError, extract
from quest82.essences.engines import EngineError, PlainEngine, open_engine
from quest82.frames.view import ViewSpec
from quest82.systems.backbones import TorchvisionBackbone, open_backbone
from quest82.systems.mobilenet import MobileNetV2Extractor
from quest82.systems.parts.imagenet import IMAGENET_MEAN, IMAGENET_STD
from quest82.systems.state_dicts import fill
from quest82.systems.weights import WeightsError

FRAMES = torch.rand(2, 3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
SPEC = ViewSpec(num_frames=3, size=64)
HOW = {"num_workers": 0, "progress": False}


@pytest.fixture(scope="module")
def whole():
    """A resnet18 as torchvision makes it, with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return models.resnet18(weights=None).eval()


@pytest.fixture
def file(whole, tmp_path):
    safetensors.torch.save_file(whole.state_dict(), tmp_path / "resnet18.safetensors")
    return tmp_path / "resnet18.safetensors"


def test_essences_are_what_the_last_layer_reads(whole, file):
    backbone = open_backbone("resnet18", file)
    read = []
    whole.fc.register_forward_hook(lambda layer, inputs, output: read.append(inputs[0]))
    mean, std = (torch.tensor(three).view(3, 1, 1) for three in (IMAGENET_MEAN, IMAGENET_STD))
    with torch.no_grad():
        whole((FRAMES.flatten(0, 1) - mean) / std)
        essences = backbone(FRAMES)
    assert essences.shape == (2, 3, 512) == (2, 3, backbone.num_features)
    assert torch.equal(essences.flatten(0, 1), read[0])


def test_a_backbone_is_frozen_and_knows_where_it_is(file):
    backbone = open_backbone("resnet18", file).train()
    assert not backbone.training
    assert not any(weight.requires_grad for weight in backbone.parameters())
    assert backbone.device == torch.device("cpu") == MobileNetV2Extractor(None).device
    assert torch.equal(backbone(FRAMES), backbone(FRAMES))


def test_a_fingerprint_names_the_weights(file):
    one, same = (open_backbone("resnet18", file).fingerprint() for _ in range(2))
    assert one == same != TorchvisionBackbone("resnet18", None).fingerprint()


@pytest.mark.parametrize(
    ("name", "width"), [("mobilenet_v3_small", 1024), ("shufflenet_v2_x0_5", 1024)]
)
def test_heads_of_every_kind_are_cut_off(name, width):
    backbone = TorchvisionBackbone(name, None)
    assert backbone(FRAMES[:1, :1]).shape == (1, 1, width)


def test_the_default_is_the_extractor_of_the_course(tmp_path):
    torch.save(models.mobilenet_v2().state_dict(), tmp_path / "net.pth")
    assert type(open_backbone("mobilenet_v2", tmp_path / "net.pth")) is MobileNetV2Extractor


def test_a_network_that_cannot_be_had_is_refused_by_name(file, tmp_path):
    with pytest.raises(ValueError, match=r"backbone .'resnet17'. must be one of alexnet"):
        open_backbone("resnet17")
    with pytest.raises(ValueError, match=r"'squeezenet1_1'. does not end in a linear layer"):
        TorchvisionBackbone("squeezenet1_1", None)
    with pytest.raises(ValueError, match="not a state dict of torchvision's resnet34"):
        open_backbone("resnet34", file)
    with pytest.raises(ValueError, match="there is no such file"):
        open_backbone("resnet18", tmp_path / "none.safetensors")
    with pytest.raises(ValueError, match="does not take frames of 16 x 16 pixels"):
        TorchvisionBackbone("alexnet", None)(torch.rand(1, 1, 3, 16, 16))


def test_weights_of_torchvision_are_fetched_by_name(whole, monkeypatch):
    asked = []

    def fetch(url, **how):
        asked.append((url, how["check_hash"], how["weights_only"]))
        return whole.state_dict()

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fetch)
    assert torch.equal(open_backbone("resnet18").network.conv1.weight, whole.conv1.weight)
    open_backbone("resnet18", "IMAGENET1K_V1")
    assert asked == [(models.ResNet18_Weights.DEFAULT.url, True, True)] * 2


def test_where_weights_cannot_be_fetched_it_says_what_to_do(monkeypatch):
    def fail(url, **how):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)
    with pytest.raises(WeightsError, match=r"fetch https.*resnet18.*--backbone-weights"):
        open_backbone("resnet18")


def test_densenets_of_long_ago_are_understood():
    network = torch.nn.ModuleDict({"denselayer1": torch.nn.ModuleDict()})
    network["denselayer1"]["norm1"] = torch.nn.BatchNorm2d(2)
    state = network.state_dict()
    fill(network, {key.replace("norm1", "norm.1"): value for key, value in state.items()})


def test_openvino_runs_other_backbones():
    pytest.importorskip("openvino")
    with torch.random.fork_rng():
        torch.manual_seed(5)
        backbone = TorchvisionBackbone("shufflenet_v2_x0_5", None)
    frames = (255 * FRAMES[0]).byte()
    engine, expected = open_engine(backbone, size=64), PlainEngine(backbone, 64)(frames)
    assert engine.name == "openvino"
    assert (engine(frames) - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_the_fused_engine_knows_no_other_network(file, monkeypatch):
    backbone = open_backbone("resnet18", file)
    with pytest.raises(EngineError, match="fused runs mobilenet_v2 alone, not resnet18"):
        open_engine(backbone, size=64, name="fused")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert isinstance(open_engine(backbone, size=64), PlainEngine)


def test_a_store_says_which_backbone_and_refuses_another(file, extractor, write_clip, tmp_path):
    for name in ("a/1.mp4", "b/1.mp4"):
        write_clip(f"clips/{name}", num_frames=6)
    found, out = clips.from_folder(tmp_path / "clips"), tmp_path / "store"
    backbone = open_backbone("resnet18", file)
    data = extract(found, backbone, out, SPEC, **HOW)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["settings"]["backbone"] == "resnet18"
    assert manifest["row_shape"] == [3, 512] == list(data.essences.shape[1:])
    with pytest.raises(StoreError, match="backbone is 'resnet18' there and 'mobilenet_v2' here"):
        extract(found, extractor, out, SPEC, **HOW)
    again = EssenceSet.load(out)
    assert extract(found, backbone, out, replace(SPEC), **HOW).settings == again.settings
