"""R(2+1)D and its sisters: torchvision's networks with the same weights, and what factors cost."""

import pytest
import torch
from torch import nn
from torchvision.models import video
from torchvision.models.video import resnet

from quest82.systems.costs import costs
from quest82.systems.factorised import MC3, R3D, R2Plus1D
from quest82.systems.parts.factors import Space, Time, middle_width
from quest82.systems.parts.volume import as_volume

SISTERS = {
    R3D: (video.r3d_18, [resnet.Conv3DSimple] * 4, resnet.BasicStem),
    MC3: (
        video.mc3_18,
        [resnet.Conv3DSimple] + [resnet.Conv3DNoTemporal] * 3,
        resnet.BasicStem,
    ),
    R2Plus1D: (video.r2plus1d_18, [resnet.Conv2Plus1D] * 4, resnet.R2Plus1dStem),
}
each = pytest.mark.parametrize("kind", SISTERS, ids=lambda kind: kind.__name__)


def drawn(network, seed=0):
    """The network with statistics and scales that are not those of a fresh one."""
    generator = torch.Generator().manual_seed(seed)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm3d):
            for values in (layer.weight.data, layer.bias.data, layer.running_mean):
                values += 0.3 * torch.rand(values.shape, generator=generator)
    return network.eval()


@each
def test_the_answer_is_torchvisions_with_its_weights(kind):
    _, makers, stem = SISTERS[kind]
    torch.manual_seed(0)
    theirs = drawn(resnet.VideoResNet(resnet.BasicBlock, makers, [1, 1, 1, 1], stem))
    ours = kind(3, blocks=[1, 1, 1, 1]).eval()
    ours.network.load_state_dict(
        {name: w for name, w in theirs.state_dict().items() if not name.startswith("fc.")}
    )
    clips = torch.rand(1, 5, 3, 20, 12)
    theirs.fc = nn.Identity()
    with torch.no_grad():
        torch.testing.assert_close(ours(clips), theirs(clips.transpose(1, 2)), atol=1e-5, rtol=0)


@each
def test_the_full_network_has_torchvisions_weights(kind):
    with torch.device("meta"):
        ours, theirs = kind(3), SISTERS[kind][0]()
    shapes = {name: w.shape for name, w in theirs.state_dict().items() if name[:3] != "fc."}
    assert {name: w.shape for name, w in ours.network.state_dict().items()} == shapes
    theirs.fc = nn.Identity()
    clip = torch.empty(1, 3, 16, 112, 112, device="meta")
    assert ours(clip.transpose(1, 2)).shape == theirs(clip).shape == (1, 512)
    found = costs(ours, (16, 3, 112, 112)).multiply_adds
    published = {R3D: 40.7, MC3: 43.3, R2Plus1D: 40.5}[kind]  # torchvision's metadata, in 1e9
    assert round(found / 1e9, 1) == published


@pytest.mark.parametrize("stride", [1, 2])
def test_factors_are_3d_convolutions(stride):
    volume = as_volume(torch.rand(2, 5, 3, 7, 6).double())
    for layer in (Space(3, 4, d=5, stride=stride), Time(3, 4, stride=stride)):
        layer = layer.double()
        torch.testing.assert_close(layer(volume), nn.Conv3d.forward(layer, volume))
        assert layer(volume).stride(1) == 1  # channels still lie side by side


def test_the_middle_width_spends_the_same_weights():
    assert middle_width(64, 64) == 144
    for ins, outs, t, d in ((3, 64, 3, 7), (64, 128, 3, 3), (128, 128, 5, 3)):
        M = middle_width(ins, outs, t=t, d=d)
        one = d * d * ins + t * outs  # of one channel between
        assert 0 <= t * d * d * ins * outs - M * one < one


def test_sisters_have_the_same_budget():
    with torch.device("meta"):
        sizes = [costs(kind(3), (8, 3, 32, 32)).parameters for kind in (R3D, R2Plus1D)]
        small = [
            costs(kind(3, **kind.small), (8, 3, 32, 32)).parameters for kind in (R3D, R2Plus1D)
        ]
    # Less than all of it: the first block of a stage has the middle of its first convolution twice.
    assert 0.9 < sizes[1] / sizes[0] < 1
    assert 0.85 < small[1] / small[0] < 1
