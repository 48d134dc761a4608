import numpy as np
import pytest
import safetensors.torch
import torch
from torchvision.models import mobilenet_v2

from quest82.systems.mobilenet import MobileNetV2Extractor
from quest82.systems.parts.imagenet import IMAGENET_MEAN, IMAGENET_STD
from quest82.systems.weights import checkpoint_path, is_genuine


def plain_torchvision(clips, network):
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    essences = [network.features((clip - mean) / std).mean((2, 3)) for clip in clips]
    return torch.stack(essences)


def test_equal_to_plain_torchvision_with_the_imagenet_weights():
    if not checkpoint_path().exists():
        pytest.skip("the ImageNet weights are not in the cache: quest82 weights")
    network = mobilenet_v2().eval()
    network.load_state_dict(torch.load(checkpoint_path(), weights_only=True))
    clips = torch.rand(2, 3, 3, 224, 224)
    essences = MobileNetV2Extractor()(clips)
    assert essences.shape == (2, 3, 1280)
    assert (essences - plain_torchvision(clips, network)).abs().max() < 1e-5


def test_frozen_and_in_eval_mode_even_after_train(extractor):
    extractor.train()
    assert not any(module.training for module in extractor.modules())
    assert not any(parameter.requires_grad for parameter in extractor.parameters())
    before = {name: value.clone() for name, value in extractor.state_dict().items()}
    extractor(torch.rand(1, 2, 3, 64, 64))
    assert all(torch.equal(before[name], value) for name, value in extractor.state_dict().items())


def test_each_frame_is_described_alone(extractor):
    clips = torch.rand(2, 4, 3, 64, 64)
    order = torch.tensor([2, 0, 3, 1])
    essences = extractor(clips)
    torch.testing.assert_close(extractor(clips[:, order]), essences[:, order])
    torch.testing.assert_close(extractor(clips[1:, 2:3]), essences[1:, 2:3])
    assert essences.min() >= 0


def test_gradients_flow_to_the_frames_on_demand(extractor):
    clips = torch.rand(1, 2, 3, 32, 32, requires_grad=True)
    extractor(clips).sum().backward()
    assert clips.grad.abs().sum() > 0
    assert extractor(clips.detach()).grad_fn is None


def test_weights_from_files(extractor, tmp_path):
    torch.manual_seed(1)
    state = mobilenet_v2().state_dict()
    torch.save(state, tmp_path / "net.pth")
    safetensors.torch.save_file(state, tmp_path / "net.safetensors")
    one, other = (
        MobileNetV2Extractor(tmp_path / f"net.{ending}") for ending in ("pth", "safetensors")
    )
    assert one.fingerprint() == other.fingerprint() != extractor.fingerprint()
    clips = torch.rand(1, 1, 3, 64, 64)
    torch.testing.assert_close(one(clips), plain_torchvision(clips, one))


def test_bad_weights_and_shapes_are_refused(extractor, tmp_path):
    np.save(tmp_path / "other.npy", np.zeros(3))
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    (tmp_path / "empty.safetensors").touch()
    for name in ("other.npy", "other.pth", "empty.safetensors", "missing.pth"):
        with pytest.raises(ValueError, match=name):
            MobileNetV2Extractor(tmp_path / name)
    for clips in (torch.rand(2, 3, 8, 8), torch.zeros(1, 2, 3, 8, 8, dtype=torch.uint8)):
        with pytest.raises(ValueError, match="B, T, 3, H, W"):
            extractor(clips)


def test_the_checkpoint_in_the_cache_is_the_one():
    if not checkpoint_path().exists():
        pytest.skip("the ImageNet weights are not in the cache: quest82 weights")
    assert is_genuine(checkpoint_path())
