"""Networks with 3D convolutions: shapes on paper, a 3D convolution by hand, C3D's features."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from quest82 import learning
from quest82.data import motions
from quest82.learning.svm import evaluate_svm, fit_svm
from quest82.systems import classifier
from quest82.systems.classifier import Classifier
from quest82.systems.costs import costs
from quest82.systems.parts.volume import Stage3d, as_volume, pooled_size
from quest82.systems.volumes import C3D, Conv3dLecture, c3d_features


def clips(B=2, T=8, S=16, C=3, seed=0):
    return torch.rand(B, T, C, S, S, generator=torch.Generator().manual_seed(seed))


def shapes_in(model, clip_shape):
    """Of what comes out of every convolution, pooling and linear layer, without computing any."""
    found = []
    kinds = (nn.Conv3d, nn.MaxPool3d, nn.Linear)
    for layer in (m for m in model.modules() if isinstance(m, kinds)):
        layer.register_forward_hook(lambda _, __, out: found.append(tuple(out.shape[1:])))
    model.to("meta")(torch.empty(1, *clip_shape, device="meta"))
    return found


def test_every_shape_of_the_lectures_network():
    with torch.device("meta"):
        model = Classifier(Conv3dLecture(3), 10)
    assert shapes_in(model, (20, 3, 64, 64)) == [
        (12, 20, 64, 64), (12, 5, 16, 16), (24, 5, 16, 16), (24, 2, 4, 4), (10,),
    ]  # fmt: skip
    assert model.head.in_features == 24 * 2 * 4 * 4
    weights = 3 * 12 * 27 + 12 + 12 * 24 * 27 + 24 + 768 * 10 + 10
    found = costs(model, (20, 3, 64, 64))
    by_hand = 20 * 64 * 64 * 12 * 3 * 27 + 5 * 16 * 16 * 24 * 12 * 27 + 7680
    assert found == (weights, by_hand)


def c3d_on_paper(classes):
    """Shapes (C, T, H, W) and weights of C3D, from the figure of the paper."""
    shapes, weights, C, T, S = [], 0, 3, 16, 112
    # "|" is the pooling of 1 x 2 x 2, "/" one of 2 x 2 x 2.
    for name in (64, "|", 128, "/", 256, 256, "/", 512, 512, "/", 512, 512, "/"):
        if name in ("|", "/"):
            T, S = (T if name == "|" else T // 2), (S + 1) // 2
        else:
            weights += name * (27 * C + 1)
            C = name
        shapes.append((C, T, S, S))
    for ins, outs in ((C * T * S * S, 4096), (4096, 4096), (4096, classes)):
        weights += outs * (ins + 1)
        shapes.append((outs,))
    return shapes, weights


def test_c3d_has_the_shapes_and_the_78_million_weights_of_the_paper():
    with torch.device("meta"):
        model = Classifier(C3D(3), 101)
    shapes, weights = c3d_on_paper(101)
    assert shapes_in(model, (16, 3, 112, 112)) == shapes
    assert shapes[-4] == (512, 1, 4, 4)
    found = costs(model, (16, 3, 112, 112))
    assert found.parameters == weights
    without_classes = weights - 101 * 4097
    assert round(without_classes / 1e6) == 78
    assert round(found.multiply_adds / 1e9, 1) == 38.5
    assert not any(isinstance(layer, nn.BatchNorm3d) for layer in model.modules())


def convolved_by_loops(volume, weight, bias):
    """A 3D convolution as its sum says, for one clip (C, T, H, W), padded by one."""
    C, T, H, W = volume.shape
    padded = np.pad(volume, ((0, 0), (1, 1), (1, 1), (1, 1)))
    out = np.empty((len(weight), T, H, W))
    for t, y, x in np.ndindex(T, H, W):
        seen = padded[:, t : t + 3, y : y + 3, x : x + 3]
        out[:, t, y, x] = (weight * seen).sum(axis=(1, 2, 3, 4)) + bias
    return out


def test_a_stage_is_the_sum_of_the_textbook():
    stage = Stage3d(3, [4], (2, 2, 2)).double()
    clip = clips(1, T=3, S=5).double()
    conv = stage[0]
    by_hand = convolved_by_loops(
        clip[0].transpose(0, 1).numpy(), conv.weight.detach().numpy(), conv.bias.detach().numpy()
    )
    by_hand = np.maximum(np.pad(by_hand, ((0, 0), (0, 1), (0, 1), (0, 1))), 0)
    by_hand = by_hand.reshape(4, 2, 2, 3, 2, 3, 2).max(axis=(2, 4, 6))
    ours = stage(as_volume(clip))[0].detach().numpy()
    np.testing.assert_allclose(ours, by_hand, atol=1e-12)


def test_channels_of_a_volume_lie_side_by_side_and_stay_so():
    volume = as_volume(clips())
    assert volume.shape == (2, 3, 8, 16, 16)
    assert volume.stride(1) == 1
    assert torch.equal(volume[1, :, 5], clips()[1, 5])
    assert Stage3d(3, [8, 8], (1, 2, 2), batch_norm=True)(volume).stride(1) == 1


def test_what_pooling_leaves():
    assert pooled_size((7, 5, 1), [(2, 2, 2)]) == (4, 3, 1)
    assert pooled_size((7, 5, 2), [(2, 2, 2)], keep_rest=False) == (3, 2, 1)


@pytest.mark.parametrize("name", ["conv3d_lecture", "c3d"])
@pytest.mark.parametrize("shape", [(1, 7, 3, 32, 32), (1, 8, 3, 32, 16)])
def test_clips_of_another_size_are_refused(name, shape):
    kind = {"conv3d_lecture": Conv3dLecture, "c3d": C3D}[name]
    with pytest.raises(ValueError, match=r"made for 8 of 32 x 32 \(num_frames, size\)"):
        kind(3, **kind.small)(torch.zeros(shape))


def small_c3d(**options):
    options = {"num_frames": 4, "size": 16, "stages": [[4], [6]], "hidden_size": 10, **options}
    return classifier.build(C3D, 3, 2, **options).aggregator


def test_features_are_fc6_of_windows_averaged_and_of_length_one():
    c3d, videos = small_c3d(), clips(3, T=9)
    found = c3d_features(c3d, videos, batch_size=2)
    c3d.eval()
    for video, feature in zip(videos, found, strict=True):
        windows = [video[start : start + 4] for start in (0, 2, 4)]  # 6 would end at 10
        seen = torch.stack([c3d.stages(as_volume(w[None])).flatten() for w in windows])
        fc6 = F.linear(seen, c3d.fc6.weight, c3d.fc6.bias).clamp(min=0).mean(dim=0)
        torch.testing.assert_close(feature, fc6 / fc6.square().sum().sqrt())


def test_features_leave_the_network_as_it_was():
    c3d = small_c3d(batch_norm=True, dropout=0.9).train()
    before = {name: value.clone() for name, value in c3d.state_dict().items()}
    found = c3d_features(c3d, clips(T=4))
    assert c3d.training and not found.requires_grad
    assert torch.equal(found, c3d_features(c3d, clips(T=4)))
    assert all(torch.equal(value, before[name]) for name, value in c3d.state_dict().items())
    with pytest.raises(ValueError, match=r"videos have 3 frames, but a window .* has 4"):
        c3d_features(c3d, clips(T=3))


def test_an_svm_on_features_of_a_trained_c3d_tells_directions():
    kinds = ["across"]
    sets = (
        motions.clips(n, kinds=kinds, size=16, seed=seed).reversed_pairs(motions.REVERSED)
        for n, seed in ((24, 0), (20, 1))
    )
    train, test = sets
    model = classifier.build("c3d", 3, 2, **{**C3D.small, "size": 16, "stages": [[8], [16]]})
    learning.fit(model, train, learning.TrainConfig(epochs=8, learning_rate=3e-3))
    features = [
        c3d_features(model.aggregator, data.tensors.float() / 255) for data in (train, test)
    ]
    svm = fit_svm(features[0], train.labels)
    assert evaluate_svm(svm, features[0], train.labels).top1 > 0.9
    assert evaluate_svm(svm, features[1], test.labels).top1 > 0.8


@pytest.mark.parametrize("classes", [2, 3])
def test_an_svm_answers_as_scikit_learn_does(classes):
    generator = torch.Generator().manual_seed(classes)
    labels = torch.arange(60) % classes
    features = torch.randn(60, 5, generator=generator) + 2 * F.one_hot(labels, 5)
    svm = fit_svm(features[:40], labels[:40], cost=0.5)
    found = evaluate_svm(svm, features[40:], labels[40:])
    assert svm.C == 0.5
    assert found.predictions.tolist() == svm.predict(features[40:].numpy()).tolist()
    assert found.top1 == svm.score(features[40:].numpy(), labels[40:].numpy())
    assert found.logits.shape == (20, classes)
