"""Two streams: apart, joined, fused; and a first layer from an image network."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from quest82 import learning
from quest82.data import motions
from quest82.learning.evaluation import judge
from quest82.learning.score_fusion import ScoreSVM, average_scores
from quest82.systems import classifier
from quest82.systems.costs import costs
from quest82.systems.fused_streams import FusedStreams
from quest82.systems.parts.blocks import Stages2d
from quest82.systems.parts.cross_modality import across_colours, for_channels
from quest82.systems.parts.stream_fusions import FUSIONS, Bilinear, Convolution
from quest82.systems.trained_apart import joined
from quest82.systems.two_stream import TwoStream, streams_of

SMALL = {"num_frames": 4, "widths": [4, 6]}


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def two_maps():
    return draw(3, 4, 5, 2), draw(3, 4, 5, 2, seed=1)


def warm(model, *shape):
    """With statistics that are not those of a fresh network."""
    with torch.no_grad():
        model.train()(draw(*shape, seed=5))
    return model.eval()


def test_streams_are_the_channels_or_the_differences():
    clips = draw(2, 4, 5, 3, 3)
    frames, motion = streams_of(clips, 2)
    assert torch.equal(frames, clips[:, :, :3])
    assert torch.equal(motion, clips[:, :3, 3:])
    frames, motion = streams_of(clips, 0)
    assert torch.equal(frames[:, :3] + motion, frames[:, :3] + (clips[:, 1:] - clips[:, :3]))
    assert not streams_of(clips[:, [1, 1, 1]], 0).motion.any()


def test_what_the_last_frame_has_for_flow_is_not_read():
    model = warm(classifier.build("two_stream", 5, 3, dtype=torch.float64, **SMALL), 6, 4, 5, 8, 8)
    clips = draw(2, 4, 5, 8, 8)
    other = clips.clone()
    other[:, -1, 3:] = 7.0
    assert torch.equal(model(clips), model(other))


def test_networks_trained_apart_become_one_whose_logits_are_their_mean():
    widths = {"widths": [4, 6], "dtype": torch.float64}
    spatial = warm(classifier.build("single_frame", 3, 5, seed=1, **widths), 6, 4, 3, 8, 8)
    temporal = classifier.build("early_fusion", 2, 5, seed=2, num_frames=3, **widths)
    temporal = warm(temporal, 6, 3, 2, 8, 8)
    model, clips = joined(spatial, temporal), draw(3, 4, 5, 8, 8)
    apart = spatial(clips[:, :, :3]) + temporal(clips[:, :3, 3:])
    torch.testing.assert_close(model(clips), apart / 2, atol=1e-13, rtol=0)
    assert isinstance(model.aggregator, TwoStream)
    wide = classifier.build("single_frame", 3, 5, widths=[4, 8])
    few = classifier.build("single_frame", 3, 4, **widths)
    for first, second, what in ((wide, temporal, "widths"), (few, temporal, "classes")):
        with pytest.raises(ValueError, match=what):
            joined(first, second)
    with pytest.raises(ValueError, match="EarlyFusion"):
        joined(spatial, spatial)


class TestFusions:
    """Each against a formula of its own."""

    def test_position_by_position(self):
        a, b = two_maps()
        assert FUSIONS.keys() == {"sum", "max", "concatenation", "convolution", "bilinear"}
        places = itertools.product(range(3), range(4), range(5), range(2))
        added, larger = (FUSIONS[name](4)(a, b) for name in ("sum", "max"))
        for place in places:
            assert added[place] == a[place].item() + b[place].item()
            assert larger[place] == max(a[place].item(), b[place].item())

    def test_concatenation_keeps_both(self):
        a, b = two_maps()
        fuse = FUSIONS["concatenation"](4)
        assert fuse.out_channels == 8
        assert all(torch.equal(x, y) for x, y in zip((a, b), fuse(a, b).split(4, 1), strict=True))

    def test_convolution_is_a_matrix_at_each_position(self):
        a, b = two_maps()
        fuse = Convolution(4).double()
        first, second = fuse.mixed.weight[:, :, 0, 0].split(4, dim=1)
        expected = torch.einsum("fd,ndhw->nfhw", first, a) + torch.einsum(
            "fd,ndhw->nfhw", second, b
        )
        torch.testing.assert_close(fuse(a, b), expected + fuse.mixed.bias[:, None, None])

    def test_sum_is_one_of_the_convolutions(self):
        a, b = two_maps()
        fuse, one = Convolution(4).double(), torch.eye(4, dtype=torch.float64)
        with torch.no_grad():
            fuse.mixed.weight.copy_(torch.cat([one, one], dim=1)[..., None, None])
            fuse.mixed.bias.zero_()
        torch.testing.assert_close(fuse(a, b), a + b)

    def test_bilinear_is_the_mean_of_outer_products(self):
        a, b = two_maps()
        expected = torch.einsum("nihw,njhw->nij", a, b) / 10
        fused = Bilinear(4)(a, b)
        assert fused.shape == (3, 16, 1, 1)
        torch.testing.assert_close(fused.view(3, 4, 4), expected)


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("after", [1, 2])
def test_parameters_of_fused_streams_are_those_on_paper(fusion, after):
    widths, D = [4, 6], [4, 6][after - 1]
    system = FusedStreams(5, num_frames=4, widths=widths, fusion=fusion, after=after)

    def stage(ins, outs):
        return 9 * ins * outs + 2 * outs

    apart = stage(3, 4) + stage(6, 4) + (2 * stage(4, 6) if after == 2 else 0)
    own = 2 * D * D + D if fusion == "convolution" else 0
    wide = 2 * D if fusion == "concatenation" else D
    together = stage(wide, 6) if after == 1 and fusion != "bilinear" else 0
    found = costs(classifier.Classifier(system, 2), (4, 5, 8, 8)).parameters
    assert found == apart + own + together + 2 * system.out_features + 2
    assert system(torch.rand(2, 4, 5, 8, 8)).shape == (2, system.out_features)


def test_concatenated_at_the_end_is_the_two_streams_side_by_side():
    fused = FusedStreams(5, fusion="concatenation", after=2, **SMALL).double()
    apart = TwoStream(5, **SMALL).double()
    apart.images.load_state_dict(fused.images.state_dict())
    apart.motion.load_state_dict(fused.motion.state_dict())
    clips = draw(2, 4, 5, 8, 8)
    torch.testing.assert_close(fused.eval()(clips), apart.eval()(clips))


@pytest.mark.parametrize("fusion", FUSIONS)
def test_pooling_over_time_takes_the_most_of_what_each_step_gives(fusion):
    options = {"num_frames": 4, "widths": [4, 6], "after": 1, "fusion": fusion, "over_time": True}
    system = warm(FusedStreams(5, **options).double(), 6, 4, 5, 8, 8)
    clips, steps = draw(2, 4, 5, 8, 8), []
    for t in range(3):
        maps = system.fuse(system.images(clips[:, t, :3]), system.motion(clips[:, t, 3:]))
        steps.append(F.adaptive_max_pool2d(system.together(maps), 1).flatten(1))
    torch.testing.assert_close(system(clips), torch.stack(steps).amax(dim=0))
    order = [2, 0, 1, 3]
    torch.testing.assert_close(system(clips[:, order]), system(clips))


@pytest.mark.parametrize(
    ("options", "what"),
    [({"fusion": "hope"}, "fusion"), ({"after": 3}, "after"), ({"after": 0}, "after"),
     ({"num_frames": 1}, "num_frames"), ({"flow_channels": 5}, "in_features")],
)  # fmt: skip
def test_what_cannot_be_fused_is_refused(options, what):
    with pytest.raises(ValueError, match=what):
        FusedStreams(5, **{**SMALL, **options})
    with pytest.raises(ValueError, match="num_frames"):
        FusedStreams(5, **SMALL)(torch.rand(1, 5, 5, 8, 8))


class TestFirstLayerFromImages:
    """The mean over the colours, repeated."""

    def test_a_constant_stack_is_answered_as_the_grey_image_scaled(self):
        images = torch.nn.Conv2d(3, 4, 3, padding=1, bias=False).double()
        stack = for_channels(images, 14)
        grey = draw(2, 1, 6, 6)
        answer = stack(grey.expand(-1, 14, -1, -1))
        torch.testing.assert_close(answer, 14 / 3 * images(grey.expand(-1, 3, -1, -1)))

    def test_batch_normalisation_takes_the_scale_out(self):
        images = Stages2d(3, [4, 5]).double().train()
        stack = for_channels(images, 14).train()
        grey = draw(4, 1, 8, 8)
        ours, theirs = stack(grey.expand(-1, 14, -1, -1)), images(grey.expand(-1, 3, -1, -1))
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)

    def test_filters_and_the_rest(self):
        images = Stages2d(3, [4, 5])
        stack = for_channels(images, 6)
        weight = images[0][0].weight
        for channel in range(6):
            torch.testing.assert_close(stack[0][0].weight[:, channel], weight.mean(dim=1))
        assert torch.equal(stack[1][0].weight, images[1][0].weight)
        assert images[0][0].in_channels == 3
        assert stack[1][0].weight.data_ptr() != images[1][0].weight.data_ptr()
        assert across_colours(weight, 2).shape == (4, 2, 3, 3)
        with_bias = for_channels(torch.nn.Conv2d(3, 2, 3), 4)
        assert with_bias(torch.zeros(1, 4, 3, 3)).flatten().tolist() == with_bias.bias.tolist()

    def test_without_such_a_layer_it_is_refused(self):
        for network in (torch.nn.Linear(2, 2), torch.nn.Conv2d(4, 4, 3, groups=2)):
            with pytest.raises(ValueError, match="convolution"):
                for_channels(network, 4)


class TestScores:
    """Late fusion of scores."""

    def scores(self, N=60, K=3):
        """One network knows the first class from the rest, the other the other two apart."""
        labels = torch.arange(N) % K
        first, second = 0.3 * draw(N, K), 0.3 * draw(N, K, seed=1)
        first[labels == 0, 0] += 3
        first[labels == 1, 2] += 1  # and confuses these
        first[labels == 2, 1] += 1
        second[labels == 1, 1] += 3
        second[labels == 2, 2] += 3
        return [first, second], labels

    def test_the_average_is_that_of_probabilities(self):
        logits, _ = self.scores()
        by_hand = [x.exp() / x.exp().sum(dim=1, keepdim=True) for x in logits]
        torch.testing.assert_close(average_scores(logits), (by_hand[0] + by_hand[1]) / 2)

    def test_an_svm_learns_whom_to_believe(self):
        logits, labels = self.scores()
        svm = ScoreSVM().fit(logits, labels)
        right = judge(svm(logits), labels).top1
        assert right > max(judge(x, labels).top1 for x in logits)
        assert right == 1.0

    def test_two_classes_have_two_scores(self):
        logits, labels = [draw(20, 2)], torch.arange(20) % 2
        scores = ScoreSVM().fit(logits, labels)(logits)
        assert torch.equal(scores[:, 0], -scores[:, 1])

    def test_what_does_not_match_is_refused(self):
        for logits in ([], [draw(2, 3), draw(2, 4)]):
            with pytest.raises(ValueError, match="logits"):
                average_scores(logits)
        with pytest.raises(ValueError, match="1 has none"):
            ScoreSVM().fit([draw(2, 3)], torch.tensor([0, 2]))


def test_the_temporal_stream_tells_directions_and_the_spatial_one_does_not():
    sets = [
        make(n, kinds=["across", "upright"], size=16, seed=seed).reversed_pairs(motions.REVERSED)
        for make in (motions.clips, motions.flows)
        for n, seed in ((10, 0), (10, 1))
    ]
    config, right = learning.TrainConfig(epochs=10, learning_rate=3e-3), {}
    for name, (train, test) in {"single_frame": sets[:2], "early_fusion": sets[2:]}.items():
        options = {"num_frames": 7} if name == "early_fusion" else {}
        model = classifier.build(name, train.num_features, 4, widths=[8, 16], **options)
        learning.fit(model, train, config)
        logits, rows = learning.evaluate(model, test).logits, torch.arange(len(test))
        right[name] = (logits[rows, test.labels] > logits[rows, test.labels ^ 1]).double().mean()
    assert right["early_fusion"] > 0.9
    assert abs(right["single_frame"] - 0.5) < 0.2
