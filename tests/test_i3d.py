"""Inflation: the network for images itself is the reference."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock, ResNet

from quest82.data import motions
from quest82.systems import classifier
from quest82.systems.i3d import I3D
from quest82.systems.parts.blocks import Stages2d
from quest82.systems.parts.inflation import InflatedConv, inflate


def settled(network, size, channels=3):
    """In double precision, with statistics that are not those of a fresh network."""
    network.double().train()
    with torch.no_grad():
        network(torch.rand(4, channels, size, size, dtype=torch.float64))
    return network.eval()


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    return settled(ResNet(BasicBlock, [1, 1, 1, 1], num_classes=5), 32)


@pytest.fixture(scope="module")
def mobilenet(extractor):
    return copy.deepcopy(extractor.features).double()


def image(size=32, channels=3, seed=0):
    drawn = torch.Generator().manual_seed(seed)
    return torch.rand(2, channels, size, size, generator=drawn, dtype=torch.float64)


def still(x, T=3):
    return x[:, :, None].expand(-1, -1, T, -1, -1)


def moving(T=4, size=32):
    return torch.stack([image(size, seed=t) for t in range(T)], dim=2)


class TestStillClips:
    """A clip of one frame over and over: what the network for images says of the frame."""

    @pytest.mark.parametrize("time_kernel", [1, 3, 5, None])
    def test_resnet(self, resnet, time_kernel):
        inflated = inflate(resnet, time_kernel=time_kernel)
        with torch.no_grad():
            torch.testing.assert_close(inflated(still(image())), resnet(image()), atol=1e-9, rtol=0)

    def test_mobilenet_in_every_frame(self, mobilenet):
        with torch.no_grad():
            maps, expected = inflate(mobilenet)(still(image())), mobilenet(image())
        assert maps.shape == (2, 1280, 3, 1, 1)
        torch.testing.assert_close(maps, still(expected), atol=1e-9, rtol=0)

    def test_with_strides_in_time(self, resnet, mobilenet):
        strided = inflate(resnet, time_strides={"layer2": 2, "layer4": 2})
        kept = inflate(mobilenet, time_strides={"0": 2, "4": 2})
        with torch.no_grad():
            torch.testing.assert_close(strided(still(image())), resnet(image()), atol=1e-9, rtol=0)
            maps = kept(still(image()))
            torch.testing.assert_close(maps, still(mobilenet(image()), 1), atol=1e-9, rtol=0)

    def test_zeros_in_time_break_it_from_the_ends_inwards(self):
        torch.manual_seed(0)
        network = settled(Stages2d(3, [4, 5]), 8)
        with torch.no_grad():
            maps = inflate(network, ends="zeros")(still(image(8), T=7))
            wrong = (maps - network(image(8))[:, :, None]).abs().amax(dim=(0, 1, 3, 4))
        assert (wrong > 1e-3).tolist() == [True, True, False, False, False, True, True]


class TestLayers:
    def test_a_kernel_is_repeated_and_divided(self):
        flat = nn.Conv2d(6, 4, 3, stride=2, padding=1, dilation=2, groups=2)
        deep = inflate(flat, time_kernel=5)
        assert deep.weight.shape == (4, 3, 5, 3, 3)
        for t in range(5):
            torch.testing.assert_close(deep.weight[:, :, t], flat.weight / 5)
        assert torch.equal(deep.bias, flat.bias)

    @pytest.mark.parametrize("ends", ["repeat", "zeros"])
    def test_a_convolution_is_a_sum_of_images_convolved(self, ends):
        torch.manual_seed(0)
        flat, clips = nn.Conv2d(3, 4, 3, padding=1).double(), moving(4, size=6)
        deep = inflate(flat, ends=ends)
        with torch.no_grad():
            deep.weight.normal_()
        for t in range(4):
            expected = flat.bias[:, None, None]
            for k in range(3):
                frame = clips[:, :, min(max(t + k - 1, 0), 3)]
                if ends == "repeat" or 0 <= t + k - 1 < 4:
                    expected = expected + F.conv2d(frame, deep.weight[:, :, k], padding=1)
            torch.testing.assert_close(deep(clips)[:, :, t], expected)

    def test_what_looks_around_in_space_does_so_in_time(self, mobilenet):
        kernels = [m.kernel_size for m in inflate(mobilenet).modules() if type(m) is InflatedConv]
        assert set(kernels) == {(3, 3, 3), (1, 1, 1)}
        assert kernels.count((3, 3, 3)) == 18

    def test_a_cube_has_as_many_frames_as_rows(self, resnet):
        deep = inflate(resnet, time_kernel=None)
        assert deep.conv1.kernel_size == (7, 7, 7)
        assert deep.layer1[0].conv1.kernel_size == (3, 3, 3)
        assert deep.layer2[0].downsample[0].kernel_size == (1, 1, 1)

    @pytest.mark.parametrize(
        "layer",
        [nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(2, ceil_mode=True), nn.AvgPool2d(3, 1, 1),
         nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d((1, 1)), nn.ReLU6(),
         nn.BatchNorm2d(3, affine=False).double(), nn.Hardswish()],
    )  # fmt: skip
    def test_other_layers_do_in_each_frame_what_they_did(self, layer):
        deep, clip = inflate(layer.eval())(still(image(9), T=2)), layer(image(9))
        torch.testing.assert_close(deep, still(clip, deep.shape[2]))

    def test_the_network_for_images_stays_as_it_was(self):
        network = settled(Stages2d(3, [4]), 8)
        before = {name: value.clone() for name, value in network.state_dict().items()}
        network[0][1].requires_grad_(False)
        deep = inflate(network)
        assert [p.requires_grad for p in deep.parameters()] == [True, False, False]
        with torch.no_grad():
            for tensor in deep.state_dict().values():
                tensor.zero_()
        deep.train()
        assert not network.training
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


class TestBlindAtBirth:
    def test_a_reversed_clip_gives_the_maps_reversed(self, mobilenet):
        deep, clips = inflate(mobilenet), moving()
        with torch.no_grad():
            maps, backwards = deep(clips), deep(clips.flip(2))
        torch.testing.assert_close(backwards, maps.flip(2), atol=1e-9, rtol=0)
        assert (maps - maps[:, :, :1]).abs().max() > 1e-3

    def test_and_the_same_answer(self, resnet):
        deep, clips = inflate(resnet), moving()
        with torch.no_grad():
            torch.testing.assert_close(deep(clips.flip(2)), deep(clips), atol=1e-9, rtol=0)
            assert (deep(clips[:, :, [1, 0, 2, 3]]) - deep(clips)).abs().max() > 1e-6

    def test_one_step_of_training_opens_its_eyes(self):
        model = classifier.build("i3d", 3, 2, head_dropout=0.0, dtype=torch.float64, widths=[4, 4])
        clips = torch.stack([moving(4, size=8)[0], moving(4, size=8)[0].flip(1)]).transpose(1, 2)
        at_birth = model(clips)
        torch.testing.assert_close(at_birth[0], at_birth[1])
        step = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(2):
            step.zero_grad()
            F.cross_entropy(model(clips), torch.tensor([0, 1])).backward()
            step.step()
        learned = model(clips)
        assert (learned[0] - learned[1]).abs().max() > 1e-6


def test_i3d_of_a_still_clip_is_its_images_on_the_frame():
    torch.manual_seed(3)
    flat = Stages2d(3, [4, 6]).eval()
    system = I3D(3, widths=[4, 6]).eval()
    system.images = inflate(flat).eval()
    frame = image(16).float()
    expected = flat(frame).flatten(2).max(dim=2).values
    torch.testing.assert_close(system(frame[:, None].expand(-1, 5, -1, -1, -1)), expected)


def test_two_streams_are_two_of_them_averaged():
    """Over frames and over their exact flow: channels of their own, and no weight shared."""
    scenes = list(motions.scenes(3, kinds=["across"]))
    frames = torch.stack([torch.as_tensor(motions.render(scene, 16)) for scene in scenes]) / 255
    flow = torch.stack([torch.as_tensor(motions.flow_of(scene, 16).flow) for scene in scenes])
    streams = [classifier.build("i3d", C, 2, widths=[4], seed=C).eval() for C in (3, 2)]
    with torch.no_grad():
        scores = [m(x).softmax(dim=1) for m, x in zip(streams, (frames, flow), strict=True)]
    both = torch.stack(scores).mean(dim=0)
    torch.testing.assert_close(both.sum(dim=1), torch.ones(3))
    assert (scores[0] - scores[1]).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time_kernel": 2}, r"time_kernel \(2\) must be odd"),
        ({"time_kernel": -1}, r"time_kernel \(-1\) must be odd"),
        ({"ends": "mirror"}, r"ends \('mirror'\) must be one of repeat, zeros"),
        ({"time_strides": {"7": 2}}, r"time_strides \('7'\) must name parts"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        inflate(nn.Sequential(nn.Conv2d(3, 4, 3)), **options)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), r"padding \(.*reflect\)"),
        (nn.Conv2d(3, 4, 3, padding="same"), r"padding \('same'"),
        (nn.AdaptiveAvgPool2d(7), "must pool the whole map"),
        (nn.UpsamplingNearest2d(2), "cannot be inflated"),
        (nn.ConvTranspose2d(3, 4, 3), "cannot be inflated"),
    ],
)
def test_layers_that_cannot_be_inflated_are_named(layer, message):
    with pytest.raises(ValueError, match=message):
        inflate(nn.Sequential(layer))
