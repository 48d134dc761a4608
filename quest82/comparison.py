"""Mean pooling against the LSTM on one split: trained, tested, and reported."""

from __future__ import annotations

from collections.abc import Mapping

from . import __version__, classifier, statistics, training
from .store import EssenceSet

# Published linear models on frozen ImageNet features reach 73 to 79 % of UCF101 (Simonyan &
# Zisserman 2014, Table 1; github.com/bknyaz/videos). Well above that, look for a leak.
SUSPICIOUS_TOP1 = 0.82
_VALIDATION_SHARE = 0.2


def compare(
    train: EssenceSet,
    test: EssenceSet,
    *,
    num_seeds: int = 3,
    epochs: int = 60,
    progress: bool = False,
) -> dict:
    """Train both aggregators with several seeds on one split, and test them on the other part.

    A fifth of the training groups is watched for early stopping; where there are too few groups
    for that, every epoch is run, and `watched` is 0.

    Args:
        train: clips to learn from.
        test: clips of other groups.
        num_seeds: how often, with other initial weights and another order of the clips.
        epochs: at most this many.
        progress: show a progress bar.

    Returns:
        A report of plain numbers and strings, ready for JSON: counts of clips; for "mean" and
        "lstm" the parameters, `top1` and `top5` per seed (0 to 1) and the 95 % interval of the
        first seed when groups are drawn again; `p_values` of McNemar's test by group, per seed.

    Raises:
        ValueError: if a group is on both sides, a side is empty, or num_seeds is below 1.
    """
    if num_seeds < 1:
        raise ValueError(f"num_seeds ({num_seeds}) must be at least 1")
    training.require_apart(train, test, name="test")
    enough = train.most_parts >= round(1 / _VALIDATION_SHARE)
    learning, watched = train.split(_VALIDATION_SHARE) if enough else (train, None)
    report = {
        "quest82": __version__,
        "extraction": dict(train.settings),
        "classes": len(train.classes),
        "train": len(learning),
        "watched": len(watched) if watched else 0,
        "test": len(test),
        "skipped": [list(entry) for entry in train.skipped],
        "models": {name: {"top1": [], "top5": []} for name in ("mean", "lstm")},
        "p_values": [],
    }
    for seed in range(num_seeds):
        config = training.TrainConfig(epochs=epochs, seed=seed, progress=progress)
        results = {}
        for name, entry in report["models"].items():
            model = classifier.build(name, train.num_features, len(train.classes), seed=seed)
            training.fit(model, learning, config, watched)
            results[name] = training.evaluate(model, test)
            entry["parameters"] = sum(p.numel() for p in model.parameters())
            entry["top1"].append(results[name].top1)
            entry["top5"].append(results[name].top5)
            if seed == 0:
                entry["interval"] = _interval(results[name], test)
        mean, lstm = results["mean"].correct, results["lstm"].correct
        report["p_values"].append(statistics.mcnemar(mean, lstm, test.groups))
    return report


def describe(report: Mapping) -> str:
    """A report of `compare` as a few lines of text."""
    lines = [
        f"{report['classes']} classes; {report['train']:,} clips to learn from, "
        f"{report['watched']:,} watched, {report['test']:,} to test, "
        f"{len(report['skipped'])} skipped"
    ]
    for name, entry in report["models"].items():
        low, high = entry["interval"]
        top1, top5 = (" / ".join(f"{100 * v:.1f}" for v in entry[k]) for k in ("top1", "top5"))
        lines.append(
            f"{name:5} top-1 {top1} %, 95 % interval {100 * low:.1f} to {100 * high:.1f} % "
            f"(first seed); top-5 {top5} %; {entry['parameters']:,} parameters"
        )
    p_values = " / ".join(f"{p:.2g}" for p in report["p_values"])
    lines.append(f"mean against LSTM, McNemar by group: p = {p_values}")
    if max(max(entry["top1"]) for entry in report["models"].values()) > SUSPICIOUS_TOP1:
        lines.append(
            f"note: above {100 * SUSPICIOUS_TOP1:.0f} %. On UCF101 no published model on frozen "
            "ImageNet features is that good: look for clips of one group on both sides"
        )
    return "\n".join(lines)


def _interval(result: training.Evaluation, test: EssenceSet) -> list[float]:
    if len(set(test.groups)) > 1:
        return list(statistics.group_bootstrap(result.correct, test.groups))
    return list(statistics.wilson_interval(int(result.correct.sum()), len(test)))
