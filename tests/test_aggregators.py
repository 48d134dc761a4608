import json

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from quest82.systems import classifier
from quest82.systems.aggregators import (
    AGGREGATORS,
    LSTM,
    MeanPool,
    Projected,
    attention,
    pooled,
    shift,
)
from quest82.systems.classifier import Classifier


def essences(B=4, T=6, D=32, seed=0):
    """Non-negative half-precision numbers, as a store holds them."""
    return torch.rand(B, T, D, generator=torch.Generator().manual_seed(seed)).half().float() * 4


# Those that a shuffled clip is no other clip to, exactly; the rest read the order.
BLIND = {"mean", "max_pool", "late_pool"}
# Those that a reversed clip is no other clip to, though a shuffled one is.
BLIND_TO_REVERSAL = {"slow_pool"}
# The frames that an aggregator looks at, where it is not all of them.
LOOKS_AT = {"two_frames": [0, -1]}
WINDOWS = {"window": 3, "stride": 1}
OTHER_OPTIONS = {
    "mean": {},
    "lstm": {"projection_size": 8, "hidden_size": 5, "num_layers": 2, "dropout": 0.1},
    "lstm5": {"projection_size": 8, "hidden_size": 5, "num_layers": 3, "dropout": 0.1},
    "gru": {"projection_size": 8, "hidden_size": 5, "num_layers": 2, "dropout": 0.1},
    "attention": {"projection_size": 7, "positions": False, "dropout": 0.1},
    "self_attention": {"projection_size": 7, "positions": False, "dropout": 0.1},
    "attentive_probe": {
        "projection_size": 6,
        "num_heads": 3,
        "positions": False,
        "dropout": 0.1,
    },
    "conv_pool": {"projection_size": 8, "dropout": 0.1},
    "max_pool": {"projection_size": 8, "dropout": 0.1},
    "late_pool": {"projection_size": 8, "dropout": 0.1},
    "slow_pool": WINDOWS | {"projection_size": 8, "dropout": 0.1},
    "local_pool": WINDOWS | {"projection_size": 8, "dropout": 0.1, "num_windows": 4},
    "time_domain_pool": WINDOWS | {"projection_size": 8, "dropout": 0.1},
    "trn": {"projection_size": 8, "gap": 2, "dropout": 0.1},
    "tsm": {"projection_size": 8, "step": 2, "dropout": 0.1},
    "two_frames": {"frames": [0, 3, -1], "hidden_size": 5},
}


def made(name, **options):
    """One with weights that are always the same, in double precision and eval mode."""
    return classifier.build(name, 32, 3, dtype=torch.float64, **options).aggregator.eval()


@pytest.mark.parametrize("name", AGGREGATORS)
class TestEveryAggregator:
    """The contract: (B, T, D) -> (B, out_features), each clip on its own, any T, repeatable."""

    def test_shapes(self, name):
        aggregator = made(name)
        assert aggregator.in_features == 32
        for B, T in ((1, 1), (3, 1), (2, 2), (2, 7)):
            answer = aggregator(essences(B, T).double())
            assert answer.shape == (B, aggregator.out_features)
            assert answer.isfinite().all()

    def test_the_type_of_the_essences_is_kept(self, name):
        for dtype in (torch.float32, torch.float64):
            assert made(name).to(dtype)(essences().to(dtype)).dtype == dtype

    def test_clips_do_not_mix(self, name):
        aggregator, x = made(name), essences().double()
        torch.testing.assert_close(aggregator(x)[2:3], aggregator(x[2:3]))

    def test_eval_is_repeatable(self, name):
        aggregator, x = made(name), essences().double()
        assert torch.equal(aggregator(x), aggregator(x))

    def test_an_equal_one_is_made_from_its_options(self, name):
        for options in ({}, OTHER_OPTIONS[name]):
            aggregator, x = made(name, **options), essences().double()
            assert options.items() <= aggregator.options.items()
            written = json.loads(json.dumps(aggregator.options))
            assert written == aggregator.options
            twin = AGGREGATORS[name](aggregator.in_features, **written).double().eval()
            twin.load_state_dict(aggregator.state_dict())
            assert torch.equal(aggregator(x), twin(x))

    def test_every_option_is_tried(self, name):
        assert AGGREGATORS[name](32).options.keys() == OTHER_OPTIONS[name].keys()

    def test_gradients_reach_every_frame_and_weight(self, name):
        x = essences().double().requires_grad_()
        aggregator = made(name)
        aggregator(x).square().sum().backward()
        reached = x.grad.abs().sum(dim=2) > 0  # (B, T)
        assert reached[:, LOOKS_AT.get(name, slice(None))].all()
        assert reached.sum() == len(x) * len(torch.arange(6)[LOOKS_AT.get(name, slice(None))])
        for parameter in aggregator.parameters():
            assert parameter.grad.abs().sum() > 0

    def test_blind_to_order_or_not(self, name):
        aggregator, x = made(name), essences().double()
        for order in ((5, 4, 3, 2, 1, 0), (2, 5, 0, 4, 1, 3)):
            moved = aggregator(x[:, list(order)]) - aggregator(x)
            if name in BLIND or (name in BLIND_TO_REVERSAL and order[0] == 5):
                assert not moved.any()
            else:
                assert moved.abs().amax(dim=1).min() > 1e-6

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
    with pytest.raises(ValueError, match=r"aggregator \(Maximum\) must be registered"):
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


