"""One contract for every system that reads frames."""

import json
from pathlib import Path

import pytest
import torch

from quest82 import learning
from quest82.data import motions
from quest82.data.tensor_set import TensorSet
from quest82.frames.view import ViewSpec
from quest82.systems import classifier
from quest82.systems.costs import costs
from quest82.systems.registry import CHAPTERS, ON_FRAMES, SYSTEMS

# Those that a shuffled clip is no other clip to.
BLIND = {"tsn"}
# Those that have to learn to tell a clip from its reverse, though not from a shuffled one.
BLIND_AT_BIRTH = {"i3d"}
# Those in which a scale of zero keeps parts out until it has learned.
ASLEEP_AT_BIRTH = {"non_local"}
# The frames that a system looks at, where it is not all of them.
LOOKS_AT = {"single_frame": [4], "late_fusion": [2, 5]}
# Rate and epochs by which four clips are learned by heart, where large steps are too large.
BY_HEART = dict.fromkeys(("vivit", "vivit_factorised", "timesformer"), (5e-4, 60))


def clips(B=2, T=8, C=3, S=32, seed=0):
    return torch.rand(B, T, C, S, S, generator=torch.Generator().manual_seed(seed)).double()


def made(name, **options):
    """The small variant with weights that are always the same, in double precision."""
    options = {**ON_FRAMES[name].small, **options}
    model = classifier.build(name, 3, 4, dtype=torch.float64, **options)
    with torch.no_grad():  # running means that are not those of a fresh network
        model.train()(clips(4, seed=9))
    return model.eval()


@torch.no_grad()
def awaken(model):
    for parameter in model.parameters():
        if not parameter.any():
            parameter.fill_(0.5)


@pytest.mark.parametrize("name", ON_FRAMES)
class TestEverySystem:
    """(B, T, C, H, W) -> (B, out_features): each clip on its own, repeatable, all frames in."""

    def test_shapes(self, name):
        model = made(name)
        features = model.aggregator(clips(3))
        assert features.shape == (3, model.aggregator.out_features)
        assert model(clips(1)).shape == (1, 4)
        assert model.aggregator.in_features == 3

    def test_clips_do_not_mix_and_eval_is_repeatable(self, name):
        model, x = made(name), clips(3)
        torch.testing.assert_close(model(x)[1:2], model(x[1:2]))
        assert torch.equal(model(x), model(x))

    def test_gradients_reach_every_frame_and_weight(self, name):
        model, x = made(name), clips().requires_grad_()
        if name in ASLEEP_AT_BIRTH:
            awaken(model)
        model.aggregator(x).square().sum().backward()
        reached = x.grad.abs().sum(dim=(2, 3, 4)) > 0  # (B, T)
        looks = LOOKS_AT.get(name, slice(None))
        assert reached[:, looks].all()
        assert reached.sum() == len(x) * len(torch.arange(8)[looks])
        for path, parameter in model.aggregator.named_parameters():
            assert parameter.grad is not None, path
            assert parameter.grad.abs().sum() > 0, path

    def test_blind_to_order_or_not(self, name):
        model, x = made(name), clips()
        for order in ([7, 6, 5, 4, 3, 2, 1, 0], [2, 5, 0, 4, 1, 3, 7, 6]):
            moved = model(x[:, order]) - model(x)
            if name in BLIND or (name in BLIND_AT_BIRTH and order[0] == 7):
                torch.testing.assert_close(moved, torch.zeros_like(moved), atol=1e-9, rtol=0)
            else:
                assert moved.abs().amax(dim=1).min() > 1e-9

    def test_an_equal_one_is_made_from_its_file(self, name, tmp_path):
        model = made(name).float()
        options = model.aggregator.options
        assert json.loads(json.dumps(options)) == options
        assert ON_FRAMES[name].small.items() <= options.items()
        classifier.save(tmp_path / "model", model, classes=list("abcd"))
        loaded, settings = classifier.load(tmp_path / "model")
        assert settings["aggregator"] == name
        assert torch.equal(loaded(clips().float()), model(clips().float()))

    def test_it_learns_four_clips_by_heart(self, name):
        few = TensorSet(
            tensors=(255 * clips(4)).byte(), labels=[0, 1, 2, 3], groups=list("abcd"),
            clip_ids=list("abcd"), classes=list("abcd"),
        )  # fmt: skip
        small = ON_FRAMES[name].small
        model = classifier.build(name, 3, 4, head_dropout=0.0, **small)
        rate, epochs = BY_HEART.get(name, (3e-3, 25))
        config = learning.TrainConfig(epochs=epochs, batch_size=4, learning_rate=rate)
        history = learning.fit(model, few, config)
        assert min(history.train_loss) < 0.3 * history.train_loss[0]

    def test_it_says_where_it_comes_from(self, name):
        system = ON_FRAMES[name]
        assert any(year in system.source for year in map(str, range(1990, 2026)))
        ViewSpec(**system.view)

    def test_it_reads_feature_maps_where_it_says_so(self, name):
        options = ON_FRAMES[name].on_maps
        if options is not None:
            model = classifier.build(name, 64, 4, **options).eval()
            assert model(torch.rand(2, 8, 64, 4, 4)).shape == (2, 4)

    def test_its_costs_are_counted(self, name):
        model = made(name)
        found = costs(model, (8, 3, 32, 32))
        assert found.parameters == sum(p.numel() for p in model.parameters())
        assert found.multiply_adds > 0


