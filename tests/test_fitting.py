"""What `fit` takes: objectives, optimisers, schedules, checkpoints."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import pytest
import torch
from torch.nn import functional as F

from quest82.learning import SGD, Adam, CrossEntropy, Schedule, TrainConfig, evaluate, fit
from quest82.learning.config import History
from quest82.systems import classifier


def model_for(data, name="lstm", dtype=torch.float32):
    small = {"projection_size": 8, "hidden_size": 8} if name == "lstm" else {}
    return classifier.build(name, data.num_features, len(data.classes), dtype=dtype, **small)


def weights_of(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_the_defaults_are_adam_on_the_plain_cross_entropy(make_set):
    """Held to a loop of a dozen lines that knows nothing of the settings."""
    data = make_set(num_clips=12)
    ours, other = model_for(data, "mean"), model_for(data, "mean")
    history = fit(ours, data, TrainConfig(epochs=3, batch_size=5, seed=4))
    adam = torch.optim.Adam(other.parameters(), lr=1e-3)
    torch.manual_seed(4)
    other.train()
    for epoch in range(3):
        total = 0.0
        for rows in torch.randperm(12).split(5):
            loss = F.cross_entropy(other(data.essences[rows].float()), data.labels[rows])
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(other.parameters(), 1.0)
            adam.step()
            total += loss.item() * len(rows) / 12
        assert history.train_loss[epoch] == pytest.approx(total, rel=1e-6)
    torch.testing.assert_close(weights_of(ours), weights_of(other), rtol=1e-5, atol=1e-6)


def test_sgd_is_the_textbook_rule(make_set):
    """One batch an epoch, no dropout: v <- m v + g + d w, w <- w - r v."""
    data = make_set(num_clips=8)
    model = classifier.build(
        "mean", data.num_features, len(data.classes), head_dropout=0.0, dtype=torch.float64
    )
    w = [p.detach().clone().requires_grad_() for p in model.parameters()]
    optimiser = SGD(momentum=0.5, weight_decay=0.1)
    config = TrainConfig(
        epochs=3, batch_size=8, learning_rate=0.2, clip_norm=1e9, optimiser=optimiser
    )
    fit(model, data, config)
    v, x = [torch.zeros_like(p) for p in w], data.essences.double().mean(dim=1)
    for _ in range(3):
        loss = F.cross_entropy(x @ w[0].T + w[1], data.labels)
        gradients = torch.autograd.grad(loss, w)
        for k, gradient in enumerate(gradients):
            v[k] = 0.5 * v[k] + gradient + 0.1 * w[k].detach()
            w[k] = (w[k].detach() - 0.2 * v[k]).requires_grad_()
    for ours, theirs in zip(model.parameters(), w, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_weight_decay_draws_weights_towards_zero(make_set):
    data, lengths = make_set(), []
    for decay in (0.0, 20.0):
        model = model_for(data, "mean")
        fit(model, data, TrainConfig(epochs=20, optimiser=Adam(weight_decay=decay)))
        lengths.append(weights_of(model).norm().item())
    assert lengths[1] < 0.9 * lengths[0]


def test_the_rate_warms_up_and_falls_as_a_cosine(make_set):
    schedule = Schedule(warm_up_epochs=2, cosine=True)
    factors = [schedule.factor(done, 10) for done in (0.5, 1, 2, 6, 10)]
    assert factors == [0.25, 0.5, 1, 0.5, 0]
    assert [Schedule().factor(done, 10) for done in (0, 5, 10)] == [1, 1, 1]
    rates = []

    class Recorded(SGD):
        def build(self, parameters, learning_rate):
            optimiser = super().build(parameters, learning_rate)
            step = optimiser.step
            optimiser.step = lambda: rates.append(optimiser.param_groups[0]["lr"]) or step()
            return optimiser

    data = make_set(num_clips=8)
    config = TrainConfig(
        epochs=4, batch_size=4, learning_rate=2.0, optimiser=Recorded(), schedule=schedule
    )
    fit(model_for(data, "mean"), data, config)
    expected = [2 * schedule.factor(k / 2, 4) for k in range(1, 9)]
    assert rates == pytest.approx(expected)


@dataclass(frozen=True)
class TwoLosses:
    """Cross-entropy, and the answers to a clip and to its reverse should be alike."""

    share: float

    def loss_for(self, train):
        plain = CrossEntropy().loss_for(train)

        def loss(model, inputs, labels):
            apart = (model(inputs) - model(inputs.flip(1))).square().mean()
            return plain(model, inputs, labels) + self.share * apart

        return loss

    def watch(self, model, validation):
        return CrossEntropy().watch(model, validation)


def test_an_objective_may_weigh_two_losses(make_set):
    data, apart = make_set(num_frames=6), []
    for share in (0.0, 100.0):
        model = model_for(data)
        fit(model, data, TrainConfig(epochs=60, learning_rate=1e-2, objective=TwoLosses(share)))
        x = data.essences.float()
        apart.append((model(x) - model(x.flip(1))).abs().mean().item())
    assert apart[1] < 0.5 * apart[0]


def test_label_smoothing_keeps_the_model_from_being_sure(make_set):
    data, sure = make_set(), []
    for smooth in (0.0, 0.3):
        model = model_for(data, "mean")
        fit(model, data, TrainConfig(epochs=150, objective=CrossEntropy(label_smoothing=smooth)))
        sure.append(evaluate(model, data).logits.softmax(dim=1).amax(dim=1).mean().item())
    assert sure[1] < sure[0] - 0.05
    with pytest.raises(ValueError, match=r"label_smoothing \(1\)"):
        CrossEntropy(label_smoothing=1)


def test_mixed_precision_trains_and_leaves_single_precision(make_set):
    data = make_set()
    model = model_for(data, "mean")
    history = fit(model, data, TrainConfig(epochs=30, mixed_precision=True))
    assert history.train_loss[-1] < 0.8 * history.train_loss[0]
    assert all(p.dtype == torch.float32 for p in model.parameters())


class Killed(Exception):
    pass


@pytest.fixture
def killed_after(monkeypatch):
    """Ends a training at some step, from now on counted."""
    loop = importlib.import_module("quest82.learning.fit")
    set_rate = loop._set_rate

    def kill(steps):
        calls = iter(range(10**6))

        def dying(*arguments):
            if next(calls) >= steps:
                raise Killed
            set_rate(*arguments)

        monkeypatch.setattr(loop, "_set_rate", dying)

    return kill


@pytest.mark.parametrize("optimiser", [Adam(), SGD()])
@pytest.mark.parametrize("watched", [False, True])
def test_a_training_that_was_killed_ends_as_if_it_had_not(
    make_set, tmp_path, killed_after, optimiser, watched
):
    data, path = make_set(num_clips=18), tmp_path / "state"
    train, validation = data.split(1 / 3)
    config = TrainConfig(epochs=7, batch_size=4, patience=3, optimiser=optimiser)
    validation = validation if watched else None
    whole, stopped = model_for(data), model_for(data)
    expected = fit(whole, train, config, validation)
    for steps in (7, 4):  # three an epoch: both in the middle of one
        killed_after(steps)
        with pytest.raises(Killed):
            fit(stopped, train, config, validation, checkpoint=path)
        assert path.exists()
        stopped = model_for(data)  # a new process knows nothing
    killed_after(10**6)
    history = fit(stopped, train, config, validation, checkpoint=path)
    assert history == expected
    assert torch.equal(weights_of(stopped), weights_of(whole))
    assert not path.exists()


def test_the_checkpoint_of_another_training_is_refused(make_set, tmp_path, killed_after):
    data, path = make_set(num_clips=12), tmp_path / "state"
    killed_after(4)
    with pytest.raises(Killed):
        fit(model_for(data), data, TrainConfig(batch_size=4), checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="belongs to another training"):
        fit(model_for(data), data, TrainConfig(batch_size=5), checkpoint=path)
    assert path.read_bytes() == before
    path.write_bytes(before[: len(before) // 2])
    with pytest.raises(ValueError, match="not a checkpoint"):
        fit(model_for(data), data, TrainConfig(batch_size=4), checkpoint=path)


def test_a_history_is_over_after_all_epochs_or_too_long_without_a_lower_loss():
    config = TrainConfig(epochs=5, patience=2)
    assert not History([1.0] * 4, best_epoch=3).is_over(config)
    assert History([1.0] * 5, best_epoch=4).is_over(config)
    assert not History([1.0] * 3, best_epoch=1).is_over(config)
    assert History([1.0] * 4, best_epoch=1).is_over(config)
