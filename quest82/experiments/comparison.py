"""Mean pooling against the LSTM on one split: trained, tested, and put in numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from .. import __version__, learning
from ..essences.essence_set import EssenceSet
from ..learning import uncertainty
from ..systems import classifier

MODELS = ("mean", "lstm")
DIRECTIONS = ("forwards", "backwards")
# Published linear models on frozen ImageNet features reach 73 to 79 % of UCF101 (Simonyan &
# Zisserman 2014, Table 1; github.com/bknyaz/videos). Well above that, look for a leak.
SUSPICIOUS_TOP1 = 0.82
_MOST_CONFUSIONS = 20


def compare(
    train: EssenceSet,
    test: EssenceSet,
    *,
    num_seeds: int = 3,
    epochs: int = 60,
    device: str = "cpu",
    progress: bool = False,
) -> dict:
    """Train both aggregators with several seeds on one split, and test them on the other part.

    Each model is tested twice: on the test clips as they are, and with their essences in reverse
    order, as if played backwards. A fifth of the training groups is watched for early stopping;
    where that would be too few clips, every epoch is run on all of them, and `watched` is 0 (see
    `learning.set_aside`).

    Args:
        train: clips to learn from.
        test: clips of other groups.
        num_seeds: how often, with other initial weights and another order of the clips.
        epochs: at most this many.
        device: where the models are trained.
        progress: show a progress bar.

    Returns:
        A report of plain numbers and strings, ready for JSON. An "average" is over clips and
        seeds, from 0 to 1 (a difference: from -1 to 1); beside it stands the 95 % "interval" for
        other groups (`uncertainty.accuracy_interval`, `.difference_interval`).

        - `extraction`: how the essences were made; `skipped`: id and reason of unreadable clips;
        - `classes`; `train`, `watched`, `test`: counts of clips; `test_groups`, and `few_groups`,
          a remark where they are few; `majority`: the share of the test's most frequent class;
          `never_learned`: classes with test clips and no training clip; `never_tested`: the
          reverse; `one_sided`: classes of too few groups to be on both sides, with their number;
        - `models`, for "mean" and "lstm": `parameters`; `forwards` and `backwards`, each with
          `top1`, `top5` and `mean_class_accuracy` per seed, and the average top-1;
          `drop`: the average of forwards minus backwards;
        - `difference`: the average of mean minus LSTM; `p_values` of McNemar's test by group,
          per seed, both forwards; `corrected_p_values`, for so many comparisons (Holm);
        - `per_class`: for each class with test clips its number of clips and groups, the average
          recall of both models, and the difference, mean minus LSTM;
        - `confusions`: the most frequent wrong answers, with the count of each model (first seed).

    Raises:
        ValueError: if a group is on both sides, a side is empty, or num_seeds is below 1.
    """
    if num_seeds < 1:
        raise ValueError(f"num_seeds ({num_seeds}) must be at least 1")
    learning.require_apart(train, test, name="test")
    learned, watched = learning.set_aside(train)
    results = {name: {direction: [] for direction in DIRECTIONS} for name in MODELS}
    models = {}
    for name in MODELS:
        for seed in range(num_seeds):
            model = classifier.build(name, train.num_features, len(train.classes), seed=seed)
            config = learning.TrainConfig(epochs=epochs, seed=seed, progress=progress)
            learning.fit(model.to(device), learned, config, watched)
            results[name]["forwards"].append(learning.evaluate(model, test))
            results[name]["backwards"].append(learning.evaluate(model, _backwards(test)))
        models[name] = {"parameters": sum(p.numel() for p in model.parameters())}
        models[name] |= _judge(results[name], test.groups)
    taught, asked = _classes_in(learned), _classes_in(test)
    return {
        "extraction": dict(train.settings),
        "skipped": [list(entry) for entry in train.skipped],
        "classes": len(train.classes),
        "train": len(learned),
        "watched": len(watched) if watched else 0,
        "test": len(test),
        "test_groups": len(set(test.groups)),
        "few_groups": uncertainty.few_groups(test.groups),
        "majority": results["mean"]["forwards"][0].majority,
        "never_learned": sorted(asked - taught),
        "never_tested": sorted(taught - asked),
        "one_sided": learning.one_sided(train, test),
        "models": models,
        **_oppose(*(results[name]["forwards"] for name in MODELS), test),
    }


def collect(
    data: str,
    splits: Mapping[str, Mapping],
    *,
    notes: Sequence[str] = (),
    missing: Sequence[str] = (),
    alarm: float | None = None,
) -> dict:
    """One report from those of several splits.

    Args:
        data: what the clips are called, such as "UCF101".
        splits: name of the split -> report of `compare`.
        notes: sentences that a reader of the figures must know.
        missing: names of the clips that should have been there.
        alarm: top-1 above which to suspect that clips of one group are on both sides.

    Returns:
        A report of plain numbers and strings: what was given; `splits`, a list of the reports,
        each with its name as `split`; and `average`, over the splits: for "mean" and "lstm" the
        average top-1 `forwards` and `backwards`.
    """
    average = {
        name: {
            direction: float(
                np.mean([part["models"][name][direction]["average"] for part in splits.values()])
            )
            for direction in DIRECTIONS
        }
        for name in MODELS
    }
    return {
        "quest82": __version__,
        "data": data,
        "notes": list(notes),
        "missing": list(missing),
        "alarm": alarm,
        "splits": [{"split": name, **part} for name, part in splits.items()],
        "average": average,
    }


def _classes_in(clips: EssenceSet) -> set[str]:
    return {clips.classes[label] for label in clips.labels}


def _backwards(clips: EssenceSet) -> EssenceSet:
    return replace(clips, essences=clips.essences.flip(-2))


def _judge(results: Mapping[str, Sequence[learning.Evaluation]], groups: Sequence[str]) -> dict:
    """One model: its figures in both directions, and what playing backwards costs."""
    hits = {direction: _hits(runs) for direction, runs in results.items()}
    report = {
        direction: {
            "top1": [run.top1 for run in runs],
            "top5": [run.top5 for run in runs],
            "mean_class_accuracy": [run.mean_class_accuracy for run in runs],
            **_average(hits[direction], groups, uncertainty.accuracy_interval),
        }
        for direction, runs in results.items()
    }
    return {**report, "drop": _difference(hits["forwards"], hits["backwards"], groups)}


def _oppose(
    mean: Sequence[learning.Evaluation], lstm: Sequence[learning.Evaluation], test: EssenceSet
) -> dict:
    """Both models on the same clips: over all of them, by class, and where they are wrong."""
    hits = {"mean": _hits(mean), "lstm": _hits(lstm)}
    p_values = [
        uncertainty.mcnemar(a.correct, b.correct, test.groups)
        for a, b in zip(mean, lstm, strict=True)
    ]
    return {
        "difference": _difference(hits["mean"], hits["lstm"], test.groups),
        "p_values": p_values,
        "corrected_p_values": uncertainty.holm(p_values),
        "per_class": _per_class(hits, test),
        "confusions": _confusions(mean[0].confusion, lstm[0].confusion, test.classes),
    }


def _per_class(hits: Mapping[str, np.ndarray], test: EssenceSet) -> list[dict]:
    labels, groups = test.labels.numpy(), np.asarray(test.groups)
    rows = []
    for k in np.unique(labels):
        own = labels == k
        mean, lstm = hits["mean"][own], hits["lstm"][own]
        rows.append(
            {
                "class": test.classes[k],
                "clips": len(mean),
                "groups": len(set(groups[own])),
                "mean": float(mean.mean()),
                "lstm": float(lstm.mean()),
                "difference": _difference(mean, lstm, groups[own]),
            }
        )
    return rows


def _confusions(mean: Tensor, lstm: Tensor, classes: Sequence[str]) -> list[dict]:
    """The most frequent wrong answers of both models together, from their (K, K) counts."""
    together = mean + lstm
    together.fill_diagonal_(0)
    counts = together.flatten()
    ranked = counts.argsort(descending=True, stable=True)[:_MOST_CONFUSIONS]
    pairs = [divmod(int(cell), len(classes)) for cell in ranked if counts[cell]]
    return [
        {
            "true": classes[true],
            "predicted": classes[predicted],
            "mean": int(mean[true, predicted]),
            "lstm": int(lstm[true, predicted]),
        }
        for true, predicted in pairs
    ]


def _hits(results: Sequence[learning.Evaluation]) -> np.ndarray:
    """For each of N clips the share of the seeds that got it right."""
    return np.mean([result.correct.numpy() for result in results], axis=0)


def _difference(first: np.ndarray, second: np.ndarray, groups: Sequence[str]) -> dict:
    return _average(first - second, groups, uncertainty.difference_interval)


def _average(
    values: np.ndarray,
    groups: Sequence[str],
    interval: Callable[[np.ndarray, Sequence[str]], tuple[float, float]],
) -> dict:
    return {"average": float(values.mean()), "interval": list(interval(values, groups))}
