"""SlowFast: published sizes, counted without memory; connections by hand; wheels it is for."""

import pytest
import torch

from quest82.data.wheels import TURNS, wheels
from quest82.systems.classifier import Classifier
from quest82.systems.costs import costs
from quest82.systems.parts.laterals import LATERALS
from quest82.systems.slowfast import PATHWAYS, SlowFast

SMALL = {"widths": [4, 8], "blocks": [1, 1], "alpha": 4, "beta": 0.5, "stem_size": 3}


def on_paper(**options):
    with torch.device("meta"):
        return Classifier(SlowFast(3, **options), 400)


def made(**options):
    torch.manual_seed(0)
    return SlowFast(3, **{**SMALL, **options}).double().eval()


def clips(T=8, seed=0):
    drawn = torch.Generator().manual_seed(seed)
    return torch.rand(2, T, 3, 16, 16, generator=drawn, dtype=torch.float64)


# Table 5a of the paper and the zoo of pytorchvideo: R50, 256 x 256, million weights (None: not
# published) and billion multiply-adds, as they round them. Of time_to_channel the paper has 39.8,
# and this network 39.9.
@pytest.mark.parametrize(
    ("options", "weights", "work"),
    [
        ({}, None, 36.1),
        ({"alpha": 4, "lateral_kernel": 7}, 34.57, 65.7),
        ({"pathways": "slow"}, 32.45, 27.3),
        ({"lateral": "sampling"}, None, 34.9),
    ],
)
def test_the_full_networks_cost_what_is_published(options, weights, work):
    found = costs(on_paper(**options), (32, 3, 256, 256))
    assert round(found.multiply_adds / 1e9, 1) == work
    assert weights is None or round(found.parameters / 1e6, 2) == weights


def test_shapes_are_those_of_the_papers_table_1():
    network = on_paper().aggregator
    made = network.volumes(torch.empty(1, 32, 3, 224, 224, device="meta"))
    sides = (56, 56, 28, 14, 7)
    slow = [(1, c, 4, s, s) for c, s in zip((64, 256, 512, 1024, 2048), sides, strict=True)]
    fast = [(1, c, 32, s, s) for c, s in zip((8, 32, 64, 128, 256), sides, strict=True)]
    assert [tuple(v.shape) for v in made["slow"]] == slow
    assert [tuple(v.shape) for v in made["fast"]] == fast
    assert network.out_features == 2304


def test_the_fast_pathway_is_a_fifth_of_the_work():
    fast = costs(on_paper(pathways="fast"), (32, 3, 256, 256)).multiply_adds
    assert 0.15 < fast / 36.1e9 < 0.2


@torch.no_grad()
def test_connections_by_hand():
    x = torch.rand(2, 3, 8, 2, 2, dtype=torch.float64)  # (B, C, alpha T, H, W)
    packed = LATERALS["time_to_channel"](3, 4, 5)(x)
    sampled = LATERALS["sampling"](3, 4, 5)(x)
    assert packed.shape == (2, 12, 2, 2, 2)
    assert sampled.shape == (2, 3, 2, 2, 2)
    for t in range(2):
        assert torch.equal(sampled[:, :, t], x[:, :, 4 * t])
        for c in range(3):
            for step in range(4):
                assert torch.equal(packed[:, 4 * c + step, t], x[:, c, 4 * t + step])
    convolved = LATERALS["strided_convolution"](3, 4, 5).double().eval()(x)
    layer = LATERALS["strided_convolution"](3, 4, 5).double().eval()
    weight, padded = layer[0].weight[..., 0, 0], torch.nn.functional.pad(x, (0, 0, 0, 0, 2, 2))
    by_hand = torch.stack(
        [torch.einsum("fck,bckhw->bfhw", weight, padded[:, :, s : s + 5]) for s in (0, 4)], dim=2
    )
    torch.testing.assert_close(layer(x), (by_hand / (1 + layer[1].eps) ** 0.5).relu())
    assert convolved.shape == (2, 6, 2, 2, 2)


