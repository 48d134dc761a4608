"""Segments, their consensus, held statistics, and augmentation."""

import pytest
import torch
from torch import nn

from quest82 import learning
from quest82.data import motions
from quest82.frames.augmentation import CORNERS, Augmentation, Draw, Window
from quest82.frames.augmented_set import AugmentedSet
from quest82.systems.classifier import Classifier
from quest82.systems.consensus import CONSENSUS
from quest82.systems.parts.batch_norm import partial_batch_norm
from quest82.systems.parts.blocks import Stages2d
from quest82.systems.tsn import TSN, SegmentScores


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def frames_of(T=2, H=20, W=28, seed=0):
    return torch.randint(0, 256, (T, 3, H, W), dtype=torch.uint8, generator=generator(seed))


def made(consensus, T=4):
    torch.manual_seed(0)
    model = SegmentScores(3, 5, num_frames=T, consensus=consensus, widths=[4, 6]).double()
    if consensus == "weighted":
        with torch.no_grad():
            model.consensus.weights.copy_(torch.tensor([0.1, 0.4, 0.3, 0.2]))
    return model.eval()


class TestConsensus:
    """Of class scores (B, T, K)."""

    def test_formulas(self):
        scores, by_hand = draw(2, 4, 3), {}
        rows = [[[scores[b, t, k].item() for t in range(4)] for k in range(3)] for b in range(2)]
        by_hand["average"] = [[sum(v) / 4 for v in row] for row in rows]
        by_hand["maximum"] = [[max(v) for v in row] for row in rows]
        probabilities = scores.exp() / scores.exp().sum(dim=2, keepdim=True)
        by_hand["product"] = probabilities.prod(dim=1).log().tolist()
        by_hand["weighted"] = by_hand["average"]  # before it has learned
        for name, expected in by_hand.items():
            given = CONSENSUS[name](4, 3).double()(scores)
            torch.testing.assert_close(given, torch.tensor(expected, dtype=torch.float64))

    def test_an_lstm_reads_them_one_by_one(self):
        scores, consensus = draw(2, 4, 3), CONSENSUS["lstm"](4, 3).double()
        cell = nn.LSTMCell(3, consensus.hidden_size).double()
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        cell.load_state_dict({n: getattr(consensus.recurrence, f"{n}_l0") for n in names})
        state = None
        for t in range(4):
            state = cell(scores[:, t], state)
        torch.testing.assert_close(consensus(scores), consensus.verdict(state[0]))

    @pytest.mark.parametrize("name", CONSENSUS)
    def test_which_read_order(self, name):
        model, clips = made(name), draw(3, 4, 3, 8, 8)
        moved = (model(clips[:, [3, 1, 0, 2]]) - model(clips)).abs().amax(dim=1)
        if CONSENSUS[name].reads_order:
            assert moved.min() > 1e-6
        else:
            assert moved.max() < 1e-12
        scores = model.scores(clips)
        if name == "maximum":
            assert torch.equal(model.consensus(scores.flip(1)), model.consensus(scores))

    @pytest.mark.parametrize("name", CONSENSUS)
    def test_gradients_reach_every_frame_and_weight(self, name):
        model, clips = made(name), draw(3, 4, 3, 8, 8).requires_grad_()
        weights = torch.arange(1.0, 6.0, dtype=torch.float64)  # a sum of log-softmax is no test
        (model(clips) * weights).square().sum().backward()
        if name != "maximum":
            assert (clips.grad.abs().sum(dim=(2, 3, 4)) > 0).all()
        for path, parameter in model.named_parameters():
            assert parameter.grad is not None, path

    def test_the_mean_of_scores_is_the_score_of_the_mean(self):
        model, clips = made("average"), draw(3, 4, 3, 8, 8)
        same = Classifier(TSN(3, widths=[4, 6]), 5).double().eval()
        same.aggregator.load_state_dict(model.segments.state_dict())
        same.head.load_state_dict(model.head.state_dict())
        torch.testing.assert_close(same(clips), model(clips))

    def test_all_segments_share_their_weights(self):
        model, clips = made("average"), draw(3, 4, 3, 8, 8)
        each = [model.scores(clips[:, [t] * 4])[:, 0] for t in range(4)]
        torch.testing.assert_close(model.scores(clips), torch.stack(each, dim=1))
        one = sum(p.numel() for p in TSN(3, widths=[4, 6]).parameters()) + 5 * 6 + 5
        assert sum(p.numel() for p in model.parameters()) == one

    def test_what_does_not_fit_is_refused(self):
        with pytest.raises(ValueError, match="consensus"):
            SegmentScores(3, 5, consensus="dice")
        with pytest.raises(ValueError, match="num_frames"):
            made("weighted")(draw(1, 3, 3, 8, 8))


