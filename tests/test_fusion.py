"""When frames meet: each way equals what its paper describes, computed in another way."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as TF

from quest82.systems.costs import costs
from quest82.systems.fovea import FoveaContext
from quest82.systems.fusion import EarlyFusion, LateFusion, SingleFrame
from quest82.systems.parts.karpathy import PaperImages
from quest82.systems.slow_fusion import SlowFusion, frames_covered, windows
from quest82.systems.tsn import TSN


def clips(B=2, T=8, C=3, S=16, seed=0):
    return torch.rand(B, T, C, S, S, generator=torch.Generator().manual_seed(seed)).double()


def made(system, *args, **options):
    """In double precision, with statistics of batch norm that are not those of a fresh network."""
    torch.manual_seed(0)
    model = system(*args, **options).double()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 2.0)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return model.eval()


def as_volume(stage, moments, x, stride):
    """A stage of an image network as a 3D convolution over (B, C, T, H, W), without padding in
    time, and all that follows."""
    convolution, norm = stage[0], stage[1]
    kernel = convolution.weight.unflatten(1, (moments, -1)).movedim(1, 2)  # (F, C, k, 3, 3)
    y = F.conv3d(x, kernel, stride=(stride, 1, 1), padding=(0, 1, 1))
    statistics = norm.running_mean, norm.running_var, norm.weight, norm.bias
    y = F.batch_norm(y, *statistics, eps=norm.eps).relu()
    return F.max_pool3d(y, (1, 2, 2))


def test_early_fusion_is_a_3d_convolution_as_long_as_the_clip():
    model, x = made(EarlyFusion, 3, num_frames=8, widths=[6, 5]), clips()
    y = as_volume(model.images[0], 8, x.movedim(1, 2), 1)
    assert y.shape[2] == 1
    torch.testing.assert_close(model(x), model.images[1](y[:, :, 0]).amax(dim=(2, 3)))


@pytest.mark.parametrize(
    ("extents", "strides", "T"), [([4, 2, 2], [2, 2, 2], 10), ([4, 2, 2], [2, 1, 1], 8)]
)
def test_slow_fusion_is_3d_convolutions_without_padding_in_time(extents, strides, T):
    model = made(SlowFusion, 3, extents=extents, strides=strides, widths=[6, 5, 4, 7])
    assert model.num_frames == T == frames_covered(extents, strides)
    x = clips(T=T)
    y, moments = x.movedim(1, 2), []
    for (stage,), extent, stride in zip(model.fusing, extents, strides, strict=True):
        y = as_volume(stage, extent, y, stride)
        moments.append(y.shape[2])
    assert moments == ([4, 2, 1] if T == 10 else [3, 2, 1])
    torch.testing.assert_close(model(x), model.images(y[:, :, 0]).amax(dim=(2, 3)))


def test_slow_fusion_is_one_early_fusion_slid_along_the_clip():
    """The way the paper tells it, by loops, with the windows cut out by hand."""
    model, x = made(SlowFusion, 3, extents=[4, 2, 2], widths=[6, 5, 4]), clips(T=10)
    four = [model.fusing[0](x[:, t : t + 4].flatten(1, 2)) for t in (0, 2, 4, 6)]
    two = [model.fusing[1](torch.cat(pair, dim=1)) for pair in (four[:2], four[2:])]
    one = model.fusing[2](torch.cat(two, dim=1))
    torch.testing.assert_close(model(x), one.amax(dim=(2, 3)))


def test_what_slow_fusion_sees_grows_from_layer_to_layer():
    model, x = made(SlowFusion, 3, extents=[4, 2, 2], widths=[4, 4, 4]), clips(T=10)
    x.requires_grad_()
    seen, y = [], x
    for stage, extent in zip(model.fusing, (4, 2, 2), strict=True):
        y = windows(y, extent, 2)
        y = stage(y.flatten(0, 1)).unflatten(0, y.shape[:2])
        (gradient,) = torch.autograd.grad(y[:, 0].sum(), x, retain_graph=True)
        seen.append(int((gradient.abs().sum(dim=(0, 2, 3, 4)) > 0).sum()))
    assert seen == [4, 6, 10]


def test_late_fusion_is_one_network_on_each_frame():
    model = made(LateFusion, 3, frames=[1, -2], grid=2, hidden_size=9, widths=[6, 5])
    x = clips()
    maps = [model.images(x[:, t]) for t in (1, 6)]  # (B, 5, 4, 4)
    cells = [F.max_pool2d(m, 2).flatten(1) for m in maps]
    first, second = model.joined[0], model.joined[2]
    joined = F.linear(torch.cat(cells, dim=1), first.weight, first.bias).relu()
    torch.testing.assert_close(model(x), F.linear(joined, second.weight, second.bias).relu())


def test_late_fusion_without_places_cannot_tell_where_a_thing_is():
    """A bright pixel goes by as much as the poolings make one of, far from the edges."""
    x = torch.zeros(2, 2, 3, 32, 32, dtype=torch.float64)
    x[0, 0, :, 12, 12] = x[0, 1, :, 12, 16] = 1  # from left to right
    x[1, 0, :, 12, 16] = x[1, 1, :, 12, 12] = 1  # from right to left
    answers = {
        grid: made(LateFusion, 3, grid=grid, hidden_size=9, widths=[6, 5])(x) for grid in (1, 4)
    }
    torch.testing.assert_close(answers[1][0], answers[1][1])
    assert (answers[4][0] - answers[4][1]).abs().max() > 1e-6


def test_an_average_of_frames_is_the_average_of_their_logits():
    model, head = made(TSN, 3, widths=[6, 5]), nn.Linear(5, 4).double()
    alone = made(SingleFrame, 3, widths=[6, 5])
    alone.load_state_dict(model.state_dict())
    x = clips()
    consensus = torch.stack([head(alone(x[:, t : t + 1])) for t in range(8)]).mean(dim=0)
    torch.testing.assert_close(head(model(x)), consensus)


@pytest.mark.parametrize(
    ("fusion", "network"),
    [
        ("single_frame", {"widths": [6, 5]}),
        ("tsn", {"widths": [6, 5]}),
        ("late_fusion", {"grid": 2, "hidden_size": 7, "widths": [6, 5]}),
        ("early_fusion", {"num_frames": 8, "widths": [6, 5]}),
        ("slow_fusion", {"extents": [4, 3], "strides": [2, 1], "widths": [6, 5]}),
    ],
)
def test_fovea_and_context_are_two_networks_on_two_clips(fusion, network):
    model, x = made(FoveaContext, 3, fusion=fusion, network=network, hidden_size=9), clips()
    flat = x.flatten(0, 1)
    middle = TF.center_crop(flat, [8, 8]).unflatten(0, (2, 8))
    # At exactly half the size, bilinear weights are those of the mean of 2 x 2 pixels.
    small = TF.resize(flat, [8, 8], InterpolationMode.BILINEAR, antialias=False)
    found = [model.fovea(middle), model.context(small.unflatten(0, (2, 8)))]
    expected = F.linear(torch.cat(found, dim=1), model.joined[0].weight, model.joined[0].bias)
    torch.testing.assert_close(model(x), expected.relu())
    assert not torch.equal(found[0], found[1])


def test_the_corners_reach_the_context_alone():
    model = made(FoveaContext, 3, network={"widths": [6, 5]}, hidden_size=9)
    changed = clips()
    changed[..., :4, :4] = 0
    for x in (clips(), changed):
        assert torch.equal(model.fovea(x[..., 4:12, 4:12]), model.fovea(clips()[..., 4:12, 4:12]))
    assert not torch.equal(model(changed), model(clips()))


def test_fovea_and_context_cost_half_of_one_network_on_all_pixels():
    options = {"num_frames": 8, "widths": [32, 64, 128]}
    sister = costs(EarlyFusion(3, **options), (8, 3, 32, 32))
    halves = FoveaContext(3, fusion="early_fusion", network=options, hidden_size=128)
    found = costs(halves, (8, 3, 32, 32))
    assert found.multiply_adds == sister.multiply_adds / 2 + 256 * 128
    assert found.parameters == 2 * sister.parameters + 256 * 128 + 128


class TestTheNetworkOfThePaper:
    @pytest.mark.parametrize(("side", "last_pool"), [(178, True), (170, True), (89, False)])
    def test_its_last_map_is_256_by_7_by_7(self, side, last_pool):
        with torch.device("meta"):
            images = PaperImages(last_pool=last_pool)
            assert images(torch.empty(1, 3, side, side)).shape == (1, 256, 7, 7)

    def test_its_weights_are_those_on_paper(self):
        with torch.device("meta"):
            alone, ten = PaperImages(), PaperImages(30)
        shapes = [tuple(p.shape) for p in alone.parameters() if p.ndim == 4]
        assert shapes == [
            (96, 3, 11, 11), (256, 96, 5, 5), (384, 256, 3, 3), (384, 384, 3, 3), (256, 384, 3, 3)
        ]  # fmt: skip
        more = sum(p.numel() for p in ten.parameters()) - sum(p.numel() for p in alone.parameters())
        assert more == 96 * 27 * 11 * 11

    def test_its_normalisation_is_that_of_the_formula(self):
        x = torch.rand(1, 12, 1, 1, dtype=torch.float64) * 100
        (norm,) = [m for m in PaperImages().modules() if isinstance(m, nn.LocalResponseNorm)][:1]
        for d in range(12):
            near = x[:, max(0, d - 2) : d + 3].square().sum()
            torch.testing.assert_close(norm(x)[0, d], x[0, d] / (2 + 1e-4 * near) ** 0.5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LateFusion(3, frames=[0, 9], grid=1)(clips().float()), r"frames \(9\)"),
        (lambda: LateFusion(3, grid=7)(clips().float()), r"grid \(7\) must be at most"),
        (lambda: EarlyFusion(3)(clips().float()), "made for 10"),
        (lambda: SlowFusion(3)(clips().float()), "made for 10"),
        (lambda: SlowFusion(3, extents=[4, 2], strides=[2]), "equally many"),
        (lambda: SlowFusion(3, extents=[2] * 4, strides=[1] * 4), "equally many"),
        (lambda: FoveaContext(3, fusion="twice"), r"fusion \('twice'\) must be one of"),
    ],
)
def test_errors_say_what_to_do(make, message):
    with pytest.raises(ValueError, match=message):
        make()