@pytest.mark.parametrize("name", ["attention", "self_attention"])
class TestPositions:
    @given(st.permutations(range(6)))
    def test_without_them_attention_is_order_blind(self, name, order):
        pool, x = made(name, positions=False), essences().double()
        torch.testing.assert_close(pool(x), pool(x[:, order]), atol=1e-12, rtol=0)

    def test_they_need_an_even_width(self, name):
        with pytest.raises(ValueError, match=r"projection_size \(33\) must be even"):
            AGGREGATORS[name](32, projection_size=33)
        assert AGGREGATORS[name](32, projection_size=33, positions=False).out_features == 33


def test_attention_with_equal_scores_is_the_mean_of_the_projections():
    pool = AGGREGATORS["attention"](32, positions=False).eval()
    nn.init.zeros_(pool.score[1].weight)
    torch.testing.assert_close(pool(essences()), pool.projection(essences()).mean(dim=1))


def test_an_attentive_probe_is_cross_attention_of_one_query():
    """Query and keys of PyTorch's layer come down to one linear score for each head."""
    probe, x = made("attentive_probe", projection_size=12, num_heads=3), essences().double()
    theirs = nn.MultiheadAttention(
        12, 3, bias=False, kdim=32, vdim=32, batch_first=True, dtype=torch.float64
    )
    query = torch.randn(12, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        probe.values.bias.zero_()
        theirs.v_proj_weight.copy_(probe.values.weight)
        theirs.out_proj.weight.copy_(torch.eye(12))
        asked = (theirs.q_proj_weight @ query).view(3, 4) / 4**0.5
        keys = theirs.k_proj_weight.view(3, 4, 32)
        probe.scores.weight.copy_(torch.einsum("hk,hkd->hd", asked, keys))
        tokens = nn.functional.layer_norm(x, (32,)) + attention.position_code(6, 32)
        expected, _ = theirs(query.expand(4, 1, 12), tokens, tokens)
    torch.testing.assert_close(probe(x), expected[:, 0])


@given(st.permutations(range(6)), st.integers(0, 1000))
def test_without_positions_an_attentive_probe_is_blind_to_every_order(order, seed):
    x = essences(seed=seed).double()
    blind, told = (made("attentive_probe", positions=p) for p in (False, True))
    torch.testing.assert_close(blind(x[:, order]), blind(x))
    still = x[:, :1].expand(-1, 6, -1)
    assert torch.equal(told(still[:, order]), told(still))


def test_initial_weights_are_drawn_in_double_precision():
    """So that single precision does not round them differently on different processors."""
    exact = classifier.build("lstm", 32, 3, seed=4, dtype=torch.float64)
    rounded = classifier.build("lstm", 32, 3, seed=4)
    assert torch.get_default_dtype() == torch.float32
    for a, b in zip(exact.parameters(), rounded.parameters(), strict=True):
        assert a.dtype == torch.float64
        assert torch.equal(a.float(), b)
    assert not torch.equal(exact.head.weight, exact.head.weight.float().double())


def test_the_gru_is_pytorchs_cell_step_by_step():
    gru, x = made("gru", projection_size=8, hidden_size=5), essences().double()
    cell = nn.GRUCell(8, 5, dtype=torch.float64)
    cell.load_state_dict(
        {name.removesuffix("_l0"): p for name, p in gru.recurrence.named_parameters()}
    )
    h = torch.zeros(len(x), 5, dtype=torch.float64)
    for step in gru.projection(x).unbind(dim=1):
        h = cell(step, h)
    torch.testing.assert_close(gru(x), h)


@pytest.mark.parametrize("name", ["lstm", "lstm5", "gru"])
class TestStepByStep:
    @pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
    @pytest.mark.parametrize("num_layers", [1, 2])
    def test_each_step_gives_the_logits_of_all_frames_so_far(self, name, num_layers, dtype, atol):
        model = classifier.build(name, 32, 3, dtype=dtype, num_layers=num_layers).eval()
        x, state = essences(T=20), None
        for t in range(20):
            logits, state = model.step(x[:, t], state)
            torch.testing.assert_close(logits, model(x[:, : t + 1]), atol=atol, rtol=0)

    def test_the_state_is_that_of_pytorchs_layer(self, name):
        pool, x = made(name, num_layers=2), essences().double()
        _, whole = pool.recurrence(pool.projection(x))
        state = None
        for essence in x.unbind(dim=1):
            hidden, state = pool.step(essence, state)
        torch.testing.assert_close(state, whole)
        assert torch.equal(hidden, state[-1] if name == "gru" else state[0][-1])

    def test_a_clip_is_no_essence(self, name):
        for shape in ((4, 6, 32), (32,), (4, 31)):
            with pytest.raises(ValueError, match=r"must be \(B, 32\), one frame of each clip"):
                made(name).step(torch.zeros(shape))


@pytest.mark.parametrize("name", sorted(AGGREGATORS.keys() - {"lstm", "lstm5", "gru"}))
def test_what_reads_a_clip_as_a_whole_takes_no_step(name):
    with pytest.raises(ValueError, match="reads a clip as a whole .* take LSTM or GRU"):
        classifier.build(name, 32, 3).step(essences()[:, 0])


def test_the_gru_has_three_quarters_of_the_weights_of_the_lstm():
    sizes = {
        name: sum(p.numel() for p in made(name).recurrence.parameters()) for name in ("gru", "lstm")
    }
    assert 4 * sizes["gru"] == 3 * sizes["lstm"]


def test_self_attention_is_pytorchs_with_one_head():
    model, x = made("self_attention", projection_size=8), essences().double()
    theirs = nn.MultiheadAttention(8, 1, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(model.attend.weight)
        theirs.in_proj_bias.copy_(model.attend.bias)
        theirs.out_proj.weight.copy_(torch.eye(8))
        theirs.out_proj.bias.zero_()
    t = torch.arange(6)[:, None]
    angles = t / 10_000 ** (torch.arange(4, dtype=torch.float64) / 4)
    p = model.projection(x) + torch.cat([angles.sin(), angles.cos()], dim=1)
    torch.testing.assert_close(model(x), (p + theirs(p, p, p)[0]).mean(dim=1))


def test_conv_pooling_is_a_loop_over_three_shifted_copies():
    model, x = made("conv_pool", projection_size=8), essences().double()
    W, bias = model.convolution.weight, model.convolution.bias  # (P, P, 3)
    p = model.projection(x)
    answers = []
    for t in range(6):
        inside = [k for k in range(3) if 0 <= t + k - 1 < 6]
        answers.append(bias + sum(p[:, t + k - 1] @ W[:, :, k].T for k in inside))
    torch.testing.assert_close(model(x), torch.stack(answers).relu().amax(dim=0))


class TestThePoolingArchitectures:
    """Ng et al. 2015, section 3.1: each by loops over frames and windows."""

    WINDOWS = ([0, 1, 2, 3], [2, 3, 4, 5])  # four frames, two apart, of six

    def layers(self, model, x):
        one, two = model.projection[0], model.second[0]
        hidden = (x @ one.weight.T + one.bias).clamp(min=0)
        return (hidden @ two.weight.T + two.bias).clamp(min=0)

    def largest(self, x, frames):
        most = x[:, frames[0]]
        for t in frames[1:]:
            most = torch.where(x[:, t] > most, x[:, t], most)
        return most

    def test_conv_pooling(self):
        model, x = made("max_pool", projection_size=8), essences().double()
        torch.testing.assert_close(model(x), self.layers(model, self.largest(x, range(6))))

    def test_late_pooling(self):
        model, x = made("late_pool", projection_size=8), essences().double()
        each = torch.stack([self.layers(model, x[:, t]) for t in range(6)], dim=1)
        torch.testing.assert_close(model(x), self.largest(each, range(6)))

    def test_slow_pooling(self):
        model, x = made("slow_pool", projection_size=8), essences().double()
        one, two = model.projection[0], model.second[0]
        a, b = (
            (self.largest(x, frames) @ one.weight.T + one.bias).clamp(min=0)
            for frames in self.WINDOWS
        )
        most = torch.where(a > b, a, b)
        torch.testing.assert_close(model(x), (most @ two.weight.T + two.bias).clamp(min=0))

    def test_local_pooling(self):
        model, x = made("local_pool", projection_size=8, num_windows=3), essences().double()
        towers = [self.layers(model, self.largest(x, frames)) for frames in self.WINDOWS]
        expected = torch.cat([*towers, torch.zeros_like(towers[0])], dim=1)
        torch.testing.assert_close(model(x), expected)
        torch.testing.assert_close(
            model(x.flip(1)), expected[:, [*range(8, 16), *range(8), *range(16, 24)]]
        )
        with pytest.raises(ValueError, match=r"num_windows \(3\) must be at least the 4 windows"):
            model(essences(T=9).double())

    @pytest.mark.parametrize("T", [6, 7])
    def test_time_domain_convolution(self, T):
        model, x = made("time_domain_pool", projection_size=8), essences(T=T).double()
        W, bias = model.convolution.weight, model.convolution.bias  # (P, P, 4)
        p = model.projection(x)
        begins = range(0, T - 2, 2)
        answers = [
            bias + sum(p[:, t + k] @ W[:, :, k].T for k in range(4) if t + k < T) for t in begins
        ]
        torch.testing.assert_close(model(x), torch.stack(answers).relu().amax(dim=0))

    def test_they_have_the_same_weights_but_for_the_filters(self):
        names = ("max_pool", "late_pool", "slow_pool", "local_pool")
        shapes = {tuple(p.shape for p in made(name).parameters()) for name in names}
        assert len(shapes) == 1

    @pytest.mark.parametrize(
        ("T", "begins"),
        [(1, [0]), (3, [0]), (4, [0]), (5, [0, 2]), (8, [0, 2, 4]), (16, range(0, 13, 2))],
    )
    def test_windows_leave_no_frame_out(self, T, begins):
        spans = pooled.windows(T, 4, 2)
        assert [span.start for span in spans] == list(begins)
        assert {t for span in spans for t in range(T)[span]} == set(range(T))


def test_the_five_layer_lstm_is_five_layers_in_turn():
    model, x = made("lstm5", projection_size=8, hidden_size=5), essences().double()
    below = model.projection(x)
    for number in range(5):
        layer = nn.LSTM(below.shape[2], 5, batch_first=True, dtype=torch.float64)
        layer.load_state_dict(
            {
                f"{kind}_l0": getattr(model.recurrence, f"{kind}_l{number}")
                for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            }
        )
        below, _ = layer(below)
    torch.testing.assert_close(model(x), below[:, -1])


@pytest.mark.parametrize("gap", [None, 1, 3, 5])
def test_relations_are_a_double_loop(gap):
    model, x = made("trn", projection_size=8, gap=gap), essences().double()
    p = model.projection(x)
    answers = [
        model.relation(torch.cat([p[:, i], p[:, j]], dim=1))
        for i in range(6)
        for j in range(i + 1, 6)
        if gap in (None, j - i)
    ]
    torch.testing.assert_close(model(x), sum(answers) / len(answers))


def test_a_frame_alone_is_related_to_itself():
    model, x = made("trn"), essences(T=1).double()
    torch.testing.assert_close(model(x), model(x.repeat(1, 2, 1)))


@given(st.integers(1, 7), st.integers(1, 9), st.integers(1, 9))
def test_a_shift_is_a_loop(T, P, step):
    x, part = essences(B=2, T=T, D=P), P // 4
    expected = x.clone()
    for t in range(T):
        expected[:, t, :part] = x[:, t - step, :part] if t >= step else 0
        moved = x[:, t + step, part : 2 * part] if t + step < T else 0
        expected[:, t, part : 2 * part] = moved
    assert torch.equal(shift(x, step), expected)


def test_the_shift_of_the_docstring():
    two = torch.tensor([[1, 2, 3, 4], [1, 2, 3, 4]])[None]
    assert shift(two).tolist() == [[[0, 2, 3, 4], [1, 0, 3, 4]]]


def test_two_frames_do_not_see_the_others():
    model, x = made("two_frames"), essences().double()
    assert torch.equal(model(x), model(x[:, [0, -1]]))
    noise = torch.cat([x[:, :1], essences(seed=1).double(), x[:, -1:]], dim=1)
    assert torch.equal(model(x), model(noise))


def exchanged(rows, quarter):
    """The numbers of some channels with the first two quarters exchanged."""
    numbers = torch.arange(rows)
    return torch.cat([numbers[quarter : 2 * quarter], numbers[:quarter], numbers[2 * quarter :]])


def mirror(name, weights):
    """The weights of the model that sees in a clip what another sees in its reverse."""
    if name == "conv_pool":
        weights["convolution.weight"] = weights["convolution.weight"].flip(2)
    elif name == "trn":
        weights["relation.0.weight"] = weights["relation.0.weight"].roll(8, 1)
    elif name == "tsm":
        order = exchanged(8, 2)
        for key in ("projection.0.weight", "projection.0.bias"):
            weights[key] = weights[key][order]
        weights["mix.0.weight"] = weights["mix.0.weight"][:, order]
    elif name == "time_domain_pool":
        weights["convolution.weight"] = weights["convolution.weight"].flip(2)
    elif name == "two_frames":
        weights["layers.0.weight"] = weights["layers.0.weight"].roll(32, 1)
    return weights


@pytest.mark.parametrize(
    "name", ["mean", "conv_pool", "slow_pool", "time_domain_pool", "trn", "tsm", "two_frames"]
)
def test_a_mirrored_model_says_of_a_reversed_clip_what_the_model_says_of_the_clip(name):
    options = {} if name in ("mean", "two_frames") else {"projection_size": 8}
    model, twin, x = made(name, **options), made(name, **options), essences().double()
    twin.load_state_dict(mirror(name, model.state_dict()))
    torch.testing.assert_close(twin(x.flip(1)), model(x))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("trn", {"gap": 0}, r"gap \(0\) must be at least 1"),
        ("tsm", {"step": 0}, r"step \(0\) must be at least 1"),
        ("slow_pool", {"window": 2, "stride": 3}, r"stride \(3\) must be .* at most window \(2\)"),
        ("time_domain_pool", {"stride": 0}, r"stride \(0\) must be at least 1"),
        ("local_pool", {"num_windows": 0}, r"num_windows \(0\) must be at least 1"),
        ("attentive_probe", {"num_heads": 3}, r"projection_size \(256\) must be a multiple of"),
        ("two_frames", {"frames": ()}, r"frames \(\(\)\) must name at least one"),
    ],
)
def test_what_makes_no_sense_is_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        AGGREGATORS[name](32, **options)


def test_clips_that_are_too_short_are_refused():
    with pytest.raises(ValueError, match=r"gap \(6\) must be below the number of frames \(6\)"):
        made("trn", gap=6)(essences().double())
    with pytest.raises(ValueError, match=r"frames \(6\) must be numbers of the 6 frames"):
        made("two_frames", frames=(0, 6))(essences().double())


def test_a_subclass_says_how_its_frames_meet():
    with pytest.raises(NotImplementedError, match="Projected must say"):
        Projected(32)(essences())