class TestPartialBatchNorm:
    """All statistics but the first stay."""

    def trained(self):
        network = Stages2d(3, [4, 5, 6]).double()
        network.train()(draw(6, 3, 16, 16))
        return network

    def test_only_the_first_goes_on_estimating(self):
        network = self.trained()
        before = {n: b.clone() for n, b in network.named_buffers()}
        weights = {n: p.clone() for n, p in network.named_parameters()}
        assert partial_batch_norm(network) is network
        network.eval().train()
        network(5 + draw(6, 3, 16, 16, seed=1)).square().sum().backward()
        after = dict(network.named_buffers())
        moved = {n for n in before if not torch.equal(before[n], after[n])}
        assert moved == {"0.1.running_mean", "0.1.running_var", "0.1.num_batches_tracked"}
        assert all(torch.equal(p, weights[n]) for n, p in network.named_parameters())
        assert all(p.grad is not None for p in network.parameters())

    def test_in_eval_mode_nothing_changes(self):
        network, images = self.trained().eval(), draw(2, 3, 16, 16, seed=2)
        before, names = network(images), list(network.state_dict())
        assert torch.equal(partial_batch_norm(network).eval()(images), before)
        assert list(network.state_dict()) == names

    @pytest.mark.parametrize("keep", [0, 2])
    def test_how_many_are_kept(self, keep):
        network = partial_batch_norm(self.trained(), keep=keep)
        network.train()
        assert [stage[1].training for stage in network] == [n < keep for n in range(3)]

    def test_without_any_it_is_refused(self):
        with pytest.raises(ValueError, match="batch normalisation"):
            partial_batch_norm(nn.Conv2d(1, 1, 1))
        with pytest.raises(ValueError, match="keep"):
            partial_batch_norm(self.trained(), keep=-1)


OFF = {
    "corners": False,
    "scales": (1.0,),
    "aspect": False,
    "jitter": 0,
    "degrees": 0,
    "flip": False,
}


