"""Weights drawn, or not drawn, without touching what all threads share."""

import pytest
import torch
from torchvision import models

from quest82.systems import classifier
from quest82.systems.aggregators import AGGREGATORS
from quest82.systems.initial import InDouble, Undrawn
from quest82.systems.mobilenet import MobileNetV2Extractor


def drawn_with_the_global_default(name, seed):
    """The plain way: PyTorch's default type set to double while the weights are drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_default_dtype(torch.float64)
        try:
            aggregator = AGGREGATORS[name](16)
            return classifier.Classifier(aggregator, 4)
        finally:
            torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", AGGREGATORS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_aggregator_starts_as_under_a_global_default(name, dtype):
    expected = drawn_with_the_global_default(name, seed=3).to(dtype).state_dict()
    built = classifier.build(name, 16, 4, seed=3, dtype=dtype).state_dict()
    assert list(built) == list(expected)
    assert all(torch.equal(built[key], expected[key]) for key in expected)


def test_the_default_type_is_left_alone_while_weights_are_drawn(monkeypatch):
    def refuse(dtype):
        raise AssertionError("all threads would see it")

    monkeypatch.setattr(torch, "set_default_dtype", refuse)
    classifier.build("lstm", 16, 4)
    with InDouble():
        assert torch.zeros(2).dtype == torch.float64
        assert torch.zeros(2, dtype=torch.float32).dtype == torch.float32
        assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("name", AGGREGATORS)
def test_loading_draws_nothing(name, tmp_path, monkeypatch):
    model = classifier.build(name, 16, 4, seed=1)
    classifier.save(tmp_path / "m", model, classes=list("abcd"))
    state = torch.get_rng_state()
    monkeypatch.setattr(torch, "manual_seed", None)  # not even to put it back afterwards
    monkeypatch.setattr(torch, "set_rng_state", None)
    loaded, _ = classifier.load(tmp_path / "m")
    assert torch.equal(torch.get_rng_state(), state)
    for key, weight in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], weight)


@pytest.mark.parametrize("name", ["mobilenet_v2", "swin_t", "regnet_x_400mf", "shufflenet_v2_x0_5"])
def test_networks_of_torchvision_are_made_without_drawing(name):
    state = torch.get_rng_state()
    with Undrawn():
        models.get_model(name, weights=None)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(("a", "b"), [(-2, 2), (0.5, 2)])
def test_weights_that_must_be_within_bounds_are_within_them(a, b):
    """PyTorch draws them until they are; memory full of other numbers would keep it for ever."""
    state, weight = torch.get_rng_state(), torch.full((1000,), 1e9)
    with Undrawn():
        torch.nn.init.trunc_normal_(weight, a=a, b=b)
    assert ((weight >= a) & (weight <= b)).all()
    assert torch.equal(torch.get_rng_state(), state)


def test_random_weights_are_still_random():
    torch.manual_seed(0)
    one, other = MobileNetV2Extractor(None), MobileNetV2Extractor(None)
    assert one.fingerprint() != other.fingerprint()