def _with_the_slow_ones_marked(quick):
    return [n if n in quick else pytest.param(n, marks=pytest.mark.slow) for n in ON_FRAMES]


@pytest.mark.parametrize("name", _with_the_slow_ones_marked({"slow_fusion", "conv_lstm"}))
def test_onnx_answers_as_pytorch_does(name, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model, x, path = made(name).float(), clips().float(), tmp_path / "model.onnx"
    torch.onnx.export(model, (x,), path, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    torch.testing.assert_close(torch.from_numpy(logits), model(x).detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ON_FRAMES)
def test_every_system_has_its_chapter(name):
    path = Path(__file__).parents[1] / "book" / "systems" / f"{CHAPTERS[name]}.ipynb"
    assert name in path.read_text(encoding="utf-8")


def test_names_are_those_of_one_system():
    assert len(set(SYSTEMS.values())) == len(SYSTEMS)


def test_multiply_adds_are_those_on_paper():
    model = classifier.build("early_fusion", 3, 12, num_frames=8, widths=[32, 64])
    by_hand = 32 * 32 * 32 * 24 * 9 + 16 * 16 * 64 * 32 * 9 + 64 * 12
    assert costs(model, (8, 3, 32, 32)).multiply_adds == by_hand


def test_early_fusion_learns_directions_and_a_single_frame_does_not():
    kinds = ["across", "upright"]
    train = motions.clips(24, kinds=kinds, size=16).reversed_pairs(motions.REVERSED)
    test = motions.clips(20, kinds=kinds, size=16, seed=1).reversed_pairs(motions.REVERSED)
    config = learning.TrainConfig(epochs=12, learning_rate=3e-3)
    right = {}
    for name in ("early_fusion", "single_frame"):
        model = classifier.build(name, 3, 4, **ON_FRAMES[name].small)
        learning.fit(model, train, config)
        logits = learning.evaluate(model, test).logits
        rows = torch.arange(len(test))
        right[name] = (logits[rows, test.labels] > logits[rows, test.labels ^ 1]).double().mean()
    assert right["early_fusion"] > 0.85
    assert abs(right["single_frame"] - 0.5) < 0.2


def test_a_set_of_tensors_is_cut_and_played_as_essences_are():
    forwards = motions.clips(4, kinds=["turn"], size=8)
    assert forwards.num_frames == 8
    assert forwards.num_features == 3
    assert torch.equal(forwards.backwards().tensors, forwards.tensors.flip(1))
    assert torch.equal(forwards.frames(0, -1).tensors, forwards.tensors[:, [0, 7]])
    mixed = forwards.shuffled(torch.Generator().manual_seed(0)).tensors
    assert not torch.equal(mixed, forwards.tensors)
    assert torch.equal(mixed.sum(dim=1), forwards.tensors.sum(dim=1))
    middle = forwards.middle_frame().tensors[:, 0].double()
    exact = forwards.tensors[:, 3:5].double().mean(dim=1)
    assert (middle - exact).abs().max() <= 0.5
    batch = next(forwards.batches([(torch.tensor([2, 1]), None)]))
    torch.testing.assert_close(batch, forwards.tensors[[2, 1]].float() / 255)
    with pytest.raises(ValueError, match=r"\(N, T, C, H, W\)"):
        TensorSet(
            tensors=torch.zeros(1, 3, 8, 8), labels=[0], groups=["a"], clip_ids=["a"], classes=["a"]
        )