class TestAugmentation:
    """One draw per clip, and a switch for each part."""

    def test_all_frames_of_a_clip_get_the_same(self):
        still = frames_of(1).expand(4, -1, -1, -1)
        for seed in range(10):
            out = Augmentation(12)(still, generator(seed))
            assert out.shape == (4, 3, 12, 12)
            assert out.dtype == torch.uint8
            assert (out == out[:1]).all()

    def test_it_repeats_with_the_generator_and_leaves_the_global_state(self):
        state = torch.get_rng_state()
        first, again, other = (Augmentation(12)(frames_of(), generator(s)) for s in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
        assert torch.equal(torch.get_rng_state(), state)

    def test_with_all_switched_off_a_square_is_left_as_it_is(self):
        square = frames_of(H=16, W=16)
        assert torch.equal(Augmentation(16, **OFF)(square, generator()), square)

    def test_a_window_is_at_a_corner_or_in_the_middle(self):
        augmentation, seen = Augmentation(224), set()
        for seed in range(200):
            window = augmentation.draw(256, 340, generator(seed)).window
            assert {window.height, window.width} <= {256, 224, 192, 168}  # as in the paper
            room = 256 - window.height, 340 - window.width
            place = [at for at in CORNERS if (round(at[0] * room[0]), round(at[1] * room[1]))
                     == (window.top, window.left)]  # fmt: skip
            assert place
            seen |= {(*place[:1], window.height, window.width)}
        assert {at for at, _, _ in seen} == set(CORNERS)
        assert {(h, w) for _, h, w in seen} == {
            (h, w) for h in (256, 224, 192, 168) for w in (256, 224, 192, 168)
        }

    def test_each_switch_takes_out_its_part(self):
        def drawn(**options):
            return [Augmentation(8, **options).draw(32, 32, generator(s)) for s in range(60)]

        assert {d.window[2:] for d in drawn(scales=(0.75,))} == {(24, 24)}
        assert all(d.window.height == d.window.width for d in drawn(aspect=False))
        assert any(d.window.height != d.window.width for d in drawn())
        anywhere = {d.window.left for d in drawn(scales=(0.5,), corners=False)}
        assert len(anywhere) > 10
        assert {d.window.left for d in drawn(scales=(0.5,))} == {0, 8, 16}
        assert {d.brightness for d in drawn(jitter=0)} == {1.0}
        assert {d.degrees for d in drawn(degrees=0)} == {0.0}
        assert {d.mirrored for d in drawn(flip=False)} == {False}
        assert {d.mirrored for d in drawn()} == {False, True}

    def test_the_other_parts_are_drawn_alike_whatever_is_off(self):
        full = Augmentation(8).draw(32, 32, generator(3))
        for switch, kept in ((("jitter", 0), "degrees"), (("degrees", 0), "contrast"),
                             (("aspect", False), "saturation")):  # fmt: skip
            other = Augmentation(8, **dict([switch])).draw(32, 32, generator(3))
            assert getattr(other, kept) == getattr(full, kept)

    def test_a_turn_is_clockwise_and_leaves_no_empty_corner(self):
        white = torch.full((1, 3, 32, 32), 255, dtype=torch.uint8)
        at = Draw(Window(0, 0, 32, 32), False, 1.0, 1.0, 1.0, 10.0)
        turned = Augmentation(32).apply(white, at)
        assert turned.min() >= 254
        top = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
        top[..., 2:6, 14:18] = 255  # a mark above the middle
        mass = Augmentation(32).apply(top, at)[0, 0].double()
        right = (mass * torch.arange(32)).sum() / mass.sum()
        assert right > 16.5

    def test_brightness_is_a_factor(self):
        grey = torch.full((2, 3, 8, 8), 100, dtype=torch.uint8)
        at = Draw(Window(0, 0, 8, 8), False, 1.2, 1.0, 1.0, 0.0)
        assert (Augmentation(8, degrees=0).apply(grey, at) == 120).all()

    @pytest.mark.parametrize(
        "options",
        [{"size": 0}, {"scales": ()}, {"scales": (1.2,)}, {"jitter": 1.0}, {"degrees": -1.0}],
    )
    def test_what_is_out_of_range_is_refused(self, options):
        with pytest.raises(ValueError, match=next(iter(options))):
            Augmentation(**{"size": 8, **options})
        with pytest.raises(ValueError, match="uint8"):
            Augmentation(8)(torch.zeros(2, 3, 8, 8), generator())


class TestAugmentedSet:
    """View 0 is the clip, every other one is drawn."""

    def clips(self):
        forwards = motions.clips(4, kinds=["across"], size=16)
        return AugmentedSet.of(forwards, Augmentation(16), views=5), forwards

    def test_views(self):
        clips, plain = self.clips()
        rows = torch.arange(3)
        first, other, again = clips.batches(
            (rows, None if v is None else torch.full((3,), v)) for v in (None, 2, 2)
        )
        assert torch.equal(first, plain.batch(rows))
        assert torch.equal(other, again)
        assert not torch.equal(other, first)
        assert (clips.num_views, clips.has_views) == (5, True)
        assert torch.equal(clips.subset([2]).view(0, 3), clips.view(2, 3))

    def test_a_model_is_fitted_to_views_and_judged_by_clips(self):
        clips, plain = self.clips()
        both = clips.reversed_pairs(motions.REVERSED)
        assert isinstance(both, AugmentedSet)
        model = Classifier(TSN(3, widths=[4]), 2)
        learning.fit(model, both, learning.TrainConfig(epochs=1))
        ours = learning.evaluate(model, both).logits
        theirs = learning.evaluate(model, plain.reversed_pairs(motions.REVERSED)).logits
        assert torch.equal(ours, theirs)

    def test_flow_cannot_be_augmented_as_frames(self):
        with pytest.raises(ValueError, match="uint8"):
            AugmentedSet.of(motions.flows(1, kinds=["turn"], size=16), Augmentation(16))
