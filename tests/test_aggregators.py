import json

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from quest82.systems import classifier
from quest82.systems.aggregators import AGGREGATORS, LSTM, MeanPool
from quest82.systems.classifier import Classifier


def essences(B=4, T=6, D=32, seed=0):
    """Non-negative half-precision numbers, as a store holds them."""
    return torch.rand(B, T, D, generator=torch.Generator().manual_seed(seed)).half().float() * 4


@pytest.mark.parametrize("name", AGGREGATORS)
class TestEveryAggregator:
    """The contract: (B, T, D) -> (B, out_features), each clip on its own, any T, repeatable."""

    def test_shapes(self, name):
        aggregator = AGGREGATORS[name](32).eval()
        for B, T in ((1, 1), (3, 1), (2, 7)):
            assert aggregator(essences(B, T)).shape == (B, aggregator.out_features)

    def test_clips_do_not_mix(self, name):
        aggregator, x = AGGREGATORS[name](32).eval(), essences()
        torch.testing.assert_close(aggregator(x)[2:3], aggregator(x[2:3]))

    def test_eval_is_repeatable(self, name):
        aggregator, x = AGGREGATORS[name](32).eval(), essences()
        assert torch.equal(aggregator(x), aggregator(x))

    def test_an_equal_one_is_made_from_its_options(self, name):
        aggregator = AGGREGATORS[name](32).eval()
        twin = AGGREGATORS[name](aggregator.in_features, **aggregator.options).eval()
        twin.load_state_dict(aggregator.state_dict())
        assert torch.equal(aggregator(essences()), twin(essences()))

    def test_gradients_reach_every_frame(self, name):
        x = essences().requires_grad_()
        AGGREGATORS[name](32).eval()(x).sum().backward()
        assert (x.grad.abs().sum(dim=2) > 0).all()

    def test_a_model_file_holds_all_that_is_needed(self, name, tmp_path):
        model = classifier.build(name, 32, 3, seed=1, head_dropout=0.25).eval()
        path = tmp_path / "model.safetensors"
        how = {"num_frames": 6}
        classifier.save(path, model, classes=["a", "b", "c"], extraction=how, seen={"g"})
        loaded, settings = classifier.load(path)
        assert torch.equal(model(essences()), loaded(essences()))
        assert not loaded.training
        assert loaded.dropout.p == 0.25
        assert settings["classes"] == ["a", "b", "c"]
        assert settings["extraction"] == how
        assert settings["seen"] == ["g"]
        assert not list(tmp_path.glob("*.part"))


@given(st.permutations(range(9)), st.integers(0, 1000))
def test_the_mean_is_equal_to_the_last_bit_for_every_order(order, seed):
    x = essences(T=9, seed=seed)
    assert torch.equal(MeanPool(32)(x), MeanPool(32)(x[:, order]))


def test_the_mean_is_the_mean_and_has_no_parameters():
    x = essences()
    torch.testing.assert_close(MeanPool(32)(x), x.mean(dim=1))
    assert not list(MeanPool(32).parameters())


def test_the_lstm_differs_from_its_reverse():
    torch.manual_seed(0)
    lstm, x = LSTM(32).eval(), essences()
    assert (lstm(x) - lstm(x.flip(1))).abs().max() > 1e-3


def test_the_lstm_is_the_textbook_recurrence():
    """Step by step with the equations of Hochreiter & Schmidhuber, from zero states."""
    torch.manual_seed(0)
    lstm, x = LSTM(32, projection_size=8, hidden_size=5).eval(), essences()
    W, U = lstm.recurrence.weight_ih_l0, lstm.recurrence.weight_hh_l0
    b = lstm.recurrence.bias_ih_l0 + lstm.recurrence.bias_hh_l0
    h = c = torch.zeros(len(x), 5)
    for step in lstm.projection(x).unbind(dim=1):
        i, f, g, o = (step @ W.T + h @ U.T + b).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    torch.testing.assert_close(lstm(x), h)


def test_both_directions_get_the_same_logits_from_the_mean():
    model, x = classifier.build("mean", 32, 4).eval(), essences()
    assert torch.equal(model(x), model(x.flip(1)))


class Maximum(nn.Module):
    """An aggregator that nobody has registered."""

    def __init__(self, in_features):
        super().__init__()
        self.in_features = self.out_features = in_features
        self.options = {}

    def forward(self, x):
        return x.amax(dim=1)


def test_any_aggregator_with_out_features_will_do():
    assert Classifier(Maximum(32), 3)(essences().half()).shape == (4, 3)


def test_a_class_is_built_without_being_registered(tmp_path):
    model = classifier.build(Maximum, 32, 3, seed=1)
    assert type(model.aggregator) is Maximum
    assert torch.equal(model.head.weight, classifier.build("mean", 32, 3, seed=1).head.weight)
    with pytest.raises(ValueError, match=r"aggregator \(Maximum\) must be in AGGREGATORS"):
        classifier.save(tmp_path / "model", model, classes=["a", "b", "c"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", AGGREGATORS)
def test_a_class_and_its_name_build_the_same(name):
    models = (
        classifier.build(name, 32, 3, seed=2),
        classifier.build(AGGREGATORS[name], 32, 3, seed=2),
    )
    for one, other in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(one, other)


def test_the_seed_decides_the_initial_weights_and_nothing_else():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, two, other = (classifier.build("lstm", 32, 3, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one.head.weight, two.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)


def test_bad_models_are_refused(tmp_path):
    with pytest.raises(ValueError, match="num_classes"):
        classifier.build("mean", 32, 1)
    with pytest.raises(ValueError, match="mean, lstm"):
        classifier.build("maximum", 32, 3)
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("a" * 100)
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "other")
    metadata = {"format": "quest82-model/1", "settings": json.dumps({"aggregator": "lstm"})}
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "partly", metadata=metadata)
    for name in ("empty", "text", "other", "partly"):
        with pytest.raises(ValueError, match=f"{name}: not a model of quest82"):
            classifier.load(tmp_path / name)
    with pytest.raises(ValueError, match="no such model"):
        classifier.load(tmp_path / "missing")


def test_attention_without_positions_is_order_blind_and_with_them_is_not():
    x = essences(T=6).double()
    for positions in (False, True):
        pool = AGGREGATORS["attention"](32, positions=positions).double().eval()
        blind = torch.allclose(pool(x), pool(x.flip(1)), atol=1e-12)
        assert blind is not positions


def test_positions_need_an_even_width():
    with pytest.raises(ValueError, match=r"projection_size \(33\) must be even"):
        AGGREGATORS["attention"](32, projection_size=33)
    assert AGGREGATORS["attention"](32, projection_size=33, positions=False).out_features == 33


def test_attention_with_equal_scores_is_the_mean_of_the_projections():
    pool = AGGREGATORS["attention"](32, positions=False).eval()
    nn.init.zeros_(pool.score[1].weight)
    torch.testing.assert_close(pool(essences()), pool.projection(essences()).mean(dim=1))


def test_initial_weights_are_drawn_in_double_precision():
    """So that single precision does not round them differently on different processors."""
    exact = classifier.build("lstm", 32, 3, seed=4, dtype=torch.float64)
    rounded = classifier.build("lstm", 32, 3, seed=4)
    assert torch.get_default_dtype() == torch.float32
    for a, b in zip(exact.parameters(), rounded.parameters(), strict=True):
        assert a.dtype == torch.float64
        assert torch.equal(a.float(), b)
    assert not torch.equal(exact.head.weight, exact.head.weight.float().double())
