"""The exact fit of a linear layer on the mean, beside scikit-learn's and by its own law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import cross_entropy

from quest82.learning import CrossEntropy, Schedule, TrainConfig, cross_validated, evaluate, fit
from quest82.learning import trained as fitted
from quest82.learning.splits import folds
from quest82.systems import classifier
from quest82.systems.aggregators import AGGREGATORS

EXACT = TrainConfig(solver="lbfgs")


def means_of(data):
    return data.essences.double().mean(dim=1).numpy()


def penalised(weights, biases, data, strength, each=1.0):
    """What scikit-learn makes small: C times the loss of all clips, plus half the squares."""
    logits = torch.from_numpy(means_of(data)) @ weights.T + biases
    losses = each * cross_entropy(logits, data.labels, reduction="none")
    return strength * losses.sum() + weights.square().sum() / 2


@pytest.mark.parametrize("strength", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("num_features", [8, 200])  # fewer than clips, and more
@pytest.mark.parametrize("num_classes", [2, 3])
def test_it_is_scikit_learns_minimum(make_set, strength, num_features, num_classes):
    data = make_set(num_clips=60, num_features=num_features, num_classes=num_classes)
    model = fitted("mean", data, replace(EXACT, strength=strength))
    other = LogisticRegression(C=strength, tol=1e-10, solver="newton-cg", max_iter=1000)
    other.fit(means_of(data), data.labels)
    weights = torch.from_numpy(other.coef_)
    biases = torch.from_numpy(other.intercept_)
    if num_classes == 2:  # the difference of both sides, of whose squares scikit-learn counts one
        ours = model.head.weight[1] - model.head.weight[0]
        torch.testing.assert_close(ours, weights[0], rtol=1e-4, atol=1e-5)
    else:
        torch.testing.assert_close(model.head.weight, weights, rtol=1e-4, atol=1e-5)
        ours = penalised(model.head.weight, model.head.bias, data, strength)
        theirs = penalised(weights, biases, data, strength)
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)
    answers = evaluate(model, data).predictions.numpy()
    assert (answers == other.predict(means_of(data))).all()


@pytest.mark.parametrize("class_weights", [False, True])
def test_at_the_minimum_the_gradient_is_zero(make_set, class_weights):
    data = make_set(num_clips=60, num_features=12).subset(range(7, 60))
    config = replace(EXACT, strength=0.5, objective=CrossEntropy(class_weights=class_weights))
    head = fitted("mean", data, config).head
    counts = data.labels.bincount(minlength=3)
    each = (len(data) / (3 * counts.double()))[data.labels] if class_weights else 1.0
    penalised(head.weight, head.bias, data, 0.5, each).backward()
    assert head.weight.grad.abs().max() < 1e-5
    assert head.bias.grad.abs().max() < 1e-5


def test_the_model_is_an_ordinary_one(make_set, tmp_path):
    data = make_set(num_clips=60)
    model = classifier.build("mean", data.num_features, 3, head_dropout=0.0)
    history = fit(model, data, EXACT)
    assert not model.training
    assert history.best_epoch == 0
    assert history.train_loss == [pytest.approx(evaluate(model, data).loss, rel=1e-4)]
    classifier.save(tmp_path / "m", model, classes=data.classes)
    again = evaluate(classifier.load(tmp_path / "m")[0], data)
    assert torch.equal(again.logits, evaluate(model, data).logits)


def test_neither_seed_nor_unit_nor_shift_of_the_essences_matters(make_set):
    data = make_set(num_clips=60)
    fits = [
        evaluate(fitted("mean", seen, replace(EXACT, strength=strength)), seen)
        for seen, strength in (
            (data, 1.0),
            (data, 1.0),
            (replace(data, essences=100 * data.essences.double() + 7), 1e-4),
        )
    ]
    assert torch.equal(fits[0].logits, fits[1].logits)
    torch.testing.assert_close(fits[0].logits, fits[2].logits, rtol=1e-4, atol=1e-4)


def test_strength_and_temperature_are_the_best_on_groups_left_out(make_set):
    data = make_set(num_clips=96, num_features=40, clips_per_group=4)
    wrong = torch.rand(96, generator=torch.Generator().manual_seed(0)) < 0.3
    noisy = replace(data, labels=(data.labels + wrong) % 3)
    model = classifier.build("mean", 40, 3, head_dropout=0, dtype=torch.float64)
    history = fit(model, noisy, EXACT)
    plain = fitted("mean", noisy, replace(EXACT, strength=history.strength))
    torch.testing.assert_close(
        model.head.weight * history.temperature, plain.head.weight, rtol=1e-4, atol=1e-6
    )

    def losses(strength):
        """At that temperature, a lower and a higher one, of models that have not seen the group."""
        given = replace(EXACT, strength=strength)
        logits = cross_validated("mean", noisy, given, num_folds=5).logits
        near = (history.temperature * factor for factor in (1.0, 0.5, 2.0))
        return [cross_entropy(logits / t, noisy.labels).item() for t in near]

    chosen, cold, hot = losses(history.strength)
    assert chosen < min(cold, hot)
    assert chosen < min(losses(history.strength / 100))
    assert chosen < min(losses(history.strength * 100))


def test_all_views_count_each_for_its_share(make_set):
    plain = make_set(num_clips=30)
    views = torch.stack([plain.essences, plain.essences.flip(2), plain.essences + 1], dim=1)
    model = fitted("mean", replace(plain, essences=views), replace(EXACT, strength=3.0))
    rows = views.double().mean(dim=2).transpose(0, 1).flatten(0, 1).numpy()
    labels = plain.labels.repeat(3)
    other = LogisticRegression(C=1.0, tol=1e-10, solver="newton-cg").fit(rows, labels)
    np.testing.assert_allclose(model.head.weight.detach(), other.coef_, rtol=1e-4, atol=1e-5)


def test_a_class_without_clips_is_never_answered(make_set):
    data = make_set(num_clips=60, num_classes=4)
    seen = data.subset(data.labels != 1)
    result = evaluate(fitted("mean", seen, EXACT), data)
    assert 1 not in result.predictions
    assert result.logits.isfinite().all()
    assert result.correct[data.labels != 1].double().mean() > 0.5


def test_cross_validation_takes_it(make_set):
    data = make_set(num_clips=40)
    given = replace(EXACT, strength=1.0)
    result = cross_validated("mean", data, given, num_folds=4)
    means = means_of(data)
    for inside, left_out in folds(data, 4, seed=0):
        other = LogisticRegression(tol=1e-8).fit(means[inside], data.labels[inside])
        assert (result.predictions[left_out].numpy() == other.predict(means[left_out])).all()


@pytest.mark.parametrize("aggregator", sorted(set(AGGREGATORS) - {"mean", "two_frames"}))
def test_what_is_not_convex_is_refused_by_name(make_set, aggregator):
    model = classifier.build(aggregator, 1280, 3)
    name = type(model.aggregator).__name__
    with pytest.raises(ValueError, match=rf"aggregator \({name}\).* take 'mean'"):
        fit(model, make_set(), EXACT)


def test_dropout_and_other_models_and_objectives_are_refused(make_set):
    data = make_set()
    with pytest.raises(ValueError, match=r"dropout \(0.5\).*head_dropout=0"):
        fit(classifier.build("mean", data.num_features, 3), data, EXACT)
    with pytest.raises(ValueError, match=r"model \(Linear\) is no Classifier"):
        fit(torch.nn.Linear(4, 3), data, EXACT)
    smooth = replace(EXACT, objective=CrossEntropy(label_smoothing=0.1))
    with pytest.raises(ValueError, match="without label_smoothing"):
        fitted("mean", data, smooth)


def test_what_has_no_meaning_is_refused(make_set, tmp_path):
    for name, value in {"epochs": 5, "patience": 3, "schedule": Schedule(cosine=True)}.items():
        with pytest.raises(ValueError, match=f"{name} .*no meaning where solver='lbfgs'"):
            replace(EXACT, **{name: value})
    with pytest.raises(ValueError, match=r"strength \(1.0\) has no meaning where solver='steps'"):
        TrainConfig(strength=1.0)
    with pytest.raises(ValueError, match=r"strength \(0\) must be above 0"):
        replace(EXACT, strength=0)
    with pytest.raises(ValueError, match=r"solver \('newton'\) must be one of steps, lbfgs"):
        TrainConfig(solver="newton")
    train, watched = make_set(num_clips=48).split(0.25)
    model = classifier.build("mean", train.num_features, 3, head_dropout=0)
    with pytest.raises(ValueError, match=r"validation \(12 clips\)"):
        fit(model, train, EXACT, watched)
    with pytest.raises(ValueError, match="checkpoint .*no epochs"):
        fit(model, train, EXACT, checkpoint=tmp_path / "c")


def test_too_few_classes_or_groups_are_refused(make_set):
    data = make_set(num_clips=24)
    with pytest.raises(ValueError, match="one class alone"):
        fitted("mean", data.subset(data.labels == 0), EXACT)
    one = replace(data, groups=("g",) * len(data))
    with pytest.raises(ValueError, match="strength cannot be chosen by groups: 1 of them"):
        fitted("mean", one, EXACT)
    assert fitted("mean", one, replace(EXACT, strength=1.0))
    by_class = replace(data, groups=tuple(f"g{k}" for k in data.labels.tolist()))
    with pytest.raises(ValueError, match="strength cannot be chosen by groups: 3 of them"):
        fitted("mean", by_class, EXACT)
