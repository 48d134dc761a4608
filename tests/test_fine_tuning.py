"""Extractor and classifier trained together, from video files on."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from quest82.data.clips import from_folder
from quest82.essences import extract
from quest82.frames.frame_set import FrameSet
from quest82.frames.view import ViewSpec
from quest82.learning import TrainConfig, evaluate, fit
from quest82.systems import classifier
from quest82.systems.mobilenet import MobileNetV2Extractor

SPEC = ViewSpec(num_frames=2, size=32, num_views=3)
BLOCK = 16


@pytest.fixture
def data(write_clip, tmp_path):
    """Six clips of two classes, told apart by the brightness of a square."""
    for number in range(6):
        shade = (20 if number % 2 else 220) + number
        write_clip(f"clips/{number % 2}/{number}.mp4", shade=shade, num_frames=8)
    return FrameSet.of(from_folder(tmp_path / "clips"), SPEC, num_workers=0)


@pytest.fixture
def make_extractor(extractor):
    def make(**options) -> MobileNetV2Extractor:
        made = MobileNetV2Extractor(None, **options)
        made.load_state_dict(extractor.state_dict())
        return made

    return make


def end_to_end(extractor) -> nn.Sequential:
    return nn.Sequential(extractor, classifier.build("mean", 1280, 2, head_dropout=0.0))


def moved_blocks(extractor, before, *endings) -> set[int]:
    """Numbers of the blocks in which a weight or statistic with such a name has changed."""
    after = extractor.features.state_dict()
    names = [name for name in after if name.endswith(endings)]
    return {int(n.split(".")[0]) for n in names if not torch.equal(after[n], before[n])}


@pytest.mark.parametrize("train_batch_norm", [False, True])
def test_the_trained_blocks_learn_and_the_others_stay(data, make_extractor, train_batch_norm):
    extractor = make_extractor(trainable_from=BLOCK, train_batch_norm=train_batch_norm)
    before = {name: value.clone() for name, value in extractor.features.state_dict().items()}
    history = fit(end_to_end(extractor), data, TrainConfig(epochs=8, batch_size=3))
    assert history.train_loss[-1] < 0.5 * history.train_loss[0]
    trained = {16, 17, 18}
    assert moved_blocks(extractor, before, "weight", "bias") == trained
    statistics = moved_blocks(extractor, before, "running_mean", "running_var", "tracked")
    assert statistics == (trained if train_batch_norm else set())


def test_frozen_is_training_on_stored_essences(data, make_extractor, tmp_path):
    """The same views and order are drawn, so that only float16 lies between the two.

    There is no dropout here: frames draw all views of an epoch before it, essences in between.
    """
    extractor = make_extractor()
    stored = extract(data.clips, extractor, tmp_path / "store", SPEC, num_workers=0, progress=False)
    config = TrainConfig(epochs=3, batch_size=4)
    sizes = {"projection_size": 8, "hidden_size": 8, "dropout": 0.0}
    alone, head = (classifier.build("lstm", 1280, 2, head_dropout=0.0, **sizes) for _ in range(2))
    joined = nn.Sequential(extractor, head)
    untrained = evaluate(alone, stored).logits
    fit(alone, stored, config)
    fit(joined, data, config)
    for average_views in (False, True):
        one = evaluate(alone, stored, average_views=average_views).logits
        other = evaluate(joined, data, average_views=average_views).logits
        torch.testing.assert_close(one, other, atol=2e-3, rtol=0)
    assert (evaluate(alone, stored).logits - untrained).abs().max() > 2e-2


def test_the_best_weights_of_the_extractor_are_restored_too(data, make_extractor):
    extractor = make_extractor(trainable_from=18)
    model = end_to_end(extractor)
    train, validation = data.split(0.5)
    history = fit(model, train, TrainConfig(epochs=4, learning_rate=3e-2), validation)
    best = min(history.validation_loss)
    assert evaluate(model, validation).loss == pytest.approx(best, rel=1e-5)


def test_frozen_blocks_keep_nothing_for_the_backward_pass(make_extractor):
    kept = {}
    extractor = make_extractor(trainable_from=BLOCK)
    for number, block in enumerate(extractor.features):
        block.register_forward_hook(
            lambda _, __, maps, number=number: kept.update({number: maps.requires_grad})
        )
    extractor(torch.rand(1, 1, 3, 32, 32))
    assert [number for number, keeps in kept.items() if keeps] == [16, 17, 18]


def test_gradients_reach_frames_that_ask_for_them_through_frozen_blocks(make_extractor):
    frames = torch.rand(1, 2, 3, 32, 32, requires_grad=True)
    reference = frames.detach().clone().requires_grad_()
    make_extractor(trainable_from=BLOCK)(frames).sum().backward()
    make_extractor()(reference).sum().backward()
    assert reference.grad.abs().sum() > 0
    torch.testing.assert_close(frames.grad, reference.grad)


def test_the_essences_are_those_of_the_frozen_extractor(make_extractor):
    frames = torch.rand(1, 2, 3, 32, 32)
    expected = make_extractor()(frames)
    for block in (0, 7, 18):
        extractor = make_extractor(trainable_from=block).train()
        assert torch.equal(extractor(frames).detach(), expected)
    other = make_extractor(trainable_from=0, train_batch_norm=True)
    assert not torch.equal(other.train()(frames).detach(), expected)
    other.load_state_dict(make_extractor().state_dict())
    assert torch.equal(other.eval()(frames).detach(), expected)


def test_a_clip_that_cannot_be_read_stops_the_training(data, make_extractor, tmp_path):
    missing = replace(data.clips[3], path=tmp_path / "gone.mp4")
    broken = FrameSet.of([*data.clips[:3], missing], SPEC, classes=data.classes)
    with pytest.raises(ValueError, match=f"{missing.id}.*no such file"):
        fit(end_to_end(make_extractor(trainable_from=18)), broken, TrainConfig(epochs=1))


def test_bad_blocks_are_refused():
    for block in (-1, 19):
        with pytest.raises(ValueError, match=rf"trainable_from \({block}\) must be a block, 0 to"):
            MobileNetV2Extractor(None, trainable_from=block)
    with pytest.raises(ValueError, match="give trainable_from"):
        MobileNetV2Extractor(None, train_batch_norm=True)
    assert len(MobileNetV2Extractor(None).features) == MobileNetV2Extractor.num_blocks