class TestPathways:
    @torch.no_grad()
    def test_slow_alone_sees_every_alphath_frame_and_no_other(self):
        x = clips()
        y = torch.where((torch.arange(8) % 4 == 0)[:, None, None, None], x, 1 - x)
        assert torch.equal(made(pathways="slow")(x), made(pathways="slow")(y))
        for pathways in ("both", "fast"):
            assert (made(pathways=pathways)(x) - made(pathways=pathways)(y)).abs().max() > 1e-6

    @torch.no_grad()
    def test_without_connections_both_are_one_beside_the_other(self):
        both = made(lateral="none")
        alone = {name: made(pathways=name) for name in ("slow", "fast")}
        for name, network in alone.items():
            network.pathways[name].load_state_dict(both.pathways[name].state_dict())
        beside = torch.cat([alone["slow"](clips()), alone["fast"](clips())], dim=1)
        torch.testing.assert_close(both(clips()), beside)

    @pytest.mark.parametrize("lateral", [*LATERALS, "none"])
    def test_only_connections_lead_from_fast_to_slow(self, lateral):
        x = clips().requires_grad_()
        made(lateral=lateral).volumes(x)["slow"][-1].sum().backward()
        reached = x.grad.abs().amax(dim=(0, 2, 3, 4)) > 0
        assert reached[[0, 4]].all()
        assert reached[[1, 2, 3, 5, 6, 7]].all() == (lateral != "none")

    @torch.no_grad()
    def test_frames_that_are_no_multiple_of_alpha(self):
        assert made()(clips(T=7)).shape == (2, 48)
        with pytest.raises(ValueError, match=r"clips have 7 frames, but time_to_channel packs 4"):
            made(lateral="time_to_channel")(clips(T=7))

    def test_widths(self):
        for pathways, width in (("both", 48), ("slow", 32), ("fast", 16)):
            assert made(pathways=pathways).out_features == width
            assert [*made(pathways=pathways).pathways] == [*PATHWAYS[pathways]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lateral": "sum"}, r"lateral \('sum'\) must be one of strided_convolution"),
        ({"pathways": "none"}, r"pathways \('none'\) must be one of both, slow, fast"),
        ({"beta": 0.1}, r"beta \(0.1\) leaves no channel of 4 \(widths\)"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        made(**options)


class TestWheels:
    def test_every_fourth_frame_of_both_turns_is_the_same(self):
        data = wheels(3, num_textures=2, size=16)
        one, other = data.tensors[0::2], data.tensors[1::2]
        assert data.classes == tuple(f"wall {k}, {turn}" for k in (0, 1) for turn in TURNS)
        assert torch.equal(one[:, ::4], other[:, ::4])
        assert torch.equal(one[:, ::4], one[:, :1].expand(-1, 4, -1, -1, -1))
        assert (one[:, 1::4] != other[:, 1::4]).any(dim=(2, 3, 4)).all()

    def test_so_the_slow_pathway_is_blind_to_it_and_a_slower_wheel_is_not_hidden(self):
        torch.manual_seed(0)
        network = SlowFast(3, **SMALL, pathways="slow").eval()
        for speed, hidden in ((0.25, True), (0.0625, False)):
            data = wheels(1, num_textures=2, size=16, speed=speed)
            with torch.no_grad():
                found = network(data.tensors.float() / 255)
            assert torch.equal(found[0::2], found[1::2]) == hidden

    def test_a_wall_is_behind_the_wheel_in_every_frame(self):
        data = wheels(2, num_textures=4, size=16)
        edge = data.tensors[..., 0, :]
        assert torch.equal(edge, edge[:, :1].expand_as(edge))
        assert len(torch.unique(edge[:, 0, 0].long(), dim=0)) == 8  # objects x walls

    def test_arguments(self):
        with pytest.raises(ValueError, match=r"speed \(0.3\) must be a multiple of 1 / 64"):
            wheels(1, speed=0.3)
        with pytest.raises(ValueError, match=r"num_objects \(0\) must be at least 1"):
            wheels(0)
